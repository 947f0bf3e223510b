"""Every answer of the front door, by every service that has one: the same bytes by Kafka and by HTTP get the same answer.

Two deployments stand on copies of one database; one gets the reports on its intake topics, the other by HTTP. The offline
check (`qingsheng intake check`) must not foresee anything else.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest

from qingsheng.intake_check import check
from qingsheng.producers import issue_key
from shared.contracts.refusals import CODES
from shared.contracts.topics import INTAKE_SERVICES, answers_topic, events_topic, intake_topic
from shared.settings import Settings
from tests.campaign.harness import post_report, repost, withdrawal
from tests.intake.ground import KNOWN_LINK, Ground, laid
from tests.opinion.harness import tip_report
from tests.support.databases import create_database, database_at, drop_database
from tests.support.kafka import Put, put, read
from tests.support.producing import XIAPU, report
from tests.support.services import client, settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

PATIENCE = 3600.0
"""Seconds that a report waits: longer than any run of this test, which ends the wait itself."""
DEADLINE = 120.0
GUIDE = Path(__file__).parents[2] / "docs" / "integrating.md"
ACCEPTED, WAITS, SET_ASIDE = "accepted", "waits", "set aside"
Body = bytes | tuple[bytes, dict[str, str]]
"""Structured; or data and attributes of binary mode."""


@dataclass
class Row:
    """A report and its answers. ``bodies``: sent one after the other. ``answers``: codes, or ``accepted``; of one that
    ``waits`` the last one is for when the wait is over. ``set_aside``: the problem code that HTTP answers where nobody can be
    answered; by Kafka it goes to dead letters."""

    service: str
    what: str
    bodies: Sequence[Body]
    answers: Sequence[str]
    pointer: str | None = None
    waits: bool = False
    set_aside: str | None = None
    id: str = field(default="")

    @property
    def codes(self) -> set[str]:
        return {*self.answers, *([WAITS] if self.waits else []), *([SET_ASIDE] if self.set_aside else [])}


Told = Mapping[str, Any]


class Table:
    """Builds rows; the ids of its reports are their own."""

    def __init__(self, ground: Ground) -> None:
        self.rows: list[Row] = []
        self._ground = ground
        self._numbers = count(1)
        for service, good in (
            ("training", self.attendance),
            ("opinion", self.tip),
            ("campaign", self.post),
        ):
            self._of_the_door(service, good)
        self._of_training()
        self._of_opinion()
        self._of_campaign()

    # -- good reports --------------------------------------------------------------------------------------------------

    def attendance(self, **change: Any) -> dict[str, Any]:
        data = {"session_id": self._ground.session, "volunteer_id": self._ground.volunteer, "venue_no": 1, "hours": 3}
        return self._report("attendance_reported", data | {"held_on": "2014-05-20"} | change)

    def tip(self, **change: Any) -> dict[str, Any]:
        return self._own(tip_report(**change))

    def post(self, **change: Any) -> dict[str, Any]:
        url = change.pop("url", f"https://weibo.example/{uuid4()}")
        return self._own(post_report(url, published="2014-05-10 09:00", **change))

    def share(self, **change: Any) -> dict[str, Any]:
        told = repost(self._ground.volunteer, self._ground.account, self._ground.post, "2014-05-12 09:00")
        return self._report("repost_reported", told["data"] | change)

    def withdrawal(self, of: str) -> dict[str, Any]:
        return self._own(withdrawal(of))

    def _report(self, kind: str, data: Told) -> dict[str, Any]:
        return self._own(report(kind, {name: value for name, value in data.items() if value is not None}))

    def _own(self, event: dict[str, Any]) -> dict[str, Any]:
        return event | {"id": f"row-{next(self._numbers)}"}

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _of_the_door(self, service: str, good: Callable[..., dict[str, Any]]) -> None:
        """What is the same at every door."""
        event = good()
        self._add(service, "a good report", event, ACCEPTED)
        event = good() | {"data": event["data"]}
        if service == "opinion":
            binary = json.dumps(event["data"]).encode(), {k: event[k] for k in ("specversion", "id", "source", "type")}
            binary[1]["time"] = event["time"]
            self.rows.append(Row(service, "binary mode", [binary], [ACCEPTED], id=event["id"]))
        else:
            pointer = "/data/url" if service == "campaign" else None
            self._add(service, "the same thing under another id", event, "already_recorded", pointer)
        broken = json.dumps(good()).encode().replace(b'"data": {', b'"data": {"x": NaN, ')
        self._add_raw(service, "not a number", broken, "not_json")
        for attribute in ("type", "time", "data"):
            event = good()
            del event[attribute]
            self._add(service, f"without {attribute}", event, "not_cloudevents", f"/{attribute}")
        self._add(service, "without source", good() | {"source": None}, "not_cloudevents", "/source")
        self._add(service, "another version of CloudEvents", good() | {"specversion": "0.3"}, "not_cloudevents",
                  "/specversion")  # fmt: skip
        self._add(service, "a long id", good() | {"id": f"{service}-" + "x" * 128}, "not_cloudevents", "/id")
        self._add(service, "a type nobody knows", good() | {"type": "qingsheng.intake.like_reported.v1"}, "unknown_type",
                  "/type")  # fmt: skip
        other = self.tip() if service != "opinion" else self.withdrawal("x")
        self._add(service, "a type of another service", other, "unknown_type", "/type")
        event = good()
        event["data"]["likes"] = 3
        self._add(service, "an unknown field", event, "schema", "/data/likes")
        event = good()
        event["data"] = {}
        first = {"training": "held_on", "opinion": "channel", "campaign": "channel"}[service]
        self._add(service, "no fields", event, "schema", f"/data/{first}")
        event = good()
        event["data"]["x"] = "字" * 30_000
        self._add(service, "more than 64 KiB", event, "too_large")
        self._add(service, "another's name", good() | {"source": "/ext/others"}, "source_not_allowed", "/source")
        self._add(service, "dated before 2000", good() | {"time": "1999-12-31T00:00:00Z"}, "time_out_of_range", "/time")
        self._add(
            service, "dated too far ahead", good() | {"time": "9998-01-01T00:00:00Z"}, "time_out_of_range", "/time"
        )
        event = good()
        if service == "training":
            event["data"]["volunteer_id"] = self._ground.gone
            event["data"]["held_on"] = "2014-05-10"
        again = good() | {"id": event["id"]}
        again["time"] = "2014-07-03T01:00:00Z"
        self.rows.append(
            Row(service, "a used id", [_raw(event), _raw(again)], [ACCEPTED, "id_reused"], "/id", id=event["id"])
        )
        event = good()
        if service == "training":
            event["data"]["session_id"] = str(uuid4())
            self.rows.append(Row(service, "said twice", [_raw(event)] * 2, ["unknown_session"], "/data/session_id",
                                 waits=True, id=event["id"]))  # fmt: skip
        else:
            self.rows.append(Row(service, "said twice", [_raw(event)] * 2, [ACCEPTED], id=event["id"]))
        self.rows.append(Row(service, "no JSON at all", [b"{"], [], set_aside="not_json"))
        nameless = {name: value for name, value in good().items() if name != "id"}
        self.rows.append(Row(service, "no id", [_raw(nameless)], [], set_aside="not_cloudevents"))

    def _of_training(self) -> None:
        ground, nobody = self._ground, str(uuid4())
        add = self._for("training", self.attendance)
        add("a session that was cancelled", "unknown_session", "/data/session_id", session_id=ground.cancelled)
        add("a session that never comes", "unknown_session", "/data/session_id", waits=True, session_id=nobody)
        add("a volunteer who never comes", "unknown_volunteer", "/data/volunteer_id", waits=True, volunteer_id=nobody)
        add("a reference nobody registers", "unknown_volunteer", "/data/volunteer_id", waits=True, volunteer_id="crm:0")
        add("a phone number for a reference", "unknown_volunteer", "/data/volunteer_id", volunteer_id="13905930077")
        add("a volunteer on the way", ACCEPTED, waits=True, volunteer_id=ground.coming)
        add("a volunteer who left", "volunteer_not_active", "/data/volunteer_id", volunteer_id=ground.gone)
        add("recorded before", "already_recorded", None, session_id=ground.attended)
        add("a venue there is not", "schema", "/data/venue_no", volunteer_id=ground.coming, venue_no=3)
        add("a day of 25 hours", "schema", "/data/hours", hours=25)
        add("a day in the last century", "time_out_of_range", "/data/held_on", held_on="1999-12-31")

    def _of_opinion(self) -> None:
        ground = self._ground
        add = self._for("opinion", self.tip)
        add("a unit nobody knows", "unknown_unit", "/data/unit_id", unit_id=XIAPU)
        add("relayed by nobody known", "unknown_volunteer", "/data/relayed_by", waits=True, relayed_by=str(uuid4()))
        add("relayed by a name", "unknown_volunteer", "/data/relayed_by", relayed_by="陈伟")
        add("relayed by somebody on the way", ACCEPTED, waits=True, relayed_by=ground.coming)
        add("a phone number", "personal_data", "/data/text", text="请回电13800138000。")
        add("about a person", "person_targeted", "/data/text", text="举报张建国在群里造谣。")
        add(
            "reported in the last century", "time_out_of_range", "/data/reported_at", reported_at="1999-12-31T00:00:00Z"
        )
        add("an empty text", "schema", "/data/text", text="")

    def _of_campaign(self) -> None:
        ground, nobody = self._ground, str(uuid4())
        add = self._for("campaign", self.post)
        add("a post of a unit nobody knows", "unknown_unit", "/data/unit_id", unit_id=XIAPU)
        add("a post of a column nobody knows", "unknown_column", "/data/column_id", column_id=nobody)
        add("a post with a known link", "already_recorded", "/data/url", url=KNOWN_LINK)
        add = self._for("campaign", self.share)
        add("a share", ACCEPTED)
        add("by somebody who never comes", "unknown_volunteer", "/data/volunteer_id", waits=True,
            volunteer_id=nobody, account_id=str(uuid4()))  # fmt: skip
        add(
            "by somebody unknown from an account of another", "unknown_account", "/data/account_id", volunteer_id=nobody
        )
        add(
            "by somebody on the way", ACCEPTED, waits=True, volunteer_id=ground.coming, account_id=ground.coming_account
        )
        add(
            "by a reference nobody registers",
            "unknown_volunteer",
            "/data/volunteer_id",
            waits=True,
            volunteer_id="crm:0",
        )
        add("by somebody who left", "volunteer_not_active", "/data/volunteer_id",
            volunteer_id=ground.gone, account_id=ground.others_account, shared_at="2014-05-16T09:00:00+08:00")  # fmt: skip
        add("from another one's account", "unknown_account", "/data/account_id", account_id=ground.others_account)
        add("from an account that never comes", "unknown_account", "/data/account_id", waits=True, account_id=nobody)
        add("from an account by a handle", "unknown_account", "/data/account_id", account_id="@weibo")
        add("from an account withdrawn by then", "account_not_disclosed", "/data/account_id",
            account_id=ground.withdrawn_account, shared_at="2014-06-02T09:00:00+08:00")  # fmt: skip
        add("of a post that never comes", "unknown_post", "/data/post_id", waits=True, post_id=nobody)
        add("of a link that never comes", "unknown_post", "/data/post_url", waits=True, post_id=None,
            post_url="https://weibo.example/none")  # fmt: skip
        add("shared before", "already_logged", None, post_id=ground.shared)
        add("before the post", "time_out_of_range", "/data/shared_at", shared_at="2014-05-09T09:00:00+08:00")
        add("in the last century", "time_out_of_range", "/data/shared_at", shared_at="1999-12-31T00:00:00Z")
        add("neither post nor link", "schema", "/data", post_id=None)
        of = self.withdrawal
        self._add("campaign", "withdrawn before", of(ground.withdrawn_report), "already_withdrawn", "/data/report_id")
        event = of("never-sent")
        self._add("campaign", "withdraws what never comes", event, "unknown_report", "/data/report_id", waits=True)

    def _for(self, service: str, good: Callable[..., dict[str, Any]]) -> Callable[..., None]:
        def add(what: str, answer: str, pointer: str | None = None, *, waits: bool = False, **change: Any) -> None:
            self._add(service, what, good(**change), answer, pointer, waits=waits)

        return add

    def _add(
        self, service: str, what: str, event: Told, answer: str, pointer: str | None = None, *, waits: bool = False
    ) -> None:
        self.rows.append(Row(service, what, [_raw(event)], [answer], pointer, waits, id=event["id"]))

    def _add_raw(self, service: str, what: str, raw: bytes, answer: str) -> None:
        [id] = re.findall(rb'"id": "(row-\d+)"', raw)
        self.rows.append(Row(service, what, [raw], [answer], id=id.decode()))


def _raw(event: Told) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


# -- the doors ---------------------------------------------------------------------------------------------------------


async def by_kafka(settings: Settings, rows: Sequence[Row]) -> None:
    for row in rows:
        records: list[Put] = []
        for body in row.bodies:
            if isinstance(body, tuple):
                headers = [(f"ce_{name}", value.encode()) for name, value in body[1].items()]
                records.append(Put(body[0], row.id.encode(), headers=[("content-type", b"application/json"), *headers]))
            else:
                records.append(Put(body, row.id.encode()))
        await put(settings, intake_topic(row.service, "feeds"), records)


async def by_http(http: httpx.AsyncClient, key: str, rows: Sequence[Row]) -> dict[str, list[httpx.Response]]:
    """The response to each body, by row."""
    responses: dict[str, list[httpx.Response]] = {}
    for row in rows:
        for body in row.bodies:
            content, attributes = body if isinstance(body, tuple) else (body, {})
            mode = "application/json" if attributes else "application/cloudevents+json"
            headers = {"X-API-Key": key, "Content-Type": mode} | {f"ce-{n}": v for n, v in attributes.items()}
            answer = await http.post(f"/{row.service}/api/v1/intake", content=content, headers=headers)
            responses.setdefault(f"{row.service}: {row.what}", []).append(answer)
    return responses


async def answers_on(settings: Settings) -> dict[str, dict[str, Any]]:
    """Distinct answers of the producer's answers topic, by id."""
    return {
        answer["id"]: answer
        for answer in (json.loads(record.value or b"{}") for record in await read(settings, answers_topic("feeds")))
    }


