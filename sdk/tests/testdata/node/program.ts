// Previews or updates the stack of the project in a folder, and prints what that did.
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import * as tidegate from "@tidegate-io/pulumi";

async function program() {
    const config = new pulumi.Config();
    const orders = new tidegate.Queue("orders", {
        name: config.require("name"),
        deadLetter: { maxReceives: 5 },
        consumer: { function: "greet", batchSize: 5 },
        functions: {
            greet: {
                source: config.require("source"),
                runtime: config.require("python"),
                handler: "app.handler",
                environment: { GREETING: config.require("greeting") },
                secretsWo: { API_KEY: config.requireSecret("apiKey") },
                secretsVersion: "1",
            },
        },
    });
    return { url: orders.url, aliasArn: orders.functions.greet.aliasArn, releaseId: orders.releaseId };
}

async function main(operation: string, workDir: string) {
    const stack = await LocalWorkspace.createOrSelectStack({ stackName: "dev", projectName: "shop", program }, { workDir });
    if (operation === "preview") {
        const done = await stack.preview();
        console.log(JSON.stringify({ changes: done.changeSummary }));
        return;
    }
    const done = await stack.up();
    const outputs = Object.fromEntries(Object.entries(done.outputs).map(([name, output]) => [name, output.value]));
    console.log(JSON.stringify({ changes: done.summary.resourceChanges, outputs }));
}

main(process.argv[2], process.argv[3]).catch((e) => {
    console.error(String(e));
    process.exit(1);
});
