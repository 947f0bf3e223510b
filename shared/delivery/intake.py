"""The front door's common part: every report gets one answer, by Kafka or by HTTP alike, and has one effect.

A service brings one ``Taker`` a request type. Takers load what they need for all reports of a batch, decide each by pure
rules and write in bulk; the door remembers reports, sends the answers and parks what has to wait.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, cast
from uuid import UUID

from shared.clock import Clock
from shared.contracts import reasons
from shared.contracts.answers import accepted, id_reused, rejected
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.contracts.topics import answers_topic
from shared.delivery import parking
from shared.delivery.outbox import Draft, append, send
from shared.postgres import Connection
from shared.security import Sealer

LATEST = timedelta(hours=24)
"""A report's own time may lie so far ahead of the recording clock."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A report that took effect: the events to publish and the subjects they speak of, e.g. ``repost/0198…``."""

    drafts: list[Draft]
    subjects: list[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report that lacks ``thing`` (e.g. ``volunteer/0198…``), which may still come on ``topic`` (without prefix;
    None: by HTTP only). ``refusal`` is its answer when the wait is over."""

    thing: str
    topic: str | None
    refusal: Refusal


Outcome: TypeAlias = Accepted | Refusal | Waiting
Key: TypeAlias = tuple[str, str]
"""(source, id) of a report."""
Decided: TypeAlias = tuple[Key, Request | None, Accepted | Refusal]
Taker: TypeAlias = Callable[[Connection, Clock, Sequence[Request]], Awaitable[Sequence[Outcome]]]
Judge: TypeAlias = Callable[[Request, Clock], Refusal | None]
"""What a taker refuses whatever else is known: by the very rules that it decides by."""
Examiner: TypeAlias = Callable[[Request], Awaitable[Refusal | None]]
"""What is wrong with a report's texts. It may take long, so it is asked before the transaction and lets others go on."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A report as it came: from which registered producer, and what could be read of it."""

    producer: str
    content: Request | Refusal
    examined: bool = False
    flaw: Refusal | None = None
    """What is wrong with its texts, once they are ``examined``."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What HTTP answers: the answer events (bytes), or none while the report waits."""

    request_id: str
    answers: list[bytes]


class Door:
    """Takes the reports of one service. ``takers`` are asked in their order: what others wait for comes first.
    ``judges``: of the types of which something can be said without looking anything up. ``examiners``: of those whose
    texts are examined; the takers need not do it again."""

    def __init__(
        self,
        service: str,
        takers: Mapping[str, Taker],
        clock: Clock,
        secret: str,
        judges: Mapping[str, Judge] | None = None,
        examiners: Mapping[str, Examiner] | None = None,
    ) -> None:
        self.service = service
        self._takers = takers
        self._judges = judges or {}
        self._examiners = examiners or {}
        self._turns: dict[str, asyncio.Lock] = {}
        """By producer: its batches are examined one after the other, so that it has no more than its share."""
        self._clock = clock
        self._sealer = Sealer(secret, "parked")

    async def examine(self, arrival: Arrival) -> Arrival:
        """The arrival with what is wrong with its texts; to be done before the transaction that takes it."""
        content = arrival.content
        examiner = self._examiners.get(content.type) if isinstance(content, Request) else None
        flaw = await examiner(content) if examiner and isinstance(content, Request) else None
        return replace(arrival, examined=True, flaw=flaw)

    async def examine_all(self, producer: str, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """A batch of one producer, examined in its turn."""
        async with self._turns.setdefault(producer, asyncio.Lock()):
            return [await self.examine(arrival) for arrival in arrivals]

    async def take(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Reply]:
        """Takes a batch within the caller's transaction; the replies are in the order of the arrivals. What was not
        examined before is examined now."""
        told = [_Told.of(arrival if arrival.examined else await self.examine(arrival)) for arrival in arrivals]
        replies = [Reply(report.id, []) for report in told]
        strangers, first, again = _sorted_out(told)
        await self._refuse_strangers(connection, [(told[at], why, replies[at]) for at, why in strangers.items()])
        known = await _known(connection, list(first))
        fresh = [told[index] for key, index in first.items() if key not in known]
        answers = await self._conclude(connection, await self._decide(connection, fresh), fresh)
        for key, index in first.items():
            if key in known:
                again.append(index)
            elif key in answers:
                replies[index].answers.append(answers[key])
        await self._repeat(connection, [(told[index], replies[index]) for index in sorted(again)])
        return replies

    def takes(self, type_name: str) -> bool:
        return type_name in self._takers

    def foresee(self, arrivals: Sequence[Arrival]) -> list[Refusal | None]:
        """What ``take`` would refuse of a batch, as far as can be said without looking anything up."""
        told = [_Told.of(arrival) for arrival in arrivals]
        strangers, first, _ = _sorted_out(told)

        def of(index: int, report: _Told) -> Refusal | None:
            if index in strangers:
                return strangers[index]
            before = told[first[report.key]]
            if before.digest != report.digest:
                return Refusal("id_reused", pointer="/id")
            request = before.content
            if refusal := self._unfit(request):
                return refusal
            assert isinstance(request, Request)
            judge = self._judges.get(request.type)
            return self._untimely(request) or (judge(request, self._clock) if judge else None)

        return [of(index, report) for index, report in enumerate(told)]

    async def _refuse_strangers(
        self, connection: Connection, strangers: Sequence[tuple["_Told", Refusal, Reply]]
    ) -> None:
        """A report under another one's name, or none, is answered but uses no id up: the name is not its own."""
        now = self._clock.now()
        answers = [
            (told.allowed_source, told.id, rejected(told.id, told.source, self.service, refusal, now))
            for told, refusal, _ in strangers
        ]
        kept = await _beside(connection, answers)
        for (_, _, reply), answer in zip(strangers, kept, strict=True):
            reply.answers.append(answer)
        given = zip(strangers, kept, strict=True)
        await send(connection, [(_topic(told.allowed_source), told.id, answer) for (told, _, _), answer in given])

    async def _decide(self, connection: Connection, reports: Sequence["_Told"]) -> list[Decided]:
        """Asks the takers; parks what waits."""
        done: list[Decided] = []
        valid: list[Request] = []
        for report in reports:
            if refusal := self._unfit(report.content):
                done.append((report.key, None, refusal))
                continue
            request = cast(Request, report.content)
            if report.flaw is None:
                valid.append(request)
                continue
            with self._clock.told(request.time):
                done.append((report.key, request, self._untimely(request) or report.flaw))
        decided, waiting = await self._look(connection, valid, ())
        if waiting:
            await parking.park(connection, [(r, w.thing, w.topic) for r, w in waiting], self._sealer)
        return done + decided

    def _unfit(self, content: Request | Refusal) -> Refusal | None:
        """Why nobody need be asked about it."""
        if isinstance(content, Refusal):
            return content
        return None if self.takes(content.type) else Refusal("unknown_type", pointer="/type")

    def _untimely(self, request: Request) -> Refusal | None:
        late = request.time > self._clock.now() + LATEST
        return Refusal("time_out_of_range", pointer="/time") if late else None

    async def _look(
        self, connection: Connection, requests: Sequence[Request], held: Collection[str]
    ) -> tuple[list[Decided], list[tuple[Request, Waiting]]]:
        """Asks the takers, again under the lock of what a report waits for, until every wait is for a thing whose lock
        is ``held``: one missing thing may hide another, and neither may arrive unnoticed."""
        done: list[Decided] = []
        waiting: list[tuple[Request, Waiting]] = []
        locked = set(held)
        asked = list(requests)
        while asked:
            unsure: list[tuple[Request, str]] = []
            for request, outcome in await self._ask(connection, asked):
                if not isinstance(outcome, Waiting):
                    done.append((_key(request), request, outcome))
                elif outcome.thing in locked:
                    waiting.append((request, outcome))
                else:
                    unsure.append((request, outcome.thing))
            things = {thing for _, thing in unsure}
            await parking.lock(connection, list(things))
            locked |= things
            asked = [request for request, _ in unsure]
        return done, waiting

    async def _ask(self, connection: Connection, requests: Sequence[Request]) -> list[tuple[Request, Outcome]]:
        answers: list[tuple[Request, Outcome]] = []
        for type_name, taker in self._takers.items():
            of_type = [request for request in requests if request.type == type_name]
            for moment, group in self._by_moment(of_type).items():
                with self._clock.told(moment):
                    refusals = {request: refusal for request in group if (refusal := self._untimely(request))}
                    timely = [request for request in group if request not in refusals]
                    if timely:
                        answers += zip(timely, await taker(connection, self._clock, timely), strict=True)
                    answers += refusals.items()
        return answers

    def _by_moment(self, requests: Sequence[Request]) -> dict[datetime | None, list[Request]]:
        """All at once; in a story, each report is taken at the moment that it tells, the earliest first."""
        if not self._clock.story:
            return {None: list(requests)} if requests else {}
        groups: dict[datetime | None, list[Request]] = {}
        for request in sorted(requests, key=lambda request: request.time):
            groups.setdefault(request.time, []).append(request)
        return groups

    async def _conclude(
        self, connection: Connection, outcomes: Sequence[Decided], fresh: Sequence["_Told"]
    ) -> dict[Key, bytes]:
        """Publishes the events of the accepted, stores and sends every answer. Returns the answers by (source, id).
        ``fresh``: reports to be remembered, answered or not; the others are remembered already."""
        event_ids = await self._publish(connection, {r: o for _, r, o in outcomes if r and isinstance(o, Accepted)})
        answers: dict[Key, bytes] = {}
        for key, request, outcome in outcomes:
            source, id = key
            now = self._clock.now()
            if request and isinstance(outcome, Accepted):
                answers[key] = accepted(id, source, self.service, event_ids[request], outcome.subjects, now)
            elif isinstance(outcome, Refusal):
                answers[key] = rejected(id, source, self.service, outcome, now)
        await _remember(connection, fresh, answers)
        new = {report.key for report in fresh}
        await _amend(connection, {key: answer for key, answer in answers.items() if key not in new})
        await send(connection, [(_topic(source), id, answer) for (source, id), answer in answers.items()])
        await self.keep(connection, outcomes)
        return answers

    async def keep(self, connection: Connection, decided: Sequence[Decided]) -> None:
        """For a service that keeps something of what was decided, in the same transaction."""

    async def _publish(self, connection: Connection, taken: Mapping[Request, Accepted]) -> dict[Request, list[UUID]]:
        event_ids: dict[Request, list[UUID]] = {}
        for moment, group in self._by_moment(list(taken)).items():
            with self._clock.told(moment):
                drafts = [draft for request in group for draft in taken[request].drafts]
                events = iter(await append(connection, drafts, self._clock))
            for request in group:
                event_ids[request] = [next(events).id for _ in taken[request].drafts]
        return event_ids

    async def _repeat(self, connection: Connection, repeated: Sequence[tuple["_Told", Reply]]) -> None:
        """A report said again gets its first answer again; under a used id with other content, ``id_reused`` beside it."""
        if not repeated:
            return
        rows = await connection.fetch(
            """select source, id, digest, answer from intake_request
               where (source, id) in (select * from unnest($1::text[], $2::text[]))""",
            [report.source for report, _ in repeated],
            [report.id for report, _ in repeated],
        )
        known = {(row["source"], row["id"]): (row["digest"], row["answer"]) for row in rows}
        other = [report for report, _ in repeated if known[report.key][0] != report.digest]
        now = self._clock.now()
        answers = [(r.source, r.id, id_reused(r.id, r.source, r.digest, self.service, now)) for r in other]
        reused = iter(await _beside(connection, answers))
        messages: list[tuple[str, str, bytes]] = []
        for report, reply in repeated:
            digest, answer = known[report.key]
            if answer is not None:
                reply.answers.append(answer)
            if digest != report.digest:
                reply.answers.append(next(reused))
            messages += [(_topic(report.source), report.id, answer) for answer in reply.answers]
        await send(connection, messages)

    async def settle(self, connection: Connection, patience: float) -> int:
        """Decides parked reports whose thing has arrived or whose wait is over. Returns how many were looked at."""
        await parking.wake_for_references(connection)
        rows = await parking.due(connection, patience)
        if not rows:
            return 0
        requests = [parking.opened(row, self._sealer) for row in rows]
        over = {(row["source"], row["id"]) for row in rows if not row["arrived"]}
        things = [row["thing"] for row in rows]
        await parking.lock(connection, things)
        done, waiting = await self._look(connection, requests, things)
        done += [(_key(request), request, wait.refusal) for request, wait in waiting if _key(request) in over]
        still = [(request, wait) for request, wait in waiting if _key(request) not in over]
        await self._conclude(connection, done, ())
        await parking.release(connection, [key for key, _, _ in done])
        await parking.wait_on(connection, [(r, w.thing, w.topic) for r, w in still])
        return len(rows)


@dataclass(frozen=True, slots=True)
class _Told:
    """An arrival with whatever identifies it, whether it keeps the contract or not."""

    id: str
    source: str
    digest: bytes
    allowed_source: str
    content: Request | Refusal
    flaw: Refusal | None

    @classmethod
    def of(cls, arrival: Arrival) -> "_Told":
        content, allowed = arrival.content, f"/ext/{arrival.producer}"
        if isinstance(content, Request):
            return cls(content.id, content.source, content.digest, allowed, content, arrival.flaw)
        assert content.request_id is not None, "a report without id cannot be answered"
        return cls(content.request_id, content.request_source or "", content.request_digest, allowed, content, None)

    @property
    def key(self) -> Key:
        return self.source, self.id


def _sorted_out(told: Sequence[_Told]) -> tuple[dict[int, Refusal], dict[Key, int], list[int]]:
    """By place in the batch: those under another's name or none, with why not; the first of each (source, id); those
    that say an id again."""
    strangers: dict[int, Refusal] = {}
    first: dict[Key, int] = {}
    again: list[int] = []
    for index, report in enumerate(told):
        if report.source != report.allowed_source:
            code = "source_not_allowed" if report.source else "not_cloudevents"
            strangers[index] = Refusal(
                code, pointer="/source", source=report.allowed_source, reason=reasons.missing("source")
            )
        elif report.key in first:
            again.append(index)
        else:
            first[report.key] = index
    return strangers, first, again


def in_data(outcome: Outcome) -> Outcome:
    """Commands point into what they were told; in a report that is its ``data``."""
    match outcome:
        case Refusal():
            return refusal_in_data(outcome)
        case Waiting(thing, topic, refusal):
            return Waiting(thing, topic, refusal_in_data(refusal))
        case _:
            return outcome


def refusal_in_data(refusal: Refusal) -> Refusal:
    pointer = None if refusal.pointer is None else f"/data{refusal.pointer}"
    return Refusal(refusal.code, pointer=pointer, **refusal.detail)


async def _known(connection: Connection, keys: Sequence[Key]) -> set[Key]:
    """Those of the reports that are remembered."""
    rows = await connection.fetch(
        """select source, id from intake_request
           where (source, id) in (select * from unnest($1::text[], $2::text[]))""",
        [source for source, _ in keys],
        [id for _, id in keys],
    )
    return {(row["source"], row["id"]) for row in rows}


async def _remember(connection: Connection, reports: Sequence[_Told], answers: Mapping[Key, bytes]) -> None:
    """Notes reports with their answers, where they have one: written once, not noted before and answered after they are
    decided. Where another batch has noted one of them meanwhile, the key is taken, one of CONFLICTS: all of this is
    undone, and done again knowing what the other said."""
    if not reports:
        return
    reports = sorted(reports, key=lambda report: report.key)  # two batches wait for each other in one order
    await connection.execute(
        """insert into intake_request (source, id, digest, answer, answer_no, answered_in)
           select source, id, digest, answer, case when answer is not null then nextval('intake_answer_no') end,
                  case when answer is not null then pg_current_xact_id() end
           from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) as d (source, id, digest, answer)""",
        [report.source for report in reports],
        [report.id for report in reports],
        [report.digest for report in reports],
        [answers.get(report.key) for report in reports],
    )


async def _amend(connection: Connection, answers: Mapping[Key, bytes]) -> None:
    """Notes the answers of reports that waited."""
    if not answers:
        return
    await connection.execute(
        """update intake_request r
           set answer = d.answer, answer_no = nextval('intake_answer_no'), answered_in = pg_current_xact_id()
           from unnest($1::text[], $2::text[], $3::bytea[]) as d (source, id, answer)
           where r.source = d.source and r.id = d.id""",
        [source for source, _ in answers],
        [id for _, id in answers],
        list(answers.values()),
    )


async def _beside(connection: Connection, answers: Sequence[tuple[str, str, bytes]]) -> list[bytes]:
    """Keeps answers (to which producer's source, request id, answer) that are no remembered report's first one. Returns what
    is to be said: an answer given before is given again as it was."""
    if not answers:
        return []
    keys = [(source, UUID(json.loads(answer)["id"])) for source, _, answer in answers]
    new = {key: answer for key, (_, _, answer) in zip(reversed(keys), reversed(answers), strict=True)}
    columns = [source for source, _ in new], [id for _, id in new]
    await connection.execute(
        """insert into intake_aside (source, answer_id, answer, answer_no, answered_in)
           select source, answer_id, answer, nextval('intake_answer_no'), pg_current_xact_id()
           from unnest($1::text[], $2::uuid[], $3::bytea[]) as d (source, answer_id, answer) order by source, answer_id
           on conflict do nothing""",
        *columns,
        list(new.values()),
    )
    rows = await connection.fetch(
        """select source, answer_id, answer from intake_aside
           where (source, answer_id) in (select * from unnest($1::text[], $2::uuid[]))""",
        *columns,
    )
    kept = {(row["source"], row["answer_id"]): row["answer"] for row in rows}
    return [kept[key] for key in keys]


def _key(request: Request) -> Key:
    return request.source, request.id


def _topic(source: str) -> str:
    return answers_topic(source.removeprefix("/ext/"))
