"""One trace follows a request into its event and the log lines of the API and of the workers that apply it."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from shared import spans, telemetry, tracing
from shared.settings import Settings
from tests.delivery.tables import Tables
from tests.support.services import client, workers
from tests.support.waiting import eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
UNIT = {"unit_id": "350902", "name": {"zh": "蕉城", "en": "Jiaocheng"}, "kind": "county", "county": "350902"}


class Lines:
    """What is logged while a test runs, as the JSON lines that operators get."""

    def __init__(self, written: io.StringIO) -> None:
        self._written = written

    @property
    def text(self) -> str:
        return self._written.getvalue()

    def told(self, **wanted: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if wanted.items() <= line.items()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()  # else set_up_logging would close those of others
    monkeypatch.setattr(sys, "stderr", written)
    telemetry.set_up_logging()
    yield Lines(written)
    root.handlers[:] = before
    root.setLevel(level)


async def test_one_id_from_the_request_to_the_worker_that_applies_its_event(settings: Settings, lines: Lines) -> None:
    parent = f"00-{TRACE}-b7ad6b7169203331-01"
    async with Tables.of(settings, "roster") as roster, client(settings, ["roster"]) as http:
        answer = await http.post("/roster/api/v1/units", json=UNIT, headers={"traceparent": parent})
        assert answer.status_code == 201, answer.text
        event = json.loads(await roster.pool.fetchval("select value from outbox") or "")
        # The same trace, and a span of our own.
        assert event["traceparent"].startswith(f"00-{TRACE}-")
        assert event["traceparent"] != parent
        [line] = lines.told(event="answered", trace_id=TRACE)
        assert (line["method"], line["route"], line["status"]) == ("POST", "/roster/api/v1/units", 201)
        async with workers(settings, "roster", "training"):
            await eventually(lambda: _applied(lines))
    assert "蕉城" not in lines.text
    assert "Jiaocheng" not in lines.text


async def _applied(lines: Lines) -> bool:
    return any(TRACE in line.get("trace_ids", []) for line in lines.told(level="info"))


async def test_a_request_without_a_trace_begins_one(settings: Settings, lines: Lines) -> None:
    async with Tables.of(settings, "roster") as roster, client(settings, ["roster"]) as http:
        for unit, header in (
            ("350902", None),
            ("350921", "nonsense"),
            ("350922", f"00-{'0' * 32}-b7ad6b7169203331-01"),
        ):
            headers = {"traceparent": header} if header else {}
            answer = await http.post(
                "/roster/api/v1/units", json=UNIT | {"unit_id": unit, "county": unit}, headers=headers
            )
            assert answer.status_code == 201, answer.text
        values = [row["value"] for row in await roster.pool.fetch("select value from outbox order by id")]
    traces = [tracing.of_record(value) for value in values]
    assert len(set(traces)) == 3
    assert {line["trace_id"] for line in lines.told(event="answered")} == set(traces)
    assert tracing.current() is None


def test_what_went_wrong_is_told_without_what_was_entered(lines: Lines) -> None:
    log = logging.getLogger("shared.test")
    for fail in (lambda: int("13800138000x"), lambda: {}["13800138000"], lambda: json.loads('{"name": "林晓"')):
        try:
            fail()
        except Exception:
            log.exception("a command failed")
    try:
        raise ConnectionRefusedError(111, "Connect call failed")
    except OSError:
        log.exception("a server is away")
    assert "13800138000" not in lines.text
    assert "林晓" not in lines.text
    assert "builtins.ValueError" in lines.text
    assert f"{__file__}:" in lines.text
    assert "Connect call failed" in lines.text


@pytest.fixture
def kept() -> Iterator[Any]:
    """Spans kept in memory, as the extra would send them."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra qingsheng[otel] is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    spans.send_to(SimpleSpanProcessor(exporter), "test")
    yield exporter
    spans.stop()


async def test_spans_of_requests_and_batches_are_of_the_same_trace_as_events_and_logs(
    kept: Any, settings: Settings, lines: Lines
) -> None:
    async with Tables.of(settings, "roster") as roster, client(settings, ["roster"]) as http:
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        answer = await http.post("/roster/api/v1/units?q=13800138000", json=UNIT, headers=headers)
        assert answer.status_code == 201, answer.text
        event = json.loads(await roster.pool.fetchval("select value from outbox") or "")
        told = {span.name: span for span in kept.get_finished_spans()}
        span = told["POST /api/v1/units"]
        assert f"{span.context.trace_id:032x}" == TRACE
        assert event["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
        assert lines.told(event="answered", trace_id=TRACE)
        assert "13800138000" not in str(span.attributes)
        async with workers(settings, "roster", "training"):
            await eventually(lambda: _has_a_batch(kept))


async def _has_a_batch(kept: Any) -> bool:
    return any(span.name.endswith("qingsheng.roster.events process") for span in kept.get_finished_spans())


def test_without_a_collector_there_are_no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in spans.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    spans.set_up("roster-api")
    assert spans.current() is None
    assert spans.middlewares() == []
