// What JavaScript lets pass, and the package does not.
const pulumi = require("@pulumi/pulumi");
const tidegate = require("@tidegate-io/pulumi");

const greet = {
    source: "./quote",
    runtime: "nodejs20.x",
    handler: "index.handler",
    memory: "plenty",
    layers: "base.zip",
    memry: 512,
    secretsWo: { SIGNING_KEY: new pulumi.Config().requireSecret("signingKey") },
    secretsVersion: "1",
};
new tidegate.Queue("orders", { name: "orders", consumer: { batchSize: 5 }, functions: { greet } });
