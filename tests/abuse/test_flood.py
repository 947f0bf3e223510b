"""One producer's flood of texts that grow when they are normalised, and of those that are slow to screen, stops nobody else.

Times are generous: a machine that runs much besides takes several times as long."""

import asyncio
import json
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from qingsheng.topics import ensure_producer_topics, ensure_topics
from services.opinion import screening
from shared.contracts.refusals import Refusal
from shared.contracts.topics import answers_topic, intake_topic
from shared.slices import TooLong, in_slices
from tests.abuse.serving import serving
from tests.opinion.harness import opinion_at, tip_report
from tests.support.producing import answers_on, codes, key_of, publish
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

GROWS = "\ufdfa" * 2_000
SLOW = ("2012345678 网友网友他把" * 300)[:4_000]
"""Within the limits, and among the slowest that a search found."""
FLOOD = 400
SOON = 20.0
"""Seconds within which another producer is answered: the flood takes several times as long."""
_DONE = "select count(*) from intake_request where source = '/ext/flooder'"


async def test_a_flood_on_a_topic(stack: Servers, database_url: str, topic_prefix: str) -> None:
    kafka = stack.kafka_bootstrap_servers
    settings = settings_for(database_url, kafka, topic_prefix)
    await ensure_topics(settings)
    for producer in ("flooder", "lines"):
        await ensure_producer_topics(settings, producer, ["opinion"])
    async with opinion_at(database_url) as opinion:
        await opinion.know(opinion.roster.unit())
        texts = [GROWS, *[SLOW] * FLOOD]
        flood = [json.dumps(tip_report(text=text, producer="flooder")).encode() for text in texts]
        await publish(kafka, topic_prefix + intake_topic("opinion", "flooder"), *flood)
        async with workers(settings, "opinion"):
            await eventually(lambda: opinion.pool.fetchval(_DONE), 60)
            honest = tip_report(producer="lines")
            began = time.monotonic()
            await publish(kafka, topic_prefix + intake_topic("opinion", "lines"), json.dumps(honest).encode())
            answers = await asyncio.wait_for(answers_on(kafka, topic_prefix + answers_topic("lines"), 1), SOON)
            assert answers == {honest["id"]: "accepted"}
            took = time.monotonic() - began
            assert took < SOON
            assert await opinion.pool.fetchval(_DONE) < len(flood), "the flood was over before another producer spoke"


async def test_a_flood_over_http(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url)
    async with opinion_at(database_url) as opinion:
        await opinion.know(opinion.roster.unit())
        keys = [await key_of(settings, producer, "opinion") for producer in ("flooder", "lines")]
    async with serving(settings, tmp_path / "log") as served:
        at = f"{served.http.base_url}/opinion/api/v1/intake"

        async def report(http: httpx.AsyncClient, key: dict[str, str], **told: str) -> httpx.Response:
            return await http.post(at, json=tip_report(**told), headers=key)

        async with httpx.AsyncClient(timeout=90) as flooder, httpx.AsyncClient(timeout=SOON) as other:
            flood = [
                asyncio.create_task(report(flooder, keys[0], text=text, producer="flooder"))
                for text in [GROWS, SLOW] * 50
            ]
            await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
            assert (await other.get(f"{served.http.base_url}/opinion/healthz")).status_code == 200
            answer = await report(other, keys[1], producer="lines")
            assert answer.status_code == 200
            assert codes([answer.json()]) == ["accepted"]
            ended = [await each for each in flood]
            assert {each.status_code for each in ended} <= {200, 429}


async def test_a_text_over_its_budget_is_refused_and_the_next_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = screening.steps

    def slow(text: str, pointer: str) -> Generator[None, None, Refusal | None]:
        while "慢" in text:
            yield
        return (yield from steps(text, pointer))

    monkeypatch.setattr(screening, "steps", slow)
    monkeypatch.setattr(screening, "WITHIN", 0.1)
    async with opinion_at(database_url) as opinion:
        await opinion.know(opinion.roster.unit())
        answers = await opinion.take(tip_report(text="慢"), tip_report())
    assert codes(answers) == ["schema", "accepted"]
    assert answers[0][0]["data"]["pointer"] == "/data/text"


async def test_slices_take_turns() -> None:
    ended: list[str] = []

    def work(steps: int) -> Generator[None, None, None]:
        for _ in range(steps):
            until = time.perf_counter() + 0.011
            while time.perf_counter() < until:
                pass
            yield

    async def run(name: str, steps: int) -> None:
        await in_slices(work(steps), 60)
        ended.append(name)

    await asyncio.gather(run("long", 20), run("short", 2))
    assert ended == ["short", "long"]
    with pytest.raises(TooLong):
        await in_slices(work(20), 0.05)