def same(answer: Told) -> dict[str, Any]:
    """An answer without what no two acts have in common: when, and what ids were made."""
    told = {name: value for name, value in answer.items() if name not in ("time", "recordedtime", "data")}
    data = dict(answer["data"])
    if "event_ids" in data:
        data["event_ids"] = len(data["event_ids"])
        data["subjects"] = [subject.partition("/")[0] for subject in data["subjects"]]
    return told | {"data": data}


def code_of(answer: Told) -> str:
    return answer["data"].get("code", ACCEPTED)


# -- the test ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy_of(request: pytest.FixtureRequest, stack: Servers) -> Iterator[Callable[[str], str]]:
    """Copies a database that nobody is connected to; gives the copy's URL."""
    made: list[str] = []

    def copied(database_url: str) -> str:
        made.append(create_database(stack.database_url, urlsplit(database_url).path[1:]))
        return database_at(stack.database_url, made[-1])

    yield copied
    for name in made:
        drop_database(stack.database_url, name)


def codes_of_the_guide() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \| \d+ \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE))


EVERY_DOOR = {
    *("not_json", "not_cloudevents", "unknown_type", "schema", "too_large", "source_not_allowed", "id_reused"),
    *("time_out_of_range", "unknown_volunteer", ACCEPTED, WAITS, SET_ASIDE),
}
OWN = {
    "training": {"volunteer_not_active", "unknown_session", "already_recorded"},
    "opinion": {"unknown_unit", "personal_data", "person_targeted"},
    "campaign": {
        *("volunteer_not_active", "unknown_account", "account_not_disclosed", "unknown_unit", "unknown_column"),
        *("unknown_post", "unknown_report", "already_logged", "already_recorded", "already_withdrawn"),
    },
}


