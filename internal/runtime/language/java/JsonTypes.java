package tidegate;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Makes what a handler takes from what the parser gives: maps, lists, strings, numbers, booleans and null. */
final class JsonTypes {
    private JsonTypes() {}

    /** Converts what the parser gives. Fractions become doubles unless the type asks for a BigDecimal. */
    static Object convert(Object value, Type type) {
        if (type instanceof WildcardType) {
            type = ((WildcardType) type).getUpperBounds()[0];
        }
        if (type instanceof TypeVariable) {
            type = ((TypeVariable<?>) type).getBounds()[0];
        }
        if (type instanceof GenericArrayType) {
            return array(value, ((GenericArrayType) type).getGenericComponentType());
        }
        Class<?> raw = raw(type);
        if (value == null) {
            if (raw.isPrimitive() && raw != void.class) {
                return convert(raw == boolean.class ? (Object) Boolean.FALSE : (Object) 0, type);
            }
            return raw == Optional.class ? Optional.empty() : null;
        }
        if (raw == Object.class) {
            return natural(value);
        }
        if (raw == Optional.class) {
            return Optional.of(convert(value, argument(type, 0)));
        }
        if (value instanceof Map) {
            return fromObject((Map<?, ?>) value, type, raw);
        }
        if (value instanceof List) {
            return fromArray((List<?>) value, type, raw);
        }
        return fromScalar(value, raw);
    }

