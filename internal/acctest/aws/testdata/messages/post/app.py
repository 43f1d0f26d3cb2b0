import time


def handler(event, context):
    """Prints when it got which message of which group."""
    for record in event["Records"]:
        print(time.monotonic_ns(), record["attributes"]["MessageGroupId"], record["body"])