def test_every_code_has_a_row_at_every_door_that_can_say_it() -> None:
    table = Table(Ground(session="s", attended="a", cancelled="c", post="p", shared="q", withdrawn_report="w"))
    for service in INTAKE_SERVICES:
        reached = set().union(*(row.codes for row in table.rows if row.service == service))
        assert reached == EVERY_DOOR | OWN[service], service
    told = set().union(*(row.codes for row in table.rows)) - {ACCEPTED, WAITS, SET_ASIDE}
    assert told == codes_of_the_guide()
    assert told <= set(CODES)


async def test_both_doors_answer_alike(
    database_url: str, stack: Servers, topic_prefix: str, copy_of: Callable[[str], str]
) -> None:
    ground = await laid(database_url)
    rows = Table(ground).rows
    kafka, web = [
        settings_for(
            copy_of(database_url), stack.kafka_bootstrap_servers, f"{topic_prefix}{door}.", parking_seconds=PATIENCE
        )
        for door in ("kafka", "http")
    ]
    keys = [await issue_key(settings, "feeds", list(INTAKE_SERVICES)) for settings in (kafka, web)]
    waiting = {row.id for row in rows if row.waits}
    coming = {row.id for row in rows if row.waits and row.answers == [ACCEPTED]}
    async with (
        workers(kafka, *INTAKE_SERVICES),
        workers(web, *INTAKE_SERVICES),
        client(web, list(INTAKE_SERVICES)) as http,
    ):
        await by_kafka(kafka, rows)
        responses = await by_http(http, keys[1], rows)
        for settings in (kafka, web):
            await eventually(lambda s=settings: waits_for_all(s, waiting), deadline=DEADLINE, interval=0.2)
        for settings in (kafka, web):
            records = [Put(event.to_json(), event.partitionkey.encode()) for event in ground.to_come]
            await put(settings, events_topic("roster"), records)
        for settings in (kafka, web):
            await eventually(lambda s=settings: waits_for_all(s, waiting - coming), deadline=DEADLINE, interval=0.2)
            await eventually(lambda s=settings: the_wait_is_over(s), deadline=DEADLINE, interval=0.2)
        wanted = sum(len(row.answers) for row in rows)

        async def all_there(settings: Settings) -> dict[str, dict[str, Any]]:
            own = {row.id for row in rows}
            found = {id: a for id, a in (await answers_on(settings)).items() if a["data"]["request_id"] in own}
            return found if len(found) >= wanted else {}

        told: list[dict[str, dict[str, Any]]] = [
            await eventually(lambda s=s: all_there(s), deadline=DEADLINE, interval=0.5) for s in (kafka, web)
        ]

        async def as_told() -> dict[str, Any] | None:
            """The list, once it has all: an answer is listed when no older transaction of the whole cluster is under way."""
            listed = await all_listed(http, keys[1], {row.id for row in rows})
            return listed if len(listed) >= len(told[1]) else None

        listed = await eventually(as_told, interval=0.2)

    assert {id: same(answer) for id, answer in told[0].items()} == {id: same(answer) for id, answer in told[1].items()}
    assert listed == told[1], "the list over HTTP has what the topic has"
    wrong: list[str] = []
    for row in rows:
        name = f"{row.service}: {row.what}"
        given = [answer for answer in told[0].values() if row.id and answer["data"]["request_id"] == row.id]
        if sorted(map(code_of, given)) != sorted(row.answers):
            wrong.append(f"{name}: {[code_of(answer) for answer in given]}, not {row.answers}")
        wrong += _differences(name, row, given, responses[name], told[1])
        wrong += _not_foreseen(name, row, given)
    assert wrong == []
    assert await dead_letters(kafka) == sum(row.set_aside is not None for row in rows)
    assert await dead_letters(web) == 0


