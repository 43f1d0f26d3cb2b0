import json


def handler(event, context):
    """Prints what it gets, and fails for each order that is lost."""
    failed = []
    for record in event["Records"]:
        order = json.loads(record["body"])
        print("first", order["id"], "receive", record["attributes"]["ApproximateReceiveCount"])
        if order["status"] == "lost":
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
