package tidegate;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The Runtime API over one HTTP/1.1 connection, kept open, one request at a time.
 *
 * <p>https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
final class RuntimeApi {
    /** What the runtime answered. */
    static final class Response {
        int status;
        final Map<String, String> headers = new HashMap<>();
        byte[] body = new byte[0];

        /** Names are given in lower case. */
        String header(String name) {
            return headers.get(name);
        }
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

    Response next() throws IOException {
        Response response = request("GET", "invocation/next", null, null);
        if (response.status != 200) {
            throw new IOException("the Runtime API answered /next with status " + response.status);
        }
        return response;
    }

    void respond(String id, byte[] body) throws IOException {
        request("POST", "invocation/" + id + "/response", body, null);
    }

    void fail(String id, Map<String, Object> error) throws IOException {
        report("invocation/" + id + "/error", error);
    }

    void initFailed(Map<String, Object> error) throws IOException {
        report("init/error", error);
    }

    private void report(String where, Map<String, Object> error) throws IOException {
        request("POST", where, Json.write(error).getBytes(StandardCharsets.UTF_8), String.valueOf(error.get("errorType")));
    }

    private Response request(String method, String where, byte[] body, String errorType) throws IOException {
        StringBuilder head = new StringBuilder();
        head.append(method).append(" /2018-06-01/runtime/").append(where).append(" HTTP/1.1\r\n");
        head.append("Host: ").append(address).append("\r\n");
        if (errorType != null) {
            head.append("Lambda-Runtime-Function-Error-Type: ").append(errorType.replaceAll("[^\\x20-\\x7e]", "?")).append("\r\n");
        }
        if (body != null) {
            head.append("Content-Type: application/json\r\nContent-Length: ").append(body.length).append("\r\n");
        }
        byte[] start = head.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII);
        byte[] packet = start;
        if (body != null && body.length < 1 << 16) { // one packet where that is no great copy
            packet = new byte[start.length + body.length];
            System.arraycopy(start, 0, packet, 0, start.length);
            System.arraycopy(body, 0, packet, start.length, body.length);
            body = null;
        }
        out.write(packet);
        if (body != null) {
            out.write(body);
        }
        out.flush();
        Response response;
        do { // 100 Continue and its like come before the answer
            response = head();
        } while (response.status < 200);
        String encoding = response.header("transfer-encoding");
        if (encoding != null && encoding.toLowerCase(Locale.ROOT).contains("chunked")) {
            response.body = chunks();
        } else if (response.header("content-length") != null) {
            response.body = read(Integer.parseInt(response.header("content-length")));
        }
        return response;
    }

    private Response head() throws IOException {
        Response response = new Response();
        response.status = Integer.parseInt(line().split(" ", 3)[1]);
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                response.headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
            }
        }
        return response;
    }

    private byte[] chunks() throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (;;) {
            String size = line();
            int semicolon = size.indexOf(';');
            int length = Integer.parseInt((semicolon < 0 ? size : size.substring(0, semicolon)).trim(), 16);
            if (length == 0) {
                break;
            }
            all.write(read(length));
            line();
        }
        while (!line().isEmpty()) { // trailers
            continue;
        }
        return all.toByteArray();
    }

    /** Reads a line; values are UTF-8, though HTTP says Latin-1. */
    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(80);
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new EOFException("the runtime closed the connection");
            }
            line.write(b);
        }
        String text = new String(line.toByteArray(), StandardCharsets.UTF_8);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    private byte[] read(int length) throws IOException {
        byte[] bytes = new byte[length];
        for (int have = 0; have < length;) {
            int n = in.read(bytes, have, length - have);
            if (n < 0) {
                throw new EOFException("the runtime closed the connection");
            }
            have += n;
        }
        return bytes;
    }
}
