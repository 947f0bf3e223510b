"""Metrics of the APIs: requests, and what the service's delivery tables tell."""

import contextlib
import time

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.postgres import OUTAGES, Pool

_REQUESTS = Counter(
    "qingsheng_http_requests", "HTTP requests answered, by route and status.", ["service", "route", "status"]
)
_SECONDS = Histogram(
    "qingsheng_http_request_seconds", "Seconds from request to answer, by route.", ["service", "route"]
)
_OUTBOX = Gauge("qingsheng_outbox_rows", "Events committed but not yet acknowledged by Kafka.", ["service"])
_OUTBOX_AGE = Gauge("qingsheng_outbox_age_seconds", "Age of the oldest event in the outbox.", ["service"])
_DEAD = Gauge("qingsheng_dead_letters", "Records that could not be applied and wait for a decision.", ["service"])
_DEAD_BY_REASON = Gauge(
    "qingsheng_dead_letters_by_reason", "Records that wait for a decision, by what was wrong.", ["service", "reason"]
)
_LAG = Gauge("qingsheng_consumer_lag_records", "Records not yet applied, over all partitions.", ["service"])
_LAG_SECONDS = Gauge(
    "qingsheng_consumer_lag_seconds",
    "Seconds since every partition was last read to its end, of the partition where it is longest.",
    ["service"],
)
_PAUSED = Gauge(
    "qingsheng_paused_topics",
    "Topics that are read no further, for too many of their records are invalid.",
    ["service"],
)
_PARKED = Gauge("qingsheng_parked_reports", "Reports that wait for something not yet seen.", ["service"])
_PARKED_AGE = Gauge("qingsheng_parked_age_seconds", "How long the oldest report has waited.", ["service"])
_WORKERS = Gauge("qingsheng_workers_alive", "Workers that gave a sign in the last 30 seconds.", ["service"])
_PROBLEMS = Gauge("qingsheng_worker_problems", "What the workers say keeps them from going on.", ["service"])
_BEHIND = Gauge(
    "qingsheng_behind_own_topic_events",
    "Events the service published and its database does not know; above 0, commands are refused.",
    ["service"],
)
_SAYS = Gauge("qingsheng_tables_read", "Whether the last look at the service's tables succeeded: 1 or 0.", ["service"])

LABELS = frozenset({"service", "route", "status", "reason"})
"""All labels there are. Each has few values, and none tells of a person: routes are patterns, reasons are codes."""


class Measured:
    """Counts the requests that are answered, and how long each waited for the beginning of its answer."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unknown")
                _REQUESTS.labels(self._service, route, message["status"]).inc()
                _SECONDS.labels(self._service, route).observe(time.perf_counter() - start)
            await send(message)

        await self._app(scope, receive, sent)


async def observe_tables(pool: Pool, service: str) -> None:
    """Reads the gauges; with the database away they keep their last reading, and ``qingsheng_tables_read`` says so."""
    _SAYS.labels(service).set(0)
    with contextlib.suppress(*OUTAGES):
        async with pool.acquire(timeout=3) as connection:
            row = await connection.fetchrow(
                """select (select count(*) from outbox) as outbox,
                          (select coalesce(extract(epoch from now() - min(created_at)), 0) from outbox) as age,
                          (select count(*) from dead_letter) as dead,
                          (select coalesce(sum(lag), 0) from worker_state where at > now() - interval '30 s') as lag,
                          (select coalesce(extract(epoch from now() - min(coalesce(caught_up_at, now()))), 0)
                           from consumer_offset) as lag_seconds,
                          (select count(*) from consumer_pause) as paused,
                          (select count(*) from worker_state where at > now() - interval '30 s') as workers,
                          (select coalesce(sum(cardinality(problems)), 0) from worker_state
                           where at > now() - interval '30 s') as problems,
                          (select coalesce(sum(events), 0) from behind) as behind,
                          to_regclass('parked') is not null as parks"""
            )
            reasons = await connection.fetch("select reason, count(*) as letters from dead_letter group by reason")
            parked = None
            if row["parks"]:
                parked = await connection.fetchrow(
                    """select count(*) as reports, coalesce(extract(epoch from now() - min(parked_at)), 0) as age
                       from parked"""
                )
        for gauge, name in (
            (_OUTBOX, "outbox"),
            (_OUTBOX_AGE, "age"),
            (_DEAD, "dead"),
            (_LAG, "lag"),
            (_LAG_SECONDS, "lag_seconds"),
            (_PAUSED, "paused"),
            (_WORKERS, "workers"),
            (_PROBLEMS, "problems"),
            (_BEHIND, "behind"),
        ):
            gauge.labels(service).set(row[name])
        if parked:
            _PARKED.labels(service).set(parked["reports"])
            _PARKED_AGE.labels(service).set(parked["age"])
        _tell_reasons(service, {each["reason"]: each["letters"] for each in reasons})
        _SAYS.labels(service).set(1)


_told: dict[str, set[str]] = {}
"""Reasons told before, by service: those that no letter has any more go to 0."""


def _tell_reasons(service: str, letters: dict[str, int]) -> None:
    seen = _told.setdefault(service, set())
    seen.update(letters)
    for reason in seen:
        _DEAD_BY_REASON.labels(service, reason).set(letters.get(reason, 0))
