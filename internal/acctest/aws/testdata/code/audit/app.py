def handler(event, context):
    return {"function": "audit", "event": event}
