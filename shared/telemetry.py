"""Structured logs: JSON lines, or coloured text on a terminal. Nothing personal is ever logged."""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import structlog

_TOLD_WHOLE = (OSError, RuntimeError)
"""Errors whose words are of this machine. Those of others may quote what somebody entered, as PostgreSQL's do."""


def set_up_logging(level: int = logging.INFO) -> None:
    """Sends the logs of this process and its libraries to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.ExceptionRenderer(_told),
    ]
    rendered = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, rendered],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiokafka", "faststream", "httpx", "httpx2", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _told(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """What failed and where; of errors that may quote what somebody entered only their type, and PostgreSQL's code."""
    lines: list[str] = []
    cause: BaseException | None = exc_info[1]
    while cause is not None and len(lines) < 400:
        words = f": {cause}" if isinstance(cause, _TOLD_WHOLE) else ""
        codes = [
            f" {name}={value}" for name in ("sqlstate", "constraint_name") if (value := getattr(cause, name, None))
        ]
        lines += [f"{type(cause).__module__}.{type(cause).__qualname__}{''.join(codes)}{words}"]
        lines += [f"  {f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(cause.__traceback__)]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n".join(lines)
