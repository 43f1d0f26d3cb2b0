package io.tidegate.bootstrap;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Proxy;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.temporal.TemporalAccessor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Runs a Java function: asks the Runtime API for events, gives them to the handler, sends the
 * answers back.
 *
 * <p>A handler is "package.Class" or "package.Class::method". Its class may implement
 * RequestHandler or RequestStreamHandler of the package's own copy of aws-lambda-java-core, which
 * is found by name, so that this program needs no library. It keeps to Java 8.
 *
 * <p>https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html
 */
public final class Bootstrap {
  private static final String CORE = "com.amazonaws.services.lambda.runtime.";

  public static void main(String[] args) throws Exception {
    RuntimeApi api = new RuntimeApi(System.getenv("AWS_LAMBDA_RUNTIME_API"));
    Handler handler = null;
    try {
      handler = Handler.find(System.getenv("_HANDLER"));
    } catch (Throwable problem) {
      problem.printStackTrace();
      flush();
      api.post("init/error", Failure.describe(problem), "Runtime.BadFunctionCode");
      System.exit(1);
    }
    while (true) {
      RuntimeApi.Event event = api.next();
      if (event.traceId != null) {
        System.setProperty("com.amazonaws.xray.traceHeader", event.traceId);
      }
      byte[] answer = null;
      Throwable problem = null;
      try {
        answer = handler.handle(event);
      } catch (Throwable thrown) {
        problem = thrown;
        thrown.printStackTrace();
      }
      flush();
      if (problem == null) {
        api.post("invocation/" + event.id + "/response", answer, null);
        continue;
      }
      api.post("invocation/" + event.id + "/error", Failure.describe(problem), "Runtime.UserException");
      if (problem instanceof VirtualMachineError) {
        System.exit(1); // nothing can be relied on any more
      }
    }
  }

  /** What was printed is out before the answer is. */
  private static void flush() {
    System.out.flush();
    System.err.flush();
  }

  /** The problem that reflection wrapped. */
  private static Throwable unwrap(Throwable problem) {
    while (problem instanceof InvocationTargetException && problem.getCause() != null) {
      problem = problem.getCause();
    }
    return problem;
  }

  // --- Runtime API ------------------------------------------------------------

  /** One HTTP/1.1 connection, kept open, one request at a time. */
  private static final class RuntimeApi {
    static final class Event {
      String id;
      long deadline;
      String functionArn;
      String traceId;
      String clientContext;
      byte[] payload;
    }

    private final String address;
    private final InputStream in;
    private final OutputStream out;

    RuntimeApi(String address) throws IOException {
      this.address = address;
      int colon = address.lastIndexOf(':');
      Socket socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
      socket.setTcpNoDelay(true);
      in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
      out = socket.getOutputStream();
    }

    Event next() throws IOException {
      Map<String, String> headers = new TreeMap<>();
      Event event = new Event();
      event.payload = exchange("GET", "invocation/next", null, null, headers);
      event.id = headers.get("lambda-runtime-aws-request-id");
      if (event.id == null) {
        System.exit(1); // the runtime has given this instance up
      }
      event.deadline = Long.parseLong(headers.get("lambda-runtime-deadline-ms"));
      event.functionArn = headers.get("lambda-runtime-invoked-function-arn");
      event.traceId = headers.get("lambda-runtime-trace-id");
      event.clientContext = headers.get("lambda-runtime-client-context");
      return event;
    }

    void post(String where, byte[] body, String errorType) throws IOException {
      exchange("POST", where, body, errorType, new TreeMap<String, String>());
    }

    private byte[] exchange(String method, String where, byte[] body, String errorType, Map<String, String> headers)
        throws IOException {
      StringBuilder head = new StringBuilder();
      head.append(method).append(" /2018-06-01/runtime/").append(where).append(" HTTP/1.1\r\n");
      head.append("Host: ").append(address).append("\r\n");
      if (errorType != null) {
        head.append("Lambda-Runtime-Function-Error-Type: ").append(errorType).append("\r\n");
      }
      if (body != null) {
        head.append("Content-Type: application/json\r\nContent-Length: ").append(body.length).append("\r\n");
      }
      ByteArrayOutputStream request = new ByteArrayOutputStream(head.length() + 2 + (body == null ? 0 : body.length));
      request.write(head.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII));
      if (body != null) {
        request.write(body);
      }
      request.writeTo(out);
      out.flush();

