"""Answers GET /quotes/{item} with a price, signed so that nobody can alter it."""

import hashlib
import hmac
import json
import os

prices = {"tea": 3, "coffee": 4, "cake": 5}


def handler(event, context):
    item = event["pathParameters"]["item"]
    if item not in prices:
        return answer(404, {"message": f'There is no "{item}" on the menu.'})
    quote = f"{item} {prices[item]} {os.environ['CURRENCY']}"
    return answer(200, {"quote": quote, "signature": sign(quote)})


def sign(text):
    return hmac.new(os.environ["SIGNING_KEY"].encode(), text.encode(), hashlib.sha256).hexdigest()


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
