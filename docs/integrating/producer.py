"""A system that reports shares over Kafka and reads the answers. Needs: pip install aiokafka cloudevents

    qingsheng keys issue PRODUCER --services campaign --json > key.json
    python producer.py key.json SHARE.json [SHARE.json …]

``key.json`` holds a secret: for your eyes only. Each other file is the `data` of one report, such as
{"volunteer_id": "…", "account_id": "…", "post_url": "https://…", "shared_at": "2014-07-01T09:00:00+08:00"}.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, OutOfOrderSequenceNumber
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


async def send(issued: dict, reports: dict[str, CloudEvent]) -> None:
    """Until all are acknowledged. What is in doubt is sent again: by its id, a report that arrives twice has one effect."""
    left = dict(reports)
    while left:
        try:
            # A new producer for each attempt: one that is out of order, or lost track of a topic, stays so.
            async with AIOKafkaProducer(**issued["kafka"], acks="all", enable_idempotence=True) as sender:
                for id, report in reports.items():
                    if id in left:
                        topic = issued["topics"]["campaign"]
                        await sender.send_and_wait(topic, JSONFormat().write(report), key=id.encode())
                        del left[id]
        except KafkaError as error:
            if not (error.retriable or isinstance(error, (KafkaTimeoutError, OutOfOrderSequenceNumber))):
                raise
            print("sent again in a second:", repr(error), file=sys.stderr)
            await asyncio.sleep(1)


async def main(issued: dict, files: list[str]) -> int:
    reports = {}
    for file in files:
        attributes = {
            "id": str(
                uuid4()
            ),  # our own, never used twice: sent again it gets the same answer and has no second effect
            "source": issued["source"],
            "type": "qingsheng.intake.repost_reported.v1",
            "time": datetime.now(UTC),
            "datacontenttype": "application/json",
        }
        with open(file, encoding="utf-8") as content:
            reports[attributes["id"]] = CloudEvent(attributes, json.load(content))
    reader = AIOKafkaConsumer(issued["answers"], **issued["kafka"], auto_offset_reset="earliest")
    async with reader:
        await send(issued, reports)
        refused = 0
        async for record in reader:  # every report gets one answer, within 15 minutes even where it must wait
            answer = json.loads(record.value)
            if reports.pop(answer["data"]["request_id"], None) is None:
                continue  # an earlier one, or a copy
            if answer["type"] == "qingsheng.intake.accepted.v1":
                print("accepted", *answer["data"]["subjects"])
            else:
                refused += 1
                told = answer["data"]
                print("refused", told["code"], told.get("pointer", ""), told["message"]["en"])
            if not reports:
                break
        return 1 if refused else 0


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as key:
        issued = json.load(key)
    sys.exit(asyncio.run(main(issued, sys.argv[2:])))
