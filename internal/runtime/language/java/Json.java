package tidegate;

import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON (RFC 8259) to and from what handlers take and return: maps, lists, strings, numbers, booleans, and objects by
 * their setters and getters or public fields. Names of properties are matched without regard to case, so that
 * the classes of aws-lambda-java-events fit AWS's events.
 */
final class Json {
    static final class JsonException extends RuntimeException {
        private static final long serialVersionUID = 1;

        JsonException(String message) {
            super(message);
        }

        JsonException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    static final int MAX_DEPTH = 1000;

    private Json() {}

    static Object read(String text, Type type) {
        return JsonTypes.convert(new Parser(text).document(), type);
    }

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        JsonWriter.write(out, value, 0);
        return out.toString();
    }

    private static final class Parser {
        private final String text;
        private int at;

        Parser(String text) {
            this.text = text;
        }

        Object document() {
            Object value = value(0);
            space();
            if (at < text.length()) {
                throw wrong("unexpected text after the value");
            }
            return value;
        }

        private JsonException wrong(String what) {
            return new JsonException(what + " at position " + at);
        }

        private void space() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private char peek() {
            if (at >= text.length()) {
                throw wrong("unexpected end");
            }
            return text.charAt(at);
        }

        private Object value(int depth) {
            if (depth > MAX_DEPTH) {
                throw wrong("nested too deeply");
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

        private Object word(String word, Object value) {
            if (!text.startsWith(word, at)) {
                throw wrong("unexpected character");
            }
            at += word.length();
            return value;
        }

        private Map<String, Object> object(int depth) {
            Map<String, Object> object = new LinkedHashMap<>();
            at++;
            space();
            if (peek() == '}') {
                at++;
                return object;
            }
            for (;;) {
                space();
                if (peek() != '"') {
                    throw wrong("expected a name");
                }
                String name = string();
                space();
                if (peek() != ':') {
                    throw wrong("expected a colon");
                }
                at++;
                object.put(name, value(depth + 1));
                if (!more('}')) {
                    return object;
                }
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
            do {
                array.add(value(depth + 1));
            } while (more(']'));
            return array;
        }

        private boolean more(char end) {
            space();
            char c = peek();
            if (c != ',' && c != end) {
                throw wrong("expected a comma or " + end);
            }
            at++;
            return c == ',';
        }

        private String string() {
            StringBuilder out = new StringBuilder();
            at++;
            for (;;) {
                char c = peek();
                at++;
                if (c == '"') {
                    return out.toString();
                } else if (c < 0x20) {
                    throw wrong("unescaped control character");
                } else if (c != '\\') {
                    out.append(c);
                    continue;
                }
                c = peek();
                at++;
                int known = "\"\\/bfnrt".indexOf(c);
                if (known >= 0) {
                    out.append("\"\\/\b\f\n\r\t".charAt(known));
                } else if (c == 'u' && at + 4 <= text.length()) {
                    try {
                        out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    } catch (NumberFormatException e) {
                        throw wrong("malformed escape");
                    }
                    at += 4;
                } else {
                    throw wrong("malformed escape");
                }
            }
        }

        private Number number() {
            int start = at;
            boolean whole = true;
            while (at < text.length() && "+-0123456789.eE".indexOf(text.charAt(at)) >= 0) {
                whole &= "+.eE".indexOf(text.charAt(at)) < 0;
                at++;
            }
            String digits = text.substring(start, at);
            if (!digits.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?")) {
                at = start;
                throw wrong("unexpected character");
            }
            if (!whole) {
                return new BigDecimal(digits);
            }
            BigInteger integer = new BigInteger(digits);
            if (integer.bitLength() < 32) {
                return integer.intValue();
            }
            return integer.bitLength() < 64 ? (Number) integer.longValue() : integer;
        }
    }
}
