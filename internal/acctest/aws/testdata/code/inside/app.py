def handler(event, context):
    return {"function": "inside", "event": event}
