// What the types of the SDK refuse: each line below its mark is an error, and the compiler
// complains about a mark without one. Nothing here is ever run.
import * as tidegate from "@tidegate-io/pulumi";

const greet = { source: "greet", runtime: "nodejs22.x", handler: "index.handler" };

export function refused() {
    // @ts-expect-error A stack has functions.
    new tidegate.Queue("a", { name: "orders" });
    // @ts-expect-error A stack has a name.
    new tidegate.Queue("b", { functions: { greet } });
    // @ts-expect-error A timeout is text.
    new tidegate.Queue("c", { name: "orders", functions: { greet: { ...greet, timeout: 30 } } });
    // @ts-expect-error There is no such property.
    new tidegate.Queue("d", { name: "orders", functions: { greet }, visibilityTimout: "30s" });
    // @ts-expect-error Nobody but the target says what the ARN is.
    new tidegate.Queue("e", { name: "orders", functions: { greet: { ...greet, arn: "arn:aws:lambda" } } });
    // @ts-expect-error A consumer names its function.
    new tidegate.Queue("f", { name: "orders", functions: { greet }, consumer: { batchSize: 5 } });
}

export function accepted() {
    const orders = new tidegate.Queue("a", { name: "orders", functions: { greet }, consumer: { function: "greet" } });
    const version: import("@pulumi/pulumi").Output<number> = orders.functions.greet.version;
    // @ts-expect-error A version is a number.
    const text: import("@pulumi/pulumi").Output<string> = orders.functions.greet.version;
    return [version, text];
}
