package tidegate;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * The function's own code: a class, and one of its methods.
 *
 * <p>https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html
 */
final class Handler {
    /** What is wrong with the function itself, as Lambda names it. */
    static final class Fault extends Exception {
        private static final long serialVersionUID = 1;
        final String type;

        Fault(String type, String message, Throwable cause) {
            super(message, cause);
            this.type = type;
        }
    }

    private static final String REQUEST_HANDLER = "com.amazonaws.services.lambda.runtime.RequestHandler";
    private static final String REQUEST_STREAM_HANDLER = "com.amazonaws.services.lambda.runtime.RequestStreamHandler";

    private final Object object;
    private final Method method;
    private final Type inputType;
    private final boolean streams;

    private Handler(Object object, Method method, Type inputType, boolean streams) {
        this.object = object;
        this.method = method;
        this.inputType = inputType;
        this.streams = streams;
    }

    /** Loads "package.Class" or "package.Class::method". */
    static Handler load(String name) throws Fault {
        int colons = name.indexOf("::");
        String className = colons < 0 ? name : name.substring(0, colons);
        Class<?> type;
        try {
            type = Class.forName(className);
        } catch (ClassNotFoundException e) {
            throw new Fault("java.lang.ClassNotFoundException", "Class not found: " + className, null);
        } catch (LinkageError e) {
            Throwable cause = e.getCause() != null ? e.getCause() : e;
            throw new Fault(cause.getClass().getName(), "Error loading class " + className + ": " + cause.getMessage(), cause);
        }
        String methodName = colons < 0 ? "handleRequest" : name.substring(colons + 2);
        Method method = find(type, methodName);
        if (method == null) {
            if (colons < 0) {
                throw new Fault("java.lang.ClassCastException", "Class " + className + " does not implement an appropriate handler interface", null);
            }
            throw new Fault("java.lang.NoSuchMethodException",
                    "No public method named " + methodName + " with appropriate method signature found on class " + className, null);
        }
        method.setAccessible(true); // its class may not be public
        Object object = Modifier.isStatic(method.getModifiers()) ? null : create(type);
        Class<?>[] parameters = method.getParameterTypes();
        boolean streams = parameters.length >= 2 && parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
        Type input = null;
        if (!streams && parameters.length > 0 && !isContext(parameters[0])) {
            input = bind(method.getGenericParameterTypes()[0], bindings(type, new HashMap<>()));
        }
        return new Handler(object, method, input, streams);
    }

    private static Object create(Class<?> type) throws Fault {
        try {
            return type.getConstructor().newInstance();
        } catch (NoSuchMethodException e) {
            throw new Fault("java.lang.NoSuchMethodException", "Class " + type.getName() + " has no public zero-argument constructor", null);
        } catch (InvocationTargetException e) {
            throw new Fault(e.getCause().getClass().getName(), e.getCause().getMessage(), e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new Fault(e.getClass().getName(), "Class " + type.getName() + " could not be instantiated", e);
        }
    }

    /** The method that takes most; of two alike the one that is not made by the compiler for a generic interface. */
    private static Method find(Class<?> type, String name) {
        Method best = null;
        for (Method method : type.getMethods()) {
            if (!method.getName().equals(name) || !fits(method.getParameterTypes())) {
                continue;
            }
            if (best == null || method.getParameterCount() > best.getParameterCount()
                    || method.getParameterCount() == best.getParameterCount() && best.isBridge() && !method.isBridge()) {
                best = method;
            }
        }
        return best;
    }

    private static boolean fits(Class<?>[] parameters) {
        switch (parameters.length) {
            case 0:
            case 1:
                return true;
            case 2:
                return isContext(parameters[1]) || parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
            case 3:
                return parameters[0] == InputStream.class && parameters[1] == OutputStream.class && isContext(parameters[2]);
            default:
                return false;
        }
    }

    private static boolean isContext(Class<?> type) {
        return type.getName().equals(Contexts.INTERFACE);
    }

    /** What the type variables of a class's ancestors stand for. */
    private static Map<TypeVariable<?>, Type> bindings(Type type, Map<TypeVariable<?>, Type> known) {
        Class<?> raw = JsonTypes.raw(type);
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            for (int i = 0; i < arguments.length; i++) {
                known.put(raw.getTypeParameters()[i], bind(arguments[i], known));
            }
        }
        if (raw.getGenericSuperclass() != null) {
            bindings(raw.getGenericSuperclass(), known);
        }
        for (Type parent : raw.getGenericInterfaces()) {
            bindings(parent, known);
        }
        return known;
    }

    private static Type bind(Type type, Map<TypeVariable<?>, Type> known) {
        return type instanceof TypeVariable ? known.getOrDefault(type, Object.class) : type;
    }

    /** Runs one event. What the code itself throws is thrown as it is. */
    byte[] handle(RuntimeApi.Response event) throws Throwable {
        Class<?>[] parameters = method.getParameterTypes();
        Object[] arguments = new Object[parameters.length];
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < parameters.length; i++) {
            if (isContext(parameters[i])) {
                arguments[i] = Contexts.of(parameters[i], event);
            } else if (streams) {
                arguments[i] = i == 0 ? new ByteArrayInputStream(event.body) : out;
            } else {
                arguments[i] = input(event.body);
            }
        }
        Object result;
        try {
            result = method.invoke(object, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        if (streams) {
            return out.toByteArray();
        }
        try {
            return Json.write(result).getBytes(StandardCharsets.UTF_8);
        } catch (RuntimeException | StackOverflowError e) {
            throw new Fault("java.lang.RuntimeException", "An error occurred during JSON serialization of response", e);
        }
    }

    private Object input(byte[] body) throws Fault {
        if (inputType == InputStream.class) {
            return new ByteArrayInputStream(body);
        }
        try {
            return Json.read(new String(body, StandardCharsets.UTF_8), inputType);
        } catch (RuntimeException | StackOverflowError e) {
            throw new Fault("java.lang.RuntimeException", "An error occurred during JSON parsing", e);
        }
    }
}
