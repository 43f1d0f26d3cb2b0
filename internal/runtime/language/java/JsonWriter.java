package tidegate;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Writes what a handler returns. */
final class JsonWriter {
    private JsonWriter() {}

    static void write(StringBuilder out, Object value, int depth) {
        if (depth > Json.MAX_DEPTH) {
            throw new Json.JsonException("nested too deeply, or in itself");
        }
        if (value == null) {
            out.append("null");
        } else if (value instanceof CharSequence || value instanceof Character) {
            quote(out, value.toString());
        } else if (value instanceof Boolean) {
            out.append(value);
        } else if (value instanceof Number) {
            number(out, (Number) value);
        } else if (value instanceof Enum) {
            quote(out, ((Enum<?>) value).name());
        } else if (value instanceof Optional) {
            write(out, ((Optional<?>) value).orElse(null), depth);
        } else if (value instanceof Date) {
            out.append(((Date) value).getTime());
        } else if (value instanceof byte[]) {
            quote(out, Base64.getEncoder().encodeToString((byte[]) value));
        } else if (value instanceof ByteBuffer) {
            ByteBuffer buffer = ((ByteBuffer) value).duplicate();
            byte[] bytes = new byte[buffer.remaining()];
            buffer.get(bytes);
            quote(out, Base64.getEncoder().encodeToString(bytes));
        } else if (value instanceof Map) {
            object(out, (Map<?, ?>) value, depth);
        } else if (value instanceof Iterable) {
            List<Object> items = new ArrayList<>();
            for (Object item : (Iterable<?>) value) {
                items.add(item);
            }
            array(out, items, depth);
        } else if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) {
                items.add(Array.get(value, i));
            }
            array(out, items, depth);
        } else if (value.getClass().getName().startsWith("java.")) {
            quote(out, value.toString()); // java.time, UUID, URI, ...
        } else {
            object(out, getters(value), depth);
        }
    }

    private static void number(StringBuilder out, Number value) {
        if (value instanceof Double || value instanceof Float) {
            double d = value.doubleValue();
            if (Double.isNaN(d) || Double.isInfinite(d)) {
                quote(out, value.toString());
                return;
            }
        }
        out.append(value);
    }

    private static void array(StringBuilder out, List<?> items, int depth) {
        out.append('[');
        String separator = "";
        for (Object item : items) {
            out.append(separator);
            write(out, item, depth + 1);
            separator = ",";
        }
        out.append(']');
    }

    private static void object(StringBuilder out, Map<?, ?> map, int depth) {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(separator);
            quote(out, String.valueOf(entry.getKey()));
            out.append(':');
            write(out, entry.getValue(), depth + 1);
            separator = ",";
        }
        out.append('}');
    }

    private static Map<String, Object> getters(Object value) {
        Map<String, Object> properties = new LinkedHashMap<>();
        Class<?> raw = value.getClass();
        try {
            Set<String> components = new HashSet<>();
            if (JsonTypes.isRecord(raw)) {
                for (Field field : JsonTypes.components(raw)) {
                    components.add(field.getName());
                }
            }
            for (Field field : raw.getFields()) {
                if (!Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    properties.put(field.getName(), field.get(value));
                }
            }
            for (Method method : raw.getMethods()) {
                String name = property(method, components);
                if (name != null) {
                    method.setAccessible(true);
                    properties.put(name, method.invoke(value));
                }
            }
        } catch (InvocationTargetException e) {
            throw new Json.JsonException("a getter of " + raw.getName() + " failed", e.getCause());
        } catch (IllegalAccessException e) {
            throw new Json.JsonException(raw.getName() + " cannot be read", e);
        }
        return properties;
    }

    /** The name of the property a method gets, or null. */
    private static String property(Method method, Set<String> components) {
        String name = method.getName();
        if (method.getParameterCount() != 0 || Modifier.isStatic(method.getModifiers()) || method.isBridge()
                || method.getDeclaringClass() == Object.class || method.getReturnType() == void.class) {
            return null;
        }
        if (components.contains(name)) {
            return name;
        }
        int prefix = 0;
        if (name.startsWith("get")) {
            prefix = 3;
        } else if (name.startsWith("is") && (method.getReturnType() == boolean.class || method.getReturnType() == Boolean.class)) {
            prefix = 2;
        }
        if (prefix == 0 || name.length() == prefix) {
            return null;
        }
        // As Jackson does by default: getStatusCode is "statusCode", getURL is "url".
        char[] rest = name.substring(prefix).toCharArray();
        for (int i = 0; i < rest.length && Character.isUpperCase(rest[i]); i++) {
            rest[i] = Character.toLowerCase(rest[i]);
        }
        return new String(rest);
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int known = "\"\\\b\f\n\r\t".indexOf(c);
            if (known >= 0) {
                out.append('\\').append("\"\\bfnrt".charAt(known));
            } else if (c < 0x20 || Character.isSurrogate(c) && !paired(text, i)) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }

    private static boolean paired(String text, int i) {
        char c = text.charAt(i);
        return Character.isHighSurrogate(c)
                ? i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }
}