    private static Object natural(Object value) {
        if (value instanceof BigDecimal) {
            return ((BigDecimal) value).doubleValue();
        }
        if (value instanceof Map) {
            Map<String, Object> map = new LinkedHashMap<>();
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                map.put((String) entry.getKey(), natural(entry.getValue()));
            }
            return map;
        }
        if (value instanceof List) {
            List<Object> list = new ArrayList<>();
            for (Object item : (List<?>) value) {
                list.add(natural(item));
            }
            return list;
        }
        return value;
    }

    private static Object fromScalar(Object value, Class<?> raw) {
        if (raw == String.class || raw == CharSequence.class) {
            return value.toString();
        }
        if (raw == boolean.class || raw == Boolean.class) {
            if (value instanceof Boolean) {
                return value;
            }
            throw mismatch(value, raw);
        }
        if (value instanceof String && raw.isEnum()) {
            for (Object constant : raw.getEnumConstants()) {
                if (((Enum<?>) constant).name().equals(value)) {
                    return constant;
                }
            }
            throw new Json.JsonException("\"" + value + "\" is none of " + raw.getName());
        }
        if (value instanceof String && (raw == char.class || raw == Character.class) && ((String) value).length() == 1) {
            return ((String) value).charAt(0);
        }
        if (value instanceof String && raw == byte[].class) {
            return Base64.getDecoder().decode((String) value);
        }
        if (value instanceof String && raw == ByteBuffer.class) {
            return ByteBuffer.wrap(Base64.getDecoder().decode((String) value));
        }
        if (raw.isAssignableFrom(value.getClass()) && !(value instanceof BigDecimal)) {
            return value;
        }
        if (!(value instanceof Boolean)) {
            Object number = number(value, raw);
            if (number != null) {
                return number;
            }
        }
        if (raw == Date.class && value instanceof Number) {
            return new Date(((Number) value).longValue());
        }
        if (value instanceof String) {
            return parsed((String) value, raw);
        }
        throw mismatch(value, raw);
    }

    private static Object number(Object value, Class<?> raw) {
        BigDecimal n;
        try {
            n = new BigDecimal(value.toString());
        } catch (NumberFormatException e) {
            return null;
        }
        if (raw == int.class || raw == Integer.class) {
            return n.intValue();
        } else if (raw == long.class || raw == Long.class) {
            return n.longValue();
        } else if (raw == double.class || raw == Double.class || raw == Number.class) {
            return n.doubleValue();
        } else if (raw == float.class || raw == Float.class) {
            return n.floatValue();
        } else if (raw == short.class || raw == Short.class) {
            return n.shortValue();
        } else if (raw == byte.class || raw == Byte.class) {
            return n.byteValue();
        } else if (raw == BigDecimal.class) {
            return n;
        } else if (raw == BigInteger.class) {
            return n.toBigInteger();
        }
        return null;
    }

    /** For java.time and its like: a class that parses strings itself. */
    private static Object parsed(String value, Class<?> raw) {
        try {
            return raw.getMethod("parse", CharSequence.class).invoke(null, value);
        } catch (InvocationTargetException e) {
            throw new Json.JsonException("\"" + value + "\" is no " + raw.getName(), e.getCause());
        } catch (ReflectiveOperationException | NullPointerException e) {
            throw mismatch(value, raw);
        }
    }

    private static Object fromArray(List<?> value, Type type, Class<?> raw) {
        if (raw.isArray()) {
            return array(value, raw.getComponentType());
        }
        Collection<Object> collection;
        if (raw.isAssignableFrom(ArrayList.class)) {
            collection = new ArrayList<>();
        } else if (raw.isAssignableFrom(LinkedHashSet.class)) {
            collection = new LinkedHashSet<>();
        } else if (Collection.class.isAssignableFrom(raw)) {
            collection = cast(create(raw));
        } else {
            throw mismatch(value, raw);
        }
        for (Object item : value) {
            collection.add(convert(item, argument(type, 0)));
        }
        return collection;
    }

    private static Object array(Object value, Type component) {
        if (!(value instanceof List)) {
            throw mismatch(value, raw(component));
        }
        List<?> items = (List<?>) value;
        Object array = Array.newInstance(raw(component), items.size());
        for (int i = 0; i < items.size(); i++) {
            Array.set(array, i, convert(items.get(i), component));
        }
        return array;
    }

    private static Object fromObject(Map<?, ?> value, Type type, Class<?> raw) {
        if (raw.isAssignableFrom(LinkedHashMap.class) || Map.class.isAssignableFrom(raw)) {
            Map<Object, Object> map;
            if (raw.isAssignableFrom(LinkedHashMap.class)) {
                map = new LinkedHashMap<>();
            } else if (raw.isAssignableFrom(TreeMap.class) && SortedMap.class.isAssignableFrom(raw)) {
                map = new TreeMap<>();
            } else {
                map = cast(create(raw));
            }
            for (Map.Entry<?, ?> entry : value.entrySet()) {
                map.put(convert(entry.getKey(), argument(type, 0)), convert(entry.getValue(), argument(type, 1)));
            }
            return map;
        }
        if (raw == String.class || raw.isPrimitive() || Number.class.isAssignableFrom(raw) || raw == Boolean.class || raw.isArray()
                || Collection.class.isAssignableFrom(raw)) {
            throw mismatch(value, raw);
        }
        if (isRecord(raw)) {
            return record(value, raw);
        }
        Object object = create(raw);
        Map<String, Property> properties = properties(raw);
        for (Map.Entry<?, ?> entry : value.entrySet()) {
            Property property = properties.get(((String) entry.getKey()).toLowerCase(Locale.ROOT));
            if (property != null) { // what the class does not know is left out
                property.set(object, entry.getValue());
            }
        }
        return object;
    }

    static boolean isRecord(Class<?> raw) { // Class.isRecord is Java 16
        return raw.getSuperclass() != null && raw.getSuperclass().getName().equals("java.lang.Record");
    }

    /** The components of a record, which are its properties, in order. */
    static List<Field> components(Class<?> raw) {
        List<Field> components = new ArrayList<>();
        for (Field field : raw.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                components.add(field);
            }
        }
        return components;
    }

    private static Object record(Map<?, ?> value, Class<?> raw) {
        Map<String, Object> given = new HashMap<>();
        for (Map.Entry<?, ?> entry : value.entrySet()) {
            given.put(((String) entry.getKey()).toLowerCase(Locale.ROOT), entry.getValue());
        }
        List<Field> components = components(raw);
        Class<?>[] types = new Class<?>[components.size()];
        Object[] arguments = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            types[i] = components.get(i).getType();
            arguments[i] = convert(given.get(components.get(i).getName().toLowerCase(Locale.ROOT)), components.get(i).getGenericType());
        }
        try {
            Constructor<?> constructor = raw.getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return constructor.newInstance(arguments);
        } catch (InvocationTargetException e) {
            throw new Json.JsonException("the constructor of " + raw.getName() + " failed", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new Json.JsonException(raw.getName() + " cannot be made", e);
        }
    }

    private static Object create(Class<?> raw) {
        try {
            Constructor<?> constructor = raw.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (InvocationTargetException e) {
            throw new Json.JsonException("the constructor of " + raw.getName() + " failed", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new Json.JsonException(raw.getName() + " cannot be made: it needs a constructor without parameters", e);
        }
    }

    private static final class Property {
        Method setter;
        Field field;

        void set(Object object, Object value) {
            try {
                if (setter != null) {
                    setter.invoke(object, convert(value, setter.getGenericParameterTypes()[0]));
                } else {
                    field.set(object, convert(value, field.getGenericType()));
                }
            } catch (InvocationTargetException e) {
                throw new Json.JsonException(setter + " failed", e.getCause());
            } catch (IllegalAccessException e) {
                throw new Json.JsonException("a property cannot be set", e);
            }
        }
    }

    private static Map<String, Property> properties(Class<?> raw) {
        Map<String, Property> properties = new HashMap<>();
        for (Field field : raw.getFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isFinal(field.getModifiers())) {
                Property property = new Property();
                property.field = field;
                field.setAccessible(true);
                properties.put(field.getName().toLowerCase(Locale.ROOT), property);
            }
        }
        for (Method method : raw.getMethods()) {
            String name = method.getName();
            if (name.startsWith("set") && name.length() > 3 && method.getParameterCount() == 1
                    && !Modifier.isStatic(method.getModifiers()) && !method.isBridge()) {
                Property property = new Property();
                property.setter = method;
                method.setAccessible(true);
                properties.put(name.substring(3).toLowerCase(Locale.ROOT), property);
            }
        }
        return properties;
    }

    static Class<?> raw(Type type) {
        if (type instanceof Class) {
            return (Class<?>) type;
        }
        if (type instanceof ParameterizedType) {
            return (Class<?>) ((ParameterizedType) type).getRawType();
        }
        if (type instanceof GenericArrayType) {
            return Array.newInstance(raw(((GenericArrayType) type).getGenericComponentType()), 0).getClass();
        }
        return Object.class;
    }

    private static Type argument(Type type, int index) {
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            if (index < arguments.length) {
                return arguments[index];
            }
        }
        return Object.class;
    }

    @SuppressWarnings("unchecked")
    private static <T> T cast(Object value) {
        return (T) value;
    }

    private static Json.JsonException mismatch(Object value, Class<?> raw) {
        String kind = value instanceof Map ? "an object" : value instanceof List ? "an array" : "the value " + value;
        return new Json.JsonException(kind + " does not fit " + raw.getName());
    }
}
