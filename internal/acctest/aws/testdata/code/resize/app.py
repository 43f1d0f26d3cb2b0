def handler(event, context):
    return {"function": "resize", "event": event}
