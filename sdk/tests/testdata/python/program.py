"""Previews or updates the stack of the project in a folder, and prints what that did."""

import json
import sys

import pulumi
import pulumi_tidegate as tidegate
from pulumi import automation


def program():
    config = pulumi.Config()
    orders = tidegate.Queue(
        "orders",
        name=config.require("name"),
        dead_letter={"max_receives": 5},
        consumer=tidegate.QueueConsumerArgs(function="greet", batch_size=config.get_int("batchSize") or 5),
        functions={
            "greet": {
                "source": config.require("source"),
                "runtime": config.require("python"),
                "handler": "app.handler",
                "environment": {"GREETING": config.require("greeting")},
                "secrets_wo": {"API_KEY": config.require_secret("apiKey")},
                "secrets_version": "1",
            },
        },
    )
    pulumi.export("url", orders.url)
    pulumi.export("aliasArn", orders.functions["greet"].alias_arn)
    pulumi.export("releaseId", orders.release_id)


def main(operation, folder):
    stack = automation.create_or_select_stack(
        stack_name="dev",
        project_name="shop",
        program=program,
        opts=automation.LocalWorkspaceOptions(work_dir=folder),
    )
    if operation == "preview":
        done = stack.preview()
        print(json.dumps({"changes": {str(getattr(op, "value", op)): n for op, n in done.change_summary.items()}}))
    else:
        done = stack.up()
        outputs = {name: output.value for name, output in done.outputs.items()}
        changes = {str(getattr(op, "value", op)): n for op, n in done.summary.resource_changes.items()}
        print(json.dumps({"changes": changes, "outputs": outputs}))


main(*sys.argv[1:])
