"""Previews or updates the stack of the project in the working folder, and prints what that did.

The program is the project's own, unless another file is named.
"""

import json
import os
import runpy
import sys

from pulumi import automation


def main(operation, file="__main__.py"):
    def program():
        runpy.run_path(file)

    stack = automation.create_or_select_stack(
        stack_name="dev",
        project_name="shop",
        program=program,
        opts=automation.LocalWorkspaceOptions(work_dir=os.getcwd()),
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