def _differences(
    name: str, row: Row, given: Sequence[Told], responses: Sequence[httpx.Response], answers: Mapping[str, Told]
) -> list[str]:
    """What the HTTP responses of a row say otherwise than they should."""
    if row.set_aside:
        [answer] = responses
        code = answer.json()["code"]
        expected = (CODES[row.set_aside].status, row.set_aside)
        return [] if (answer.status_code, code) == expected else [f"{name}: HTTP {answer.status_code} {code}"]
    flaws = [f"{name}: HTTP {answer.status_code}" for answer in responses if answer.status_code != 200]
    if row.waits:
        pending = {"status": "pending", "request_id": row.id}
        flaws += [f"{name}: {a.json()}" for a in responses if a.json() != [pending]]
    else:
        final = responses[-1].json()
        if sorted(map(code_of, final)) != sorted(row.answers) or any(a != answers[a["id"]] for a in final):
            flaws.append(f"{name}: HTTP said {final}")
    pointers = {answer["data"].get("pointer") for answer in given if code_of(answer) == row.answers[-1]}
    return flaws if pointers == {row.pointer} else [*flaws, f"{name}: points to {pointers}, not {row.pointer}"]


def _not_foreseen(name: str, row: Row, given: Sequence[Told]) -> list[str]:
    """What the offline check says otherwise than the doors."""
    if any(isinstance(body, tuple) for body in row.bodies):
        return []
    lines = b"\n".join(body for body in row.bodies if isinstance(body, bytes))
    foreseen = check(lines, service=row.service, producer="feeds")[-1].refusal
    if row.set_aside:
        return [] if foreseen and foreseen.code == row.set_aside else [f"{name}: foreseen {foreseen}"]
    if foreseen is None:
        certain = {"not_json", "not_cloudevents", "schema", "too_large", "source_not_allowed", "id_reused",
                   "unknown_type", "personal_data", "person_targeted"}  # fmt: skip
        unknowable = row.what in ("a venue there is not",)
        return [f"{name}: not foreseen"] if certain & set(row.answers) and not unknowable else []
    [answer] = [answer["data"] for answer in given if code_of(answer) == row.answers[-1]]
    same = (foreseen.code, foreseen.pointer, foreseen.message) == (
        answer["code"],
        answer.get("pointer"),
        answer["message"],
    )
    return [] if same and not row.waits else [f"{name}: foreseen {foreseen.code}"]


