package tidegate;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs a Java function: asks the Runtime API for events, gives them to the handler, sends the answers back. Behaves as
 * Lambda's own client does. Compiled by the host's JDK, of Java 8 or later.
 */
public final class Bootstrap {
    private Bootstrap() {}

    public static void main(String[] arguments) throws IOException {
        RuntimeApi api = new RuntimeApi(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        Handler handler;
        try {
            handler = Handler.load(System.getenv("_HANDLER"));
        } catch (Throwable failure) {
            log(failure);
            api.initFailed(error(failure));
            System.exit(1);
            return;
        }
        for (;;) {
            RuntimeApi.Response event = api.next();
            String id = event.header("lambda-runtime-aws-request-id");
            String trace = event.header("lambda-runtime-trace-id");
            if (trace == null) {
                System.clearProperty("com.amazonaws.xray.traceHeader");
            } else {
                System.setProperty("com.amazonaws.xray.traceHeader", trace);
            }
            byte[] answer;
            try {
                answer = handler.handle(event);
            } catch (Throwable failure) {
                log(failure);
                api.fail(id, error(failure));
                if (failure instanceof VirtualMachineError) { // out of memory: nothing can be relied on any more
                    System.exit(1);
                }
                continue;
            }
            api.respond(id, answer);
        }
    }

    private static Map<String, Object> error(Throwable failure) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("errorMessage", failure.getMessage());
        error.put("errorType", type(failure));
        if (!(failure instanceof Handler.Fault)) {
            List<String> frames = new ArrayList<>();
            for (StackTraceElement frame : failure.getStackTrace()) {
                if (frame.getClassName().startsWith("tidegate.")) {
                    break; // what called the function is none of its business
                }
                if (!reflection(frame)) {
                    frames.add(frame.toString());
                }
            }
            error.put("stackTrace", frames);
        } else {
            error.put("stackTrace", new ArrayList<String>());
        }
        if (failure.getCause() != null && failure.getCause() != failure) {
            error.put("cause", error(failure.getCause()));
        }
        return error;
    }

    private static String type(Throwable failure) {
        return failure instanceof Handler.Fault ? ((Handler.Fault) failure).type : failure.getClass().getName();
    }

    private static boolean reflection(StackTraceElement frame) {
        String name = frame.getClassName();
        return name.startsWith("java.lang.reflect.") || name.startsWith("jdk.internal.reflect.") || name.startsWith("sun.reflect.");
    }

    private static void log(Throwable failure) {
        StringWriter text = new StringWriter();
        text.append(String.valueOf(failure.getMessage())).append(": ").append(type(failure)).append('\n');
        failure.printStackTrace(new PrintWriter(text, true));
        Contexts.entry(text.toString());
    }
}
