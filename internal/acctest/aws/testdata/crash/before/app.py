def handler(event, context):
    return "before"
