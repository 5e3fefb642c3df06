"""Speaks to AWS's services with AWS's own client: a call a line in, its answer a line out, both JSON."""

import base64
import datetime
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CLIENTS = {}


def client(service, endpoint, key):
    wanted = (service, endpoint, *key)
    if wanted not in CLIENTS:
        names = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"]
        CLIENTS[wanted] = boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="eu-central-1",
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
            **dict(zip(names, key)),
        )
    return CLIENTS[wanted]


def plain(value):
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "read"):
        return base64.b64encode(value.read()).decode()
    return value


for line in sys.stdin:
    call = json.loads(line)
    try:
        method = getattr(client(call["service"], call["endpoint"], call["key"]), call["operation"])
        answer = {"ok": plain(method(**call["arguments"]))}
    except ClientError as error:
        answer = {"error": error.response["Error"]["Code"]}
    print(json.dumps(answer), flush=True)
