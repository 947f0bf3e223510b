"""What every service's API has: its pool and clock, problem documents, health, metrics."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import spans
from shared.access import audit
from shared.access.guard import Auditor
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import open_pool
from shared.settings import Settings
from shared.web import metrics, problems
from shared.web.bodies import BoundedBodies
from shared.web.paging import Cursor, Limit, after, page
from shared.web.reads import PublicShare, reading
from shared.web.traces import Traced

STALE = 30
"""Seconds without a worker's heartbeat after which a service is not ready."""


def create_app(service: str, settings: Settings, routers: Sequence[APIRouter], **state: Any) -> FastAPI:
    """The API of one service, with its paths below ``/<service>`` when mounted there. ``state`` goes to ``app.state``."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.pool = await open_pool(settings, service)
        try:
            yield
        finally:
            app.state.pool.terminate()

    app = FastAPI(
        title=f"Qingsheng {service}",
        version="1",
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url=None,  # the viewer would load scripts from elsewhere
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.settings = settings
    app.state.clock = Clock(settings.zone, settings.story_mode)
    app.state.service = service
    app.state.public_share = PublicShare(settings.database_pool_size)
    app.state.directory = _directory(settings) if settings.oidc_issuer else None
    for name, content in state.items():
        setattr(app.state, name, content)
    problems.install(app)
    app.add_middleware(BoundedBodies)
    app.add_middleware(metrics.Measured, service=service)
    app.add_middleware(Traced)
    spans.instrument(app)
    app.add_api_route("/healthz", _alive, tags=["operations"])
    app.add_api_route("/readyz", _ready, tags=["operations"], response_model=None)
    app.add_api_route("/metrics", _metrics, tags=["operations"], response_class=Response)
    app.add_api_route("/api/v1/audit", _audit, tags=["audit"])
    for router in routers:
        app.include_router(router)
    return app


def _directory(settings: Settings) -> Any:
    from shared.access.oidc import Directory  # its libraries take their time, and few deployments need them

    return Directory(settings)


async def _alive() -> dict[str, str]:
    """The process runs."""
    return {"status": "alive"}


async def _ready(request: Request) -> JSONResponse:
    """Database, broker and consumers: 200 when all go on, else 503 with what does not."""
    try:
        found = await _problems(request)
    except Exception as error:
        found = [f"database: {type(error).__name__}"]
    return JSONResponse({"ready": not found, "problems": found}, 503 if found else 200)


async def _problems(request: Request) -> list[str]:
    async with request.app.state.pool.acquire(timeout=3) as connection:
        workers = await connection.fetch(
            "select problems from worker_state where at > now() - make_interval(secs => $1)", STALE
        )
        paused = await connection.fetch("select topic from consumer_pause")
    if not workers:
        return [f"worker: no heartbeat; start it with 'qingsheng run {request.app.state.service}-worker'"]
    found = {problem for worker in workers for problem in worker["problems"]}
    return sorted(found | {f"{row['topic']}: paused, too many invalid records" for row in paused})


async def _metrics(request: Request) -> Response:
    """Prometheus metrics of this process and of the service's tables."""
    await metrics.observe_tables(request.app.state.pool, request.app.state.service)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _audit(request: Request, who: Auditor, cursor: Cursor = None, limit: Limit = 100) -> dict[str, Any]:
    """The service's audit log, the latest line first; each line's ``hash`` covers the line before it."""
    last = after(cursor, 1)
    if last and not str(last[0]).isdecimal():
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before")
    async with reading(request) as connection:
        found = await audit.lines(connection, int(last[0]) if last else None, limit)
    return page(found, limit, ["number"])