      int status;
      do { // 100 Continue and its like come before the answer
        headers.clear();
        status = Integer.parseInt(line().split(" ", 3)[1]);
        for (String header = line(); !header.isEmpty(); header = line()) {
          int colon = header.indexOf(':');
          headers.put(header.substring(0, colon).trim().toLowerCase(Locale.ROOT), header.substring(colon + 1).trim());
        }
      } while (status < 200);
      if ("chunked".equalsIgnoreCase(headers.get("transfer-encoding"))) {
        return chunks();
      }
      String length = headers.get("content-length");
      return read(length == null ? 0 : Integer.parseInt(length));
    }

    private String line() throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(80);
      for (int b = in.read(); b != '\n'; b = in.read()) {
        if (b < 0) {
          System.exit(1); // the runtime is gone
        }
        if (b != '\r') {
          bytes.write(b);
        }
      }
      return bytes.toString("UTF-8");
    }

    private byte[] read(int length) throws IOException {
      byte[] bytes = new byte[length];
      for (int have = 0; have < length; ) {
        int n = in.read(bytes, have, length - have);
        if (n < 0) {
          throw new EOFException("the Runtime API closed the connection");
        }
        have += n;
      }
      return bytes;
    }

    private byte[] chunks() throws IOException {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      while (true) {
        int length = Integer.parseInt(line().split(";", 2)[0].trim(), 16);
        body.write(read(length));
        if (length == 0) {
          while (!line().isEmpty()) {
            // trailers
          }
          return body.toByteArray();
        }
        line();
      }
    }
  }

  // --- Handlers ---------------------------------------------------------------

  private abstract static class Handler {
    abstract byte[] handle(RuntimeApi.Event event) throws Throwable;

    static Handler find(String name) throws Throwable {
      String className = name;
      String methodName = null;
      int colons = name.indexOf("::");
      if (colons >= 0) {
        className = name.substring(0, colons);
        methodName = name.substring(colons + 2);
      }
      Class<?> type;
      try {
        type = Class.forName(className, true, Thread.currentThread().getContextClassLoader());
      } catch (ClassNotFoundException missing) {
        throw new ClassNotFoundException("Class not found: " + className, missing);
      }
      boolean plain = methodName != null && !methodName.equals("handleRequest");
      if (!plain && !implementsCore(type, "RequestHandler") && !implementsCore(type, "RequestStreamHandler")
          && methodName == null) {
        throw new IllegalArgumentException("Class " + className
            + " does not implement an appropriate handler interface (RequestHandler or RequestStreamHandler); "
            + "name a method with " + className + "::method");
      }
      final Method method = method(type, methodName == null ? "handleRequest" : methodName);
      final Object target = Modifier.isStatic(method.getModifiers()) ? null : instance(type);
      method.setAccessible(true);
      final Type[] parameters = method.getGenericParameterTypes();
      final Class<?>[] raw = method.getParameterTypes();
      if (raw.length >= 2 && raw[0] == InputStream.class && raw[1] == OutputStream.class) {
        return new Handler() {
          @Override
          byte[] handle(RuntimeApi.Event event) throws Throwable {
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            Object[] arguments = new Object[raw.length];
            arguments[0] = new ByteArrayInputStream(event.payload);
            arguments[1] = answer;
            if (raw.length > 2) {
              arguments[2] = Context.of(raw[2], event);
            }
            call(method, target, arguments);
            return answer.toByteArray();
          }
        };
      }
      return new Handler() {
        @Override
        byte[] handle(RuntimeApi.Event event) throws Throwable {
          Object[] arguments = new Object[raw.length];
          for (int i = 0; i < raw.length; i++) {
            boolean context = raw[i].getName().equals(CORE + "Context");
            arguments[i] = context ? Context.of(raw[i], event) : Binder.bind(Json.parse(event.payload), parameters[i], "the event");
          }
          return Json.write(call(method, target, arguments));
        }
      };
    }

    private static Object call(Method method, Object target, Object[] arguments) throws Throwable {
      try {
        return method.invoke(target, arguments);
      } catch (InvocationTargetException thrown) {
        throw unwrap(thrown);
      }
    }

    private static Object instance(Class<?> type) throws Throwable {
      try {
        java.lang.reflect.Constructor<?> constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
      } catch (NoSuchMethodException missing) {
        throw new IllegalArgumentException("Class " + type.getName() + " has no public zero-argument constructor", missing);
      } catch (InvocationTargetException thrown) {
        throw unwrap(thrown);
      }
    }

    /** The method of that name with most parameters; those that the compiler made do not count. */
    private static Method method(Class<?> type, String name) throws NoSuchMethodException {
      Method best = null;
      for (Method method : type.getMethods()) {
        if (method.getName().equals(name) && !method.isBridge() && !method.isSynthetic() && takes(method)
            && (best == null || method.getParameterTypes().length > best.getParameterTypes().length)) {
          best = method;
        }
      }
      if (best == null) {
        throw new NoSuchMethodException("No public method named " + name + " with appropriate method signature found on class "
            + type.getName());
      }
      return best;
    }

    /** An event, a context, both in this order, or neither; or the streams and perhaps a context. */
    private static boolean takes(Method method) {
      Class<?>[] parameters = method.getParameterTypes();
      int last = parameters.length - 1;
      boolean context = last >= 0 && parameters[last].getName().equals(CORE + "Context");
      int rest = context ? last : parameters.length;
      return rest <= 1 || rest == 2 && parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
    }

    private static boolean implementsCore(Class<?> type, String name) {
      for (Class<?> c = type; c != null; c = c.getSuperclass()) {
        ArrayDeque<Class<?>> interfaces = new ArrayDeque<>();
        for (Class<?> i : c.getInterfaces()) {
          interfaces.add(i);
        }
        while (!interfaces.isEmpty()) {
          Class<?> i = interfaces.poll();
          if (i.getName().equals(CORE + name)) {
            return true;
          }
          for (Class<?> parent : i.getInterfaces()) {
            interfaces.add(parent);
          }
        }
      }
      return false;
    }
  }

  // --- Context ----------------------------------------------------------------

  /** Implements the Context, LambdaLogger and ClientContext of the package's own library. */
  private static final class Context {
    static Object of(Class<?> type, final RuntimeApi.Event event) {
      return implement(type, new Answers() {
        @Override
        public Object answer(Method method, Object[] arguments) {
          switch (method.getName()) {
            case "getAwsRequestId":
              return event.id;
            case "getLogGroupName":
              return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
            case "getLogStreamName":
              return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
            case "getFunctionName":
              return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
            case "getFunctionVersion":
              return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
            case "getInvokedFunctionArn":
              return event.functionArn;
            case "getRemainingTimeInMillis":
              return (int) Math.max(0, event.deadline - System.currentTimeMillis());
            case "getMemoryLimitInMB":
              return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
            case "getLogger":
              return logger(method.getReturnType());
            case "getClientContext":
              return clientContext(method.getReturnType(), event.clientContext);
            default: // getIdentity: nobody signs in
              return null;
          }
        }
      });
    }

    private static Object logger(Class<?> type) {
      return implement(type, new Answers() {
        @Override
        public Object answer(Method method, Object[] arguments) {
          if (method.getName().equals("log") && arguments[0] instanceof byte[]) {
            byte[] bytes = (byte[]) arguments[0];
            System.out.write(bytes, 0, bytes.length);
            System.out.println();
          } else if (method.getName().equals("log")) {
            System.out.println(arguments[0]);
          }
          return null;
        }
      });
    }

    private static Object clientContext(Class<?> type, String text) {
      if (text == null || text.isEmpty()) {
        return null;
      }
      final Map<?, ?> values = (Map<?, ?>) Json.parse(text.getBytes(StandardCharsets.UTF_8));
      return implement(type, new Answers() {
        @Override
        public Object answer(Method method, Object[] arguments) {
          switch (method.getName()) {
            case "getCustom":
              return values.get("custom");
            case "getEnvironment":
              return values.get("env");
            default:
              return null;
          }
        }
      });
    }

    private interface Answers {
      Object answer(Method method, Object[] arguments);
    }

    private static Object implement(final Class<?> type, final Answers answers) {
      return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
          (proxy, method, arguments) -> {
            switch (method.getName()) {
              case "hashCode":
                return System.identityHashCode(proxy);
              case "equals":
                return proxy == arguments[0];
              case "toString":
                return type.getSimpleName();
              default:
                return answers.answer(method, arguments);
            }
          });
    }
  }

  // --- Errors -----------------------------------------------------------------

  private static final class Failure {
    static byte[] describe(Throwable problem) {
      return Json.write(object(unwrap(problem), 0));
    }

    private static Map<String, Object> object(Throwable problem, int depth) {
      Map<String, Object> object = new LinkedHashMap<>();
      object.put("errorMessage", problem.getMessage() == null ? problem.getClass().getName() : problem.getMessage());
      object.put("errorType", problem.getClass().getName());
      List<String> trace = new ArrayList<>();
      for (StackTraceElement element : problem.getStackTrace()) {
        String name = element.getClassName();
        if (name.startsWith("io.tidegate.bootstrap.") || name.startsWith("jdk.internal.reflect.")
            || name.startsWith("sun.reflect.") || name.equals("java.lang.reflect.Method")) {
          break; // what follows is how the handler was called
        }
        trace.add(element.toString());
      }
      object.put("stackTrace", trace);
      if (problem.getCause() != null && problem.getCause() != problem && depth < 10) {
        object.put("cause", object(problem.getCause(), depth + 1));
      }
      return object;
    }
  }

  // --- JSON -------------------------------------------------------------------

  /** JSON text to and from maps, lists, strings, numbers, booleans and null. */
  private static final class Json {
    private static final int DEEPEST = 500;

    private final String text;
    private int at;

    private Json(String text) {
      this.text = text;
    }

    static Object parse(byte[] bytes) {
      Json json = new Json(new String(bytes, StandardCharsets.UTF_8));
      json.space();
      if (json.at == json.text.length()) {
        return null;
      }
      Object value = json.value(0);
      json.space();
      if (json.at < json.text.length()) {
        throw json.wrong("nothing more");
      }
      return value;
    }

    private Object value(int depth) {
      if (depth > DEEPEST) {
        throw wrong("less nesting");
      }
      space();
      switch (peek()) {
        case '{':
          return object(depth);
        case '[':
          return array(depth);
        case '"':
          return string();
        case 't':
          return word("true", Boolean.TRUE);
        case 'f':
          return word("false", Boolean.FALSE);
        case 'n':
          return word("null", null);
        default:
          return number();
      }
    }

    private Map<String, Object> object(int depth) {
      Map<String, Object> object = new LinkedHashMap<>();
      at++;
      space();
      if (peek() == '}') {
        at++;
        return object;
      }
      while (true) {
        space();
        if (peek() != '"') {
          throw wrong("a key");
        }
        String key = string();
        space();
        expect(':');
        object.put(key, value(depth + 1));
        space();
        if (peek() == '}') {
          at++;
          return object;
        }
        expect(',');
      }
    }

    private List<Object> array(int depth) {
      List<Object> array = new ArrayList<>();
      at++;
      space();
      if (peek() == ']') {
        at++;
        return array;
      }
      while (true) {
        array.add(value(depth + 1));
        space();
        if (peek() == ']') {
          at++;
          return array;
        }
        expect(',');
      }
    }

    private String string() {
      StringBuilder string = new StringBuilder();
      at++;
      while (true) {
        char c = peek();
        at++;
        if (c == '"') {
          return string.toString();
        }
        if (c != '\\') {
          string.append(c);
          continue;
        }
        char escaped = peek();
        at++;
        int known = "\"\\/bfnrt".indexOf(escaped);
        if (known >= 0) {
          string.append("\"\\/\b\f\n\r\t".charAt(known));
        } else if (escaped == 'u' && at + 4 <= text.length()) {
          string.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
          at += 4;
        } else {
          throw wrong("an escape sequence");
        }
      }
    }

    private Number number() {
      int start = at;
      while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
        at++;
      }
      String digits = text.substring(start, at);
      try {
        if (digits.matches("-?[0-9]+")) {
          BigInteger whole = new BigInteger(digits);
          if (whole.bitLength() < 32) {
            return whole.intValue();
          }
          return whole.bitLength() < 64 ? (Number) whole.longValue() : whole;
        }
        return Double.valueOf(digits);
      } catch (NumberFormatException notOne) {
        at = start;
        throw wrong("a value");
      }
    }

    private Object word(String word, Object value) {
      if (!text.startsWith(word, at)) {
        throw wrong("a value");
      }
      at += word.length();
      return value;
    }

    private void space() {
      while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
        at++;
      }
    }

    private char peek() {
      if (at >= text.length()) {
        throw wrong("more");
      }
      return text.charAt(at);
    }

    private void expect(char c) {
      if (peek() != c) {
        throw wrong("'" + c + "'");
      }
      at++;
    }

    private IllegalArgumentException wrong(String expected) {
      return new IllegalArgumentException("The event is not valid JSON: " + expected + " was expected at character " + at);
    }

    static byte[] write(Object value) {
      StringBuilder out = new StringBuilder();
      write(out, value, new IdentityHashMap<Object, Object>());
      return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void write(StringBuilder out, Object value, IdentityHashMap<Object, Object> inside) {
      if (value instanceof Optional) {
        value = ((Optional<?>) value).orElse(null);
      }
      if (value == null) {
        out.append("null");
      } else if (value instanceof Boolean || value instanceof Integer || value instanceof Long || value instanceof Short
          || value instanceof Byte || value instanceof BigInteger || value instanceof BigDecimal) {
        out.append(value);
      } else if (value instanceof Number) {
        double number = ((Number) value).doubleValue();
        if (Double.isNaN(number) || Double.isInfinite(number)) {
          quote(out, value.toString());
        } else {
          out.append(value);
        }
      } else if (value instanceof Date) {
        out.append(((Date) value).getTime());
      } else if (value instanceof CharSequence || value instanceof Character || value instanceof TemporalAccessor) {
        quote(out, value.toString());
      } else if (value instanceof Enum) {
        quote(out, ((Enum<?>) value).name());
      } else {
        if (inside.put(value, value) != null) {
          throw new IllegalArgumentException("The answer is not JSON: an object of " + value.getClass().getName() + " contains itself");
        }
        if (value instanceof Map) {
          object(out, (Map<?, ?>) value, inside);
        } else if (value instanceof Iterable || value.getClass().isArray()) {
          array(out, value, inside);
        } else {
          object(out, Binder.properties(value), inside);
        }
        inside.remove(value);
      }
    }

    private static void object(StringBuilder out, Map<?, ?> map, IdentityHashMap<Object, Object> inside) {
      String separator = "{";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(separator);
        quote(out, String.valueOf(entry.getKey()));
        out.append(':');
        write(out, entry.getValue(), inside);
        separator = ",";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    }

    private static void array(StringBuilder out, Object value, IdentityHashMap<Object, Object> inside) {
      out.append('[');
      String separator = "";
      if (value instanceof Iterable) {
        for (Object element : (Iterable<?>) value) {
          out.append(separator);
          write(out, element, inside);
          separator = ",";
        }
      } else {
        for (int i = 0; i < Array.getLength(value); i++) {
          out.append(separator);
          write(out, Array.get(value, i), inside);
          separator = ",";
        }
      }
      out.append(']');
    }

    private static void quote(StringBuilder out, String string) {
      out.append('"');
      for (int i = 0; i < string.length(); i++) {
        char c = string.charAt(i);
        if (c == '"' || c == '\\') {
          out.append('\\').append(c);
        } else if (c < ' ' || Character.isSurrogate(c)) {
          // Escaped, so that half a pair survives the way to UTF-8.
          out.append(String.format("\\u%04x", (int) c));
        } else {
          out.append(c);
        }
      }
      out.append('"');
    }
  }

  // --- Objects ----------------------------------------------------------------

  /** Turns what JSON holds into the types that a handler asks for, and objects into maps. */
  private static final class Binder {
    static Object bind(Object value, Type type, String where) throws Throwable {
      if (type instanceof WildcardType) {
        return bind(value, ((WildcardType) type).getUpperBounds()[0], where);
      }
      if (type instanceof TypeVariable) {
        return bind(value, ((TypeVariable<?>) type).getBounds()[0], where);
      }
      if (type instanceof ParameterizedType) {
        ParameterizedType generic = (ParameterizedType) type;
        return bind(value, (Class<?>) generic.getRawType(), generic.getActualTypeArguments(), where);
      }
      if (type instanceof Class) {
        return bind(value, (Class<?>) type, new Type[0], where);
      }
      throw new IllegalArgumentException("A handler cannot take " + type);
    }

    private static Object bind(Object value, Class<?> type, Type[] of, String where) throws Throwable {
      if (value == null) {
        if (type.isPrimitive()) {
          throw mismatch(null, type, where);
        }
        return type == Optional.class ? Optional.empty() : null;
      }
      if (type == Object.class) {
        return value;
      }
      if (type == Optional.class) {
        return Optional.ofNullable(bind(value, of.length > 0 ? of[0] : Object.class, where));
      }
      if (type == String.class || type == CharSequence.class) {
        if (value instanceof Map || value instanceof List) {
          throw mismatch(value, type, where);
        }
        return String.valueOf(value);
      }
      if (type == boolean.class || type == Boolean.class) {
        if (value instanceof Boolean) {
          return value;
        }
        throw mismatch(value, type, where);
      }
      if (type.isPrimitive() || Number.class.isAssignableFrom(type) || type == Character.class) {
        return number(value, type, where);
      }
      if (type.isEnum()) {
        for (Object constant : type.getEnumConstants()) {
          if (((Enum<?>) constant).name().equals(value)) {
            return constant;
          }
        }
        throw mismatch(value, type, where);
      }
      if (type == Date.class && value instanceof Number) {
        return new Date(((Number) value).longValue());
      }
      if (type.isArray()) {
        List<?> list = list(value, type, where);
        Object array = Array.newInstance(type.getComponentType(), list.size());
        for (int i = 0; i < list.size(); i++) {
          Array.set(array, i, bind(list.get(i), type.getComponentType(), where + "[" + i + "]"));
        }
        return array;
      }
      if (Collection.class.isAssignableFrom(type) || type == Iterable.class) {
        Collection<Object> collection = Set.class.isAssignableFrom(type) ? new LinkedHashSet<>() : new ArrayList<>();
        int i = 0;
        for (Object element : list(value, type, where)) {
          collection.add(bind(element, of.length > 0 ? of[0] : Object.class, where + "[" + i++ + "]"));
        }
        return collection;
      }
      if (!(value instanceof Map)) {
        throw mismatch(value, type, where);
      }
      if (type.isAssignableFrom(LinkedHashMap.class)) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          map.put(entry.getKey(), bind(entry.getValue(), of.length > 1 ? of[1] : Object.class, where + "." + entry.getKey()));
        }
        return map;
      }
      return object((Map<?, ?>) value, type, where);
    }

    private static List<?> list(Object value, Class<?> type, String where) {
      if (value instanceof List) {
        return (List<?>) value;
      }
      throw mismatch(value, type, where);
    }

    private static Object number(Object value, Class<?> type, String where) {
      if (!(value instanceof Number)) {
        throw mismatch(value, type, where);
      }
      Number number = (Number) value;
      if (type == Number.class) {
        return number;
      } else if (type == int.class || type == Integer.class) {
        return number.intValue();
      } else if (type == long.class || type == Long.class) {
        return number.longValue();
      } else if (type == double.class || type == Double.class) {
        return number.doubleValue();
      } else if (type == float.class || type == Float.class) {
        return number.floatValue();
      } else if (type == short.class || type == Short.class) {
        return number.shortValue();
      } else if (type == byte.class || type == Byte.class) {
        return number.byteValue();
      } else if (type == BigDecimal.class) {
        return new BigDecimal(number.toString());
      } else if (type == BigInteger.class) {
        return new BigDecimal(number.toString()).toBigInteger();
      }
      throw mismatch(value, type, where);
    }

    /** An object with setters or public fields; names match whatever their case. */
    private static Object object(Map<?, ?> values, Class<?> type, String where) throws Throwable {
      Object object;
      try {
        java.lang.reflect.Constructor<?> constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        object = constructor.newInstance();
      } catch (ReflectiveOperationException impossible) {
        throw new IllegalArgumentException(type.getName() + " cannot be made of " + where
            + ": it needs a constructor without arguments", unwrap(impossible));
      }
      Map<String, Object> byName = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
      for (Map.Entry<?, ?> entry : values.entrySet()) {
        byName.put((String) entry.getKey(), entry.getValue());
      }
      for (Method method : type.getMethods()) {
        String property = method.getName().startsWith("set") ? method.getName().substring(3) : "";
        if (method.getParameterTypes().length == 1 && !method.isBridge() && byName.containsKey(property)) {
          method.setAccessible(true);
          method.invoke(object, bind(byName.remove(property), method.getGenericParameterTypes()[0], where + "." + property));
        }
      }
      for (Field field : type.getFields()) {
        int modifiers = field.getModifiers();
        if (!Modifier.isStatic(modifiers) && !Modifier.isFinal(modifiers) && byName.containsKey(field.getName())) {
          field.set(object, bind(byName.get(field.getName()), field.getGenericType(), where + "." + field.getName()));
        }
      }
      return object;
    }

    /** What an object's getters, record accessors and public fields hold. */
    static Map<String, Object> properties(Object object) {
      Map<String, Object> properties = new TreeMap<>();
      Set<String> fields = new HashSet<>();
      for (Field field : object.getClass().getDeclaredFields()) {
        if (!Modifier.isStatic(field.getModifiers())) {
          fields.add(field.getName());
        }
      }
      boolean record = object.getClass().getSuperclass() != null
          && object.getClass().getSuperclass().getName().equals("java.lang.Record");
      try {
        for (Method method : object.getClass().getMethods()) {
          String name = method.getName();
          if (Modifier.isStatic(method.getModifiers()) || method.getParameterTypes().length > 0
              || method.getReturnType() == void.class || method.getDeclaringClass() == Object.class || method.isBridge()) {
            continue;
          }
          String property = null;
          if (name.startsWith("get") && name.length() > 3) {
            property = decapitalised(name.substring(3));
          } else if (name.startsWith("is") && name.length() > 2 && method.getReturnType() == boolean.class) {
            property = decapitalised(name.substring(2));
          } else if (record && fields.contains(name)) {
            property = name;
          }
          if (property != null) {
            method.setAccessible(true);
            properties.put(property, method.invoke(object));
          }
        }
        for (Field field : object.getClass().getFields()) {
          if (!Modifier.isStatic(field.getModifiers())) {
            properties.put(field.getName(), field.get(object));
          }
        }
      } catch (ReflectiveOperationException problem) {
        throw new IllegalArgumentException("The answer is not JSON: " + object.getClass().getName() + " cannot be read", unwrap(problem));
      }
      return properties;
    }

    private static String decapitalised(String name) {
      boolean acronym = name.length() > 1 && Character.isUpperCase(name.charAt(1));
      return acronym ? name : Character.toLowerCase(name.charAt(0)) + name.substring(1);
    }

    private static IllegalArgumentException mismatch(Object value, Class<?> type, String where) {
      String got = value == null ? "null" : value instanceof Map ? "an object" : value instanceof List ? "an array"
          : value instanceof String ? "a string" : value instanceof Boolean ? "a boolean" : "a number";
      return new IllegalArgumentException("The handler takes " + type.getName() + ", and " + where + " is " + got);
    }
  }
}
