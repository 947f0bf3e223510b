"""OpenTelemetry, for those who have a collector: on with the extra ``qingsheng[otel]`` and ``OTEL_EXPORTER_OTLP_ENDPOINT``.

Spans are of requests (FastAPI's instrumentation) and of batches (FastStream's middleware); their trace ids are those of
the logs and events. The other ``OTEL_…`` variables of OpenTelemetry's SDK hold as well.
"""
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeStubs=false

import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PERSONAL = (
    "http.url",
    "http.target",
    "url.full",
    "url.path",
    "url.query",
    "http.user_agent",
    "user_agent.original",
    "net.peer.ip",
    "net.peer.port",
    "client.address",
    "client.port",
)
"""What instrumentation notes of a request although it tells of a person: who asks, from where, and for whom."""

_provider: Any = None
"""Where spans go; None: nowhere."""


def set_up(process: str) -> None:
    """Sends the spans of this process to the collector that the environment names; without one there are none."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no spans are sent: install the extra qingsheng[otel], or unset %s", " and ".join(ENDPOINTS))
        return
    send_to(BatchSpanProcessor(OTLPSpanExporter()), process)


def send_to(processor: Any, process: str) -> None:
    """Spans of apps and brokers made from now on go to the SDK's span processor."""
    global _provider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    _provider = TracerProvider(resource=Resource.create({"service.name": f"qingsheng-{process}"}))
    _provider.add_span_processor(processor)


def stop() -> None:
    """Sends what waits; from now on there are no spans."""
    global _provider
    if _provider is not None:
        _provider.shutdown()
        _provider = None


def instrument(app: "FastAPI") -> None:
    """A span for each request of the app."""
    if _provider is None:
        return
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=_provider,
        server_request_hook=_without_persons,
        excluded_urls="healthz,readyz,metrics",
        exclude_spans=["receive", "send"],
    )


def _without_persons(span: Any, scope: Any) -> None:
    for name in PERSONAL:
        if name in (span.attributes or {}):
            span.set_attribute(name, "")


def middlewares() -> list[Any]:
    """For a broker: a span for each batch."""
    if _provider is None:
        return []
    from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware

    return [KafkaTelemetryMiddleware(tracer_provider=_provider)]


def current() -> str | None:
    """The ``traceparent`` of the span that is open; None without one."""
    if _provider is None:
        return None
    from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-{context.trace_flags:02x}"
