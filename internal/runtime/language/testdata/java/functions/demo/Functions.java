package demo;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One function of each kind that Lambda knows. */
public class Functions {
    public static class MapHandler implements RequestHandler<Map<String, Object>, Map<String, Object>> {
        @Override
        public Map<String, Object> handleRequest(Map<String, Object> input, Context context) {
            Map<String, Object> out = new LinkedHashMap<>(input);
            out.put("kinds", kinds(input));
            return out;
        }

        private static List<String> kinds(Map<String, Object> input) {
            List<String> kinds = new ArrayList<>();
            for (Object value : input.values()) {
                kinds.add(value == null ? "null" : value.getClass().getSimpleName());
            }
            return kinds;
        }
    }

    /** The types are those of an ancestor. */
    public abstract static class Base<T> implements RequestHandler<List<T>, T> {
        @Override
        public T handleRequest(List<T> input, Context context) {
            return input.get(input.size() - 1);
        }
    }

    public static class Last extends Base<Integer> {}

    public static class Order {
        private String id;
        private int amount;
        private double price;
        private boolean paid;
        private State state;
        private List<Item> items;
        public String note;

        public enum State { OPEN, SHIPPED }

        public String getId() {
            return id;
        }

        public void setId(String id) {
            this.id = id;
        }

        public int getAmount() {
            return amount;
        }

        public void setAmount(int amount) {
            this.amount = amount;
        }

        public double getPrice() {
            return price;
        }

        public void setPrice(double price) {
            this.price = price;
        }

        public boolean isPaid() {
            return paid;
        }

        public void setPaid(boolean paid) {
            this.paid = paid;
        }

        public State getState() {
            return state;
        }

        public void setState(State state) {
            this.state = state;
        }

        public List<Item> getItems() {
            return items;
        }

        public void setItems(List<Item> items) {
            this.items = items;
        }
    }

    public static class Item {
        private String sku;

        public String getSKU() {
            return sku;
        }

        public void setSKU(String sku) {
            this.sku = sku;
        }
    }

    public static class Ship implements RequestHandler<Order, Order> {
        @Override
        public Order handleRequest(Order order, Context context) {
            order.setAmount(order.getAmount() + order.getItems().size());
            order.setState(Order.State.SHIPPED);
            return order;
        }
    }

    public static class Streams implements RequestStreamHandler {
        @Override
        public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
            byte[] buffer = new byte[8192];
            for (int n = input.read(buffer); n >= 0; n = input.read(buffer)) {
                output.write(buffer, 0, n);
            }
        }
    }

    public String text(String input, Context context) {
        return input + "!";
    }

    public int number(int input) {
        return input + 1;
    }

    public static boolean flag() {
        return true;
    }

    public void nothing(Context context) {}

    public long[] array(long[] input) {
        Arrays.sort(input);
        return input;
    }

    public Map<String, Object> context(Context c) {
        c.getLogger().log("two\nlines");
        System.out.println("plain");
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("name", c.getFunctionName());
        out.put("version", c.getFunctionVersion());
        out.put("id", c.getAwsRequestId());
        out.put("memory", c.getMemoryLimitInMB());
        out.put("group", c.getLogGroupName());
        out.put("stream", c.getLogStreamName());
        out.put("arn", c.getInvokedFunctionArn());
        out.put("left", c.getRemainingTimeInMillis() > 50000 && c.getRemainingTimeInMillis() <= 60000);
        out.put("identity", c.getIdentity().getIdentityId() + " " + c.getIdentity().getIdentityPoolId());
        out.put("client", c.getClientContext().getClient().getAppTitle() + " " + c.getClientContext().getCustom());
        out.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
        out.put("execution", System.getenv("AWS_EXECUTION_ENV"));
        return out;
    }

    public String fail(String how) {
        switch (how) {
            case "checked":
                throw new IllegalStateException("broken", new IOException("the cause"));
            case "memory":
                List<byte[]> all = new ArrayList<>();
                for (;;) {
                    all.add(new byte[1 << 20]);
                }
            case "exit":
                System.exit(4);
                return null;
            default:
                return how;
        }
    }

    public Object unwritable() {
        List<Object> list = new ArrayList<>();
        list.add(list);
        return list;
    }

    public static class BrokenStart {
        static {
            if (true) {
                throw new IllegalArgumentException("while loading");
            }
        }

        public void run() {}
    }

    public static class NoConstructor {
        public NoConstructor(int needed) {}

        public void run() {}
    }
}
