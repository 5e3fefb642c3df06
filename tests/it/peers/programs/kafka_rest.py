"""A strict REST proxy before a Kafka broker, in its versions v2 and v3; what was written is read back at /read.

kafka_rest.py PORT BROKER USER PASSWORD
"""

import asyncio
import base64
import binascii
import json
import sys

from aiohttp import BasicAuth, web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PORT, BROKER, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
CLUSTER = "lkc-test"
MAX_RECORD = 1_000_000


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def check_key(request):
    try:
        given = BasicAuth.decode(request.headers.get("authorization", ""))
    except ValueError:
        given = None
    if given != BasicAuth(USER, PASSWORD):
        raise Refused(401, 401, "Unauthorized")


def decoded(text):
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError):
        raise Refused(422, 42200, "the data is not base64") from None


def fields(given, allowed):
    unknown = set(given) - set(allowed)
    if unknown:
        raise Refused(422, 42200, f"Unrecognized field: {sorted(unknown)[0]}")


async def check_topic(app, topic, code):
    if topic not in await app["admin"].list_topics():
        raise Refused(404, code, "This server does not host this topic-partition.")


async def write(app, topic, key, value, headers):
    if len(value or b"") + len(key or b"") > MAX_RECORD:
        raise Refused(413, 413, "The request included a message larger than the max message size the server will accept.")
    return await app["producer"].send_and_wait(topic, value=value, key=key, headers=headers)


async def v3(request):
    try:
        check_key(request)
        if request.headers["content-type"] != "application/json":
            raise Refused(415, 415, "HTTP 415 Unsupported Media Type")
        if request.match_info["cluster"] != CLUSTER:
            raise Refused(404, 404, "Cluster not found")
        record = json.loads(await request.read())
        fields(record, ["key", "value", "headers", "partition_id", "timestamp"])
        sides = []
        for name in ("key", "value"):
            side = record.get(name)
            if side is not None:
                fields(side, ["type", "data"])
                if side["type"] != "BINARY":
                    raise Refused(422, 42206, "Unsupported type")
            sides.append(None if side is None else decoded(side["data"]))
        headers = [(header["name"], decoded(header["value"])) for header in record.get("headers", [])]
        await check_topic(request.app, request.match_info["topic"], 40403)
        written = await write(request.app, request.match_info["topic"], *sides, headers)
    except Refused as refused:
        # A refusal of the record itself comes with 200, and stands in the body.
        status = refused.status if refused.status in (401, 415) else 200
        return web.json_response({"error_code": refused.code, "message": refused.message}, status=status)
    return web.json_response(
        {
            "error_code": 200,
            "cluster_id": CLUSTER,
            "topic_name": written.topic,
            "partition_id": written.partition,
            "offset": written.offset,
        }
    )


async def v2(request):
    try:
        check_key(request)
        if request.headers["content-type"] != "application/vnd.kafka.binary.v2+json":
            raise Refused(415, 415, "HTTP 415 Unsupported Media Type")
        given = json.loads(await request.read())
        fields(given, ["records"])
        topic = request.match_info["topic"]
        await check_topic(request.app, topic, 40401)
        offsets = []
        for record in given["records"]:
            fields(record, ["key", "value", "partition"])
            written = await write(request.app, topic, decoded(record.get("key")), decoded(record["value"]), [])
            offsets.append({"partition": written.partition, "offset": written.offset, "error_code": None, "error": None})
    except Refused as refused:
        return web.json_response({"error_code": refused.code, "message": refused.message}, status=refused.status)
    return web.json_response({"offsets": offsets, "key_schema_id": None, "value_schema_id": None})


async def make(request):
    topic = request.match_info["topic"]
    await request.app["admin"].create_topics([NewTopic(topic, 1, 1)])
    return web.json_response({})


async def read(request):
    consumer = AIOKafkaConsumer(bootstrap_servers=BROKER, enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition(request.match_info["topic"], 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        found = []
        while len(found) < end:
            record = await asyncio.wait_for(consumer.getone(), 10)
            text = lambda data: None if data is None else base64.b64encode(data).decode()
            headers = {name: value.decode() for name, value in record.headers}
            found.append({"key": text(record.key), "value": text(record.value), "headers": headers})
    finally:
        await consumer.stop()
    return web.json_response(found)


async def connect(app):
    app["producer"] = AIOKafkaProducer(bootstrap_servers=BROKER, max_request_size=4 * MAX_RECORD)
    app["admin"] = AIOKafkaAdminClient(bootstrap_servers=BROKER)
    await app["producer"].start()
    await app["admin"].start()
    yield
    await app["producer"].stop()
    await app["admin"].close()


app = web.Application(client_max_size=64 << 20)
app.cleanup_ctx.append(connect)
app.router.add_post("/kafka/v3/clusters/{cluster}/topics/{topic}/records", v3)
app.router.add_post("/topics/{topic}", v2)
app.router.add_put("/make/{topic}", make)
app.router.add_get("/read/{topic}", read)
web.run_app(app, host="127.0.0.1", port=PORT, print=None)
