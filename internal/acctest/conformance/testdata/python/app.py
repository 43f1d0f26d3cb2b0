"""What the conformance tests deploy with awslambdaric. Every client's function does
the same; see the documentation of the Go package."""

import os
import signal
import sys
import time

if os.environ.get("FAIL_AT_START"):
    raise RuntimeError("told to fail")

if os.environ.get("AT_SIGTERM"):
    # The client waits for events in a thread, so that Python runs this meanwhile.
    def ended(*_):
        print(os.environ["AT_SIGTERM"])
        sys.exit(0)

    signal.signal(signal.SIGTERM, ended)


class Failure(Exception):
    pass


count = 0


def handler(event, context):
    global count
    count += 1
    do = event.get("do") if isinstance(event, dict) else None
    if not do:
        return event
    text, number = event.get("text", ""), event.get("number", 0)
    if do == "context":
        client = context.client_context
        return {
            "request_id": context.aws_request_id,
            "arn": context.invoked_function_arn,
            "deadline": int(time.time() * 1000) + context.get_remaining_time_in_millis(),
            "title": client.client.app_title if client else "",
            "custom": client.custom if client else None,
            "client": "awslambdaric " + sys.modules["awslambdaric"].__version__,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
            "name": context.function_name,
            "version": context.function_version,
            "memory": int(context.memory_limit_in_mb),
            "group": context.log_group_name,
            "stream": context.log_stream_name,
        }
    if do == "count":
        return {"count": count, "connections": connections()}
    if do == "text":
        return "x" * number
    if do == "print":
        print(text)
        return None
    if do == "fail":
        raise Failure(text + "x" * number)
    if do == "exit":
        os._exit(number)
    if do == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "sleep":
        time.sleep(number / 1000)
        return number
    raise ValueError("there is nothing to do: " + do)


def connections():
    """Counts the process's sockets."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink("/proc/self/fd/" + name).startswith("socket:")
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return found
