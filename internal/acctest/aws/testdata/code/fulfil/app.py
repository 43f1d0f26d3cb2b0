def handler(event, context):
    return {"function": "fulfil", "event": event}