async def waits_for_all(settings: Settings, wanted: set[str]) -> bool:
    """Whether the reports of these ids wait, and no others."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        parked = {r["id"] for name in INTAKE_SERVICES for r in await connection.fetch(f"select id from {name}.parked")}
    finally:
        await connection.close()
    return parked == wanted


async def the_wait_is_over(settings: Settings) -> bool:
    """Sets the clocks that run back by more than the patience; true when nothing waits any more."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        for name in INTAKE_SERVICES:
            await connection.execute(f"update {name}.parked set clock_from = clock_from - interval '2 hours'")
    finally:
        await connection.close()
    return await count_in(settings, "parked") == 0


async def dead_letters(settings: Settings) -> int:
    return await count_in(settings, "dead_letter")


async def count_in(settings: Settings, table: str) -> int:
    connection = await asyncpg.connect(settings.database_url)
    try:
        return sum([await connection.fetchval(f"select count(*) from {name}.{table}") for name in INTAKE_SERVICES])
    finally:
        await connection.close()


async def all_listed(http: httpx.AsyncClient, key: str, own: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for service in INTAKE_SERVICES:
        answer = await http.get(f"/{service}/api/v1/intake/answers?limit=1000", headers={"X-API-Key": key})
        found |= {each["id"]: each for each in answer.json()["items"] if each["data"]["request_id"] in own}
    return found
