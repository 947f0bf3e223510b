"""Other systems, as one separate process: they know Kafka and CloudEvents, and nothing else of this software.

    python -m qingsheng.demo.producer --topic-prefix PREFIX

Reads orders from standard input, one JSON object a line: ``{"producer", "kafka", "batch", "mode", "seconds"}``.
``kafka`` is how the system connects, as ``qingsheng keys issue --json`` tells it. A batch is a file of lines
``{"service", "key", "answers", "event"}`` (or ``raw`` in place of ``event``). It sends them to the producer's own intake
topics, in ``structured`` or ``binary`` mode, waits until each got its answers, at most so many seconds, and tells the sum
on standard output: ``{"batch", "sent", "accepted", "rejected": {code: n}, "missing", "event_ids"}``.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, KafkaTimeoutError, OutOfOrderSequenceNumber

from shared.delivery.broker import create_producer

INTAKE = "qingsheng.intake.{service}.{producer}"
ANSWERS = "qingsheng.intake.answers.{producer}"
AGAIN = 1.0
"""Seconds until what was not acknowledged is sent again."""
IN_DOUBT = (KafkaTimeoutError, OutOfOrderSequenceNumber)
"""Errors that aiokafka does not call retriable, after which a new producer may succeed all the same."""
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]


class System:
    """One other system: sends its reports, remembers every answer by the answer's own id."""

    def __init__(self, name: str, kafka: Mapping[str, Any], prefix: str) -> None:
        self._name = name
        self._kafka = kafka
        self._prefix = prefix
        # Without a group: it reads all partitions of its answers, from the beginning.
        self._consumer = AIOKafkaConsumer(
            prefix + ANSWERS.format(producer=name),
            **kafka,
            group_id=None,
            auto_offset_reset="earliest",
        )
        self._answers: dict[str, dict[str, dict[str, Any]]] = {}
        """By request id and answer id: a copy of an answer changes nothing."""
        self._news = asyncio.Condition()

    async def read_answers(self) -> None:
        """Until cancelled."""
        async with self._consumer:
            async for record in self._consumer:
                answer = json.loads(record.value or b"")
                async with self._news:
                    self._answers.setdefault(answer["data"]["request_id"], {})[answer["id"]] = answer
                    self._news.notify_all()

    async def report(self, lines: Sequence[Mapping[str, Any]], mode: str, seconds: float) -> dict[str, Any]:
        """Sends the lines in their order and waits for their answers, each at most so many seconds; returns the sum. Raises
        KafkaError when the broker did not take all lines by then."""
        waiting: Counter[str] = Counter()
        for line in lines:
            if "event" in line:
                waiting[line["event"]["id"]] += line["answers"]
        until = asyncio.get_running_loop().time() + seconds
        left = lines
        while left:
            left = await self._send(left, mode, until)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: not self._missing(waiting))
        return {"sent": len(lines), "missing": self._missing(waiting), **self._sum(waiting)}

    async def _send(self, lines: Sequence[Mapping[str, Any]], mode: str, until: float) -> Sequence[Mapping[str, Any]]:
        """Returns the lines that were not acknowledged. They are sent again, by a new producer, as any client would do: a
        report that arrives twice has one effect, by its id. Raises KafkaError when there are some after ``until``, or at
        once when sending again cannot help."""
        sent: list[asyncio.Future[Any]] = []
        trouble: BaseException | None = None
        try:
            async with create_producer(self._kafka, linger_ms=5) as producer:
                for line in lines:
                    topic = self._prefix + INTAKE.format(service=line["service"], producer=self._name)
                    value, headers = _record(line, mode)
                    sent.append(await producer.send(topic, value=value, key=line["key"].encode(), headers=headers))
                await asyncio.wait(sent)
        except KafkaError as error:
            trouble = error
        refused = {number for number, future in enumerate(sent) if not future.done() or future.exception()}
        left = [line for number, line in enumerate(lines) if number >= len(sent) or number in refused]
        if left:
            trouble = trouble or next(sent[number].exception() for number in refused)
            trouble = trouble or KafkaError("not acknowledged")
            again = isinstance(trouble, IN_DOUBT) or getattr(trouble, "retriable", False)
            if not again or asyncio.get_running_loop().time() > until:
                raise trouble
            sys.stderr.write(f"{self._name} sends {len(left)} reports again: {trouble!r}\n")
            await asyncio.sleep(AGAIN)
        return left

    def _missing(self, waiting: Mapping[str, int]) -> int:
        return sum(max(0, count - len(self._answers.get(id, ()))) for id, count in waiting.items())

    def _sum(self, waiting: Mapping[str, int]) -> dict[str, Any]:
        answers = [answer["data"] for id in waiting for answer in self._answers.get(id, {}).values()]
        accepted = [answer for answer in answers if "event_ids" in answer]
        return {
            "accepted": len(accepted),
            "rejected": dict(Counter(answer["code"] for answer in answers if "code" in answer)),
            "event_ids": [event_id for answer in accepted for event_id in answer["event_ids"]],
        }


def _lines(batch: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in batch.read_text().splitlines()]


def _record(line: Mapping[str, Any], mode: str) -> tuple[bytes, Sequence[tuple[str, bytes]]]:
    """A record's value and headers. In binary mode the attributes are headers and the value is the data alone."""
    if "raw" in line:
        return line["raw"].encode(), STRUCTURED
    event: dict[str, Any] = line["event"]
    if mode == "structured":
        return json.dumps(event, ensure_ascii=False).encode(), STRUCTURED
    attributes = {name: value for name, value in event.items() if name not in ("data", "datacontenttype")}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return json.dumps(event["data"], ensure_ascii=False).encode(), [("content-type", b"application/json"), *headers]


async def serve(prefix: str) -> None:
    """Carries out orders until standard input ends; orders of different systems at once."""
    systems: dict[str, System] = {}
    reading: list[asyncio.Task[None]] = []
    carrying: list[asyncio.Task[None]] = []

    async def carry_out(order: Mapping[str, Any], system: System) -> None:
        told = await system.report(_lines(Path(order["batch"])), order["mode"], order["seconds"])
        sys.stdout.write(json.dumps({"batch": order["batch"], **told}) + "\n")
        sys.stdout.flush()

    async with asyncio.TaskGroup() as tasks:
        orders = await _standard_input()
        while line := await orders.readline():
            order = json.loads(line)
            name = order["producer"]
            if name not in systems:
                systems[name] = System(name, order["kafka"], prefix)
                reading.append(tasks.create_task(systems[name].read_answers()))
            carrying.append(tasks.create_task(carry_out(order, systems[name])))
        await asyncio.gather(*carrying)
        for task in reading:
            task.cancel()


async def _standard_input() -> asyncio.StreamReader:
    """Read without a thread: one that waits for the next order would keep a process that failed from ending."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Other systems that report to the front door (synthetic data).")
    arguments.add_argument("--topic-prefix", default="")
    told = arguments.parse_args()
    asyncio.run(serve(told.topic_prefix))
