import os


def handler(event, context):
    return {"greeting": os.environ["GREETING"], "secret": os.environ.get("API_KEY"), "name": event.get("name")}
