// Previews or updates the stack of the project in this folder, and prints what that did.
const { LocalWorkspace } = require("@pulumi/pulumi/automation");

// What the program exports are the outputs. It is the project's own, unless another file is named.
async function main(operation, file = "./bin/index.js") {
    const program = async () => require(file);
    const stack = await LocalWorkspace.createOrSelectStack({ stackName: "dev", projectName: "shop", program }, { workDir: __dirname });
    if (operation === "preview") {
        const done = await stack.preview();
        console.log(JSON.stringify({ changes: done.changeSummary }));
        return;
    }
    const done = await stack.up();
    const outputs = Object.fromEntries(Object.entries(done.outputs).map(([name, output]) => [name, output.value]));
    console.log(JSON.stringify({ changes: done.summary.resourceChanges, outputs }));
}

main(...process.argv.slice(2)).catch((e) => {
    console.error(String(e));
    process.exit(1);
});
