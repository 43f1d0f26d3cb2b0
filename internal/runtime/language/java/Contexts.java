package tidegate;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Makes the context object of an invocation. Its interface,
 * com.amazonaws.services.lambda.runtime.Context, comes with the function's package, so that it is known by reflection only,
 * and so are the interfaces of what it returns.
 */
final class Contexts {
    static final String INTERFACE = "com.amazonaws.services.lambda.runtime.Context";

    private Contexts() {}

    static Object of(Class<?> type, RuntimeApi.Response event) {
        long deadline = Long.parseLong(event.header("lambda-runtime-deadline-ms"));
        Map<String, Object> values = new HashMap<>();
        values.put("getAwsRequestId", event.header("lambda-runtime-aws-request-id"));
        values.put("getLogGroupName", System.getenv("AWS_LAMBDA_LOG_GROUP_NAME"));
        values.put("getLogStreamName", System.getenv("AWS_LAMBDA_LOG_STREAM_NAME"));
        values.put("getFunctionName", System.getenv("AWS_LAMBDA_FUNCTION_NAME"));
        values.put("getFunctionVersion", System.getenv("AWS_LAMBDA_FUNCTION_VERSION"));
        values.put("getInvokedFunctionArn", event.header("lambda-runtime-invoked-function-arn"));
        values.put("getTenantId", event.header("lambda-runtime-aws-tenant-id"));
        values.put("getXrayTraceId", event.header("lambda-runtime-trace-id"));
        values.put("getMemoryLimitInMB", Integer.valueOf(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")));
        Map<?, ?> identity = object(event.header("lambda-runtime-cognito-identity"));
        Map<?, ?> client = object(event.header("lambda-runtime-client-context"));
        return proxy(type, (proxy, method, arguments) -> {
            switch (method.getName()) {
                case "getRemainingTimeInMillis":
                    return (int) Math.max(0, deadline - System.currentTimeMillis());
                case "getLogger":
                    return proxy(method.getReturnType(), Contexts::log);
                case "getIdentity":
                    return proxy(method.getReturnType(), properties(identity, new HashMap<>()));
                case "getClientContext":
                    return client == null ? null : proxy(method.getReturnType(), clientContext(client));
                default:
                    return values.get(method.getName());
            }
        });
    }

    private static InvocationHandler clientContext(Map<?, ?> context) {
        return (proxy, method, arguments) -> {
            switch (method.getName()) {
                case "getClient":
                    Map<String, String> names = new HashMap<>();
                    names.put("getInstallationId", "installation_id");
                    names.put("getAppTitle", "app_title");
                    names.put("getAppVersionName", "app_version_name");
                    names.put("getAppVersionCode", "app_version_code");
                    names.put("getAppPackageName", "app_package_name");
                    Object client = context.get("client");
                    return client instanceof Map ? proxy(method.getReturnType(), properties((Map<?, ?>) client, names)) : null;
                case "getCustom":
                    return context.get("custom");
                case "getEnvironment":
                    return context.get("env");
                default:
                    return null;
            }
        };
    }

    /** Answers getters with the object's values: getIdentityId with "identityId", unless names say otherwise. */
    private static InvocationHandler properties(Map<?, ?> object, Map<String, String> names) {
        return (proxy, method, arguments) -> {
            if (object == null || !method.getName().startsWith("get")) {
                return null;
            }
            String name = method.getName().substring(3);
            name = Character.toLowerCase(name.charAt(0)) + name.substring(1);
            Object value = object.get(names.getOrDefault(method.getName(), name));
            return value != null ? value : object.get("cognito" + method.getName().substring(3));
        };
    }

    /** One entry of the log, whatever it holds: \r is a line break within it. */
    private static Object log(Object proxy, Method method, Object[] arguments) {
        if (method.getName().equals("log") && arguments != null && arguments.length > 0) {
            Object message = arguments[0];
            String text = message instanceof byte[] ? new String((byte[]) message, StandardCharsets.UTF_8) : String.valueOf(message);
            entry(text);
        }
        return null;
    }

    static void entry(String text) {
        while (text.endsWith("\n")) {
            text = text.substring(0, text.length() - 1);
        }
        byte[] line = (text.replace('\n', '\r') + "\n").getBytes(StandardCharsets.UTF_8);
        synchronized (System.out) {
            System.out.write(line, 0, line.length);
            System.out.flush();
        }
    }

    private static Map<?, ?> object(String header) {
        return header == null || header.isEmpty() ? null : (Map<?, ?>) Json.read(header, Map.class);
    }

    private static Object proxy(Class<?> type, InvocationHandler handler) {
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
            switch (method.getName()) {
                case "hashCode":
                    return System.identityHashCode(proxy);
                case "equals":
                    return proxy == arguments[0];
                case "toString":
                    return type.getSimpleName();
                default:
                    return handler.invoke(proxy, method, arguments);
            }
        });
    }
}
