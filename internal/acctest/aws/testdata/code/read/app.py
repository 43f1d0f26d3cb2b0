def handler(event, context):
    return {"function": "read", "event": event}
