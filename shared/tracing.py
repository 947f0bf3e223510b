"""The trace that work belongs to (W3C Trace Context): it follows a request into its events and the log lines about both.

A trace's id is random and tells of no person.
"""

import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?")
_TOLD = re.compile(rb'"traceparent": ?"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"')
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def continued(traceparent: str | None) -> str:
    """A ``traceparent`` of our own within the caller's trace; in a new trace where the caller tells none, or nonsense."""
    caller = _PARENT.fullmatch(traceparent or "")
    trace, flags = (caller[1], caller[2]) if caller else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def current() -> str | None:
    """The ``traceparent`` that events recorded now are given; None outside a request."""
    return _current.get()


@contextmanager
def within(traceparent: str) -> Generator[None]:
    """Events recorded here carry it, log lines its trace as ``trace_id``. After an error it stays: that is told of behind
    the request, still in its task."""
    token = _current.set(traceparent)
    bound = structlog.contextvars.bind_contextvars(trace_id=traceparent.split("-")[1])
    yield
    structlog.contextvars.reset_contextvars(**bound)
    _current.reset(token)


def of_record(value: bytes | None) -> str | None:
    """The trace that a record's event tells; None where it tells none, or is no event."""
    found = _TOLD.search(value or b"")
    return found[1].decode() if found else None
