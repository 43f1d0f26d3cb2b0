import time


def handler(event, context):
    """Prints when it got which message of which group."""
    for record in event["Records"]:
        print(f"{time.monotonic_ns():020}", record["attributes"]["MessageGroupId"], record["body"])
