# Executes snippets: a line of JSON on standard input, {"endpoint", "account",
# "code", "vars"}, a line of JSON in answer on file descriptor 3, {"result"} or
# {"error"}. What a snippet prints goes to the log.
import datetime
import json
import os
import sys
import textwrap
import traceback

import boto3
from botocore.config import Config

SERVICES = {
    "lambda_": "lambda",
    "iam": "iam",
    "sqs": "sqs",
    "logs": "logs",
    "cloudwatch": "cloudwatch",
    "apigatewayv2": "apigatewayv2",
    "scheduler": "scheduler",
    "events": "events",
    "s3": "s3",
    "sts": "sts",
    "ec2": "ec2",
    "ecr": "ecr",
    "autoscaling": "application-autoscaling",
}

config = Config(
    retries={"max_attempts": 0},
    s3={"addressing_style": "path"},
    connect_timeout=20,
    read_timeout=120,
)


class Client:
    """A service's client, made when it is first used."""

    def __init__(self, service, endpoint, account):
        self._make = lambda: make(service, endpoint, account)
        self._client = None

    def __getattr__(self, name):
        if self._client is None:
            self._client = self._make()
        return getattr(self._client, name)


def make(service, endpoint, account):
    client = boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        # ministack takes the account from the access key, moto from a header.
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=config,
    )

    def name_account(params, **_):
        params["headers"]["x-moto-account-id"] = account

    client.meta.events.register("before-call", name_account)
    return client


clients = {}


def names(endpoint, account):
    if (endpoint, account) not in clients:
        clients[endpoint, account] = {
            name: Client(service, endpoint, account)
            for name, service in SERVICES.items()
        }
    return dict(clients[endpoint, account])


def plain(value):
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"the result holds a {type(value).__name__}, which JSON has no word for")


def run(request):
    scope = names(request["endpoint"], request["account"])
    scope.update(boto3=boto3, json=json, result=None)
    scope.update(request.get("vars") or {})
    exec(compile(textwrap.dedent(request["code"]), "snippet", "exec"), scope)
    return json.dumps({"result": scope["result"]}, default=plain)


answers = os.fdopen(3, "w")
for line in sys.stdin:
    try:
        answer = run(json.loads(line))
    except Exception:
        answer = json.dumps({"error": traceback.format_exc()})
    answers.write(answer + "\n")
    answers.flush()
