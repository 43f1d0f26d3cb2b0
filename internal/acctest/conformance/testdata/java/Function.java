import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What the conformance tests deploy with aws-lambda-java-runtime-interface-client. Every
 * client's function does the same; see the documentation of the Go package.
 */
public class Function implements RequestHandler<Object, Object> {
    static {
        if (System.getenv("FAIL_AT_START") != null) {
            throw new IllegalStateException("told to fail");
        }
        String text = System.getenv("AT_SIGTERM");
        if (text != null) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println(text)));
        }
    }

    public static class Failure extends RuntimeException {
        Failure(String text) {
            super(text);
        }
    }

    private int count;

    @Override
    public Object handleRequest(Object event, Context context) {
        count++;
        if (!(event instanceof Map)) {
            return event;
        }
        Map<?, ?> request = (Map<?, ?>) event;
        if (request.get("do") == null) {
            return event;
        }
        String text = Objects.toString(request.get("text"), "");
        int number = request.get("number") == null ? 0 : ((Number) request.get("number")).intValue();
        switch ((String) request.get("do")) {
            case "context":
                return describe(context);
            case "count":
                return Map.of("count", count, "connections", connections());
            case "text":
                return "x".repeat(number);
            case "print":
                System.out.println(text);
                return null;
            case "fail":
                throw new Failure(text + "x".repeat(number));
            case "exit":
                Runtime.getRuntime().halt(number);
                return null;
            case "kill":
                try {
                    return new ProcessBuilder("kill", "-9", Long.toString(ProcessHandle.current().pid())).start().waitFor();
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            case "sleep":
                try {
                    Thread.sleep(number);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                return number;
            default:
                throw new IllegalArgumentException("there is nothing to do: " + request.get("do"));
        }
    }

    private static Map<String, Object> describe(Context context) {
        Map<String, Object> is = new HashMap<>();
        is.put("request_id", context.getAwsRequestId());
        is.put("arn", context.getInvokedFunctionArn());
        is.put("deadline", System.currentTimeMillis() + context.getRemainingTimeInMillis());
        if (context.getClientContext() != null) {
            is.put("title", context.getClientContext().getClient().getAppTitle());
            is.put("custom", context.getClientContext().getCustom());
        }
        // The class that the process was started with, and the jar it is in.
        is.put("client", System.getProperty("sun.java.command").split(" ")[0].endsWith(".AWSLambda")
            ? Objects.requireNonNull(com.amazonaws.services.lambda.runtime.api.client.AWSLambda.class)
                .getProtectionDomain().getCodeSource().getLocation().getPath().replaceAll(".*/|.jar$", "").replaceAll("-([0-9])", " $1")
            : "none");
        is.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
        is.put("name", context.getFunctionName());
        is.put("version", context.getFunctionVersion());
        is.put("memory", context.getMemoryLimitInMB());
        is.put("group", context.getLogGroupName());
        is.put("stream", context.getLogStreamName());
        return is;
    }

    /** Counts the process's sockets. */
    private static int connections() {
        int found = 0;
        for (File file : new File("/proc/self/fd").listFiles()) {
            try {
                if (Files.readSymbolicLink(file.toPath()).toString().startsWith("socket:")) {
                    found++;
                }
            } catch (IOException e) {
                // The descriptor of the listing itself.
            }
        }
        return found;
    }
}
