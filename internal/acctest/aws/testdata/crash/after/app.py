def handler(event, context):
    return "after"
