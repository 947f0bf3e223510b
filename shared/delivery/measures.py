"""Metrics of a worker: its batches, and how fresh what it applies is. Shown on the port that ``metrics_port`` sets."""

import time
from datetime import UTC, datetime

from prometheus_client import Histogram

_RECORDS = Histogram(
    "qingsheng_batch_records",
    "Records of a topic that were applied in one transaction.",
    ["service"],
    buckets=(1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000),
)
_SECONDS = Histogram(
    "qingsheng_batch_seconds",
    "Seconds that a batch's transaction took, from its begin to its commit.",
    ["service"],
    buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
_FRESHNESS = Histogram(
    "qingsheng_freshness_seconds",
    "Seconds from when a batch's latest event was recorded to when it was applied.",
    ["service"],
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600),
)


def of_batch(service: str, records: int, began: float, latest: datetime | None) -> None:
    """``began``: of time.perf_counter; ``latest``: when the youngest event was recorded, None where nothing tells."""
    _RECORDS.labels(service).observe(records)
    _SECONDS.labels(service).observe(time.perf_counter() - began)
    if latest is not None:
        _FRESHNESS.labels(service).observe(max(0.0, (datetime.now(UTC) - latest).total_seconds()))
