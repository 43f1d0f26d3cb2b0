def handler(event, context):
    return {"function": "post", "event": event}
