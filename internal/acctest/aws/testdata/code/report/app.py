def handler(event, context):
    return {"function": "report", "event": event}
