import json


def handler(event, context):
    """Prints its event, and answers a request with it."""
    print("EVENT " + json.dumps(event))
    return event if "requestContext" in event else None
