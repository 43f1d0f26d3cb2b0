"""Fulfils orders from the queue."""

import json


def handler(event, context):
    failed = []
    for message in event["Records"]:
        try:
            fulfil(json.loads(message["body"]))
        except Exception as error:
            # Only this message comes back; the others are done.
            print(f"message {message['messageId']} failed: {error}")
            failed.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failed}


def fulfil(order):
    print(f"fulfilled order {order['id']}: {order['quantity']} {order['item']} for {order['price']} euros")
