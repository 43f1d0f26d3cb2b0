def handler(event, context):
    return {"function": "create", "event": event}
