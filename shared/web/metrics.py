"""Metrics of the APIs: requests, and what the service's delivery tables tell."""

import contextlib
import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from prometheus_client import Counter, Gauge, Histogram

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
_LAG = Gauge("qingsheng_consumer_lag_records", "Records not yet applied, over all partitions.", ["service"])


def install(app: FastAPI, service: str) -> None:
    @app.middleware("http")
    async def _(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        start = time.perf_counter()
        response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "unknown")
        _REQUESTS.labels(service, route, response.status_code).inc()
        _SECONDS.labels(service, route).observe(time.perf_counter() - start)
        return response


async def observe_tables(pool: Pool, service: str) -> None:
    """Reads the gauges; with the database away they keep their last reading."""
    with contextlib.suppress(*OUTAGES):
        async with pool.acquire(timeout=3) as connection:
            row = await connection.fetchrow(
                """select (select count(*) from outbox) as outbox,
                          (select coalesce(extract(epoch from now() - min(created_at)), 0) from outbox) as age,
                          (select count(*) from dead_letter) as dead,
                          (select coalesce(sum(lag), 0) from worker_state where at > now() - interval '30 s') as lag"""
            )
        if row:
            _OUTBOX.labels(service).set(row["outbox"])
            _OUTBOX_AGE.labels(service).set(row["age"])
            _DEAD.labels(service).set(row["dead"])
            _LAG.labels(service).set(row["lag"])
