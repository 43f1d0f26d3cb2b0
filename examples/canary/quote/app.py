"""Answers GET /quote?kilos=2 with what it costs to send a parcel."""

import json


def price(kilos):
    return 3 + 2 * float(kilos)


def handler(event, context):
    kilos = event["queryStringParameters"]["kilos"]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"kilos": kilos, "euros": price(kilos)}),
    }
