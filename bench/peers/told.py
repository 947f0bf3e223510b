"""Where a peer finds things, and the batch statement as psycopg wants it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DATABASE_URL = os.environ.get("PEER_DATABASE_URL", "")
KAFKA = os.environ.get("PEER_KAFKA", "")
KAFKA_USER, KAFKA_PASSWORD = (os.environ.get(f"PEER_KAFKA_{name}", "") for name in ("USER", "PASSWORD"))
KAFKA_LOGIN = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": KAFKA_USER,
    "sasl.password": KAFKA_PASSWORD,
}
"""As librdkafka takes it."""
TOPIC = os.environ.get("PEER_TOPIC", "")
FOLDER = os.environ.get("PEER_FOLDER", "")
"""An empty folder for what the peer keeps on disk."""
BATCH = 5_000
"""Records that a peer which batches writes at once, at the most."""
WAIT = 0.1
"""Seconds a peer which batches waits for more, at the most: Kafka Streams' commit interval under exactly-once."""

STATEMENT = (Path(__file__).parent / "batch.sql").read_text().replace("?", "%s")


def columns(events: Sequence[tuple[dict[str, Any], int, int]]) -> list[list[Any]]:
    """The parameters of the statement, of (event, partition, offset)."""
    rows = [
        (
            event["id"],
            event["data"]["repost_id"],
            event["data"]["volunteer_id"],
            event["time"],
            event["recordedtime"],
            int(event["sequence"]),
            event["county"],
            partition,
            offset,
        )
        for event, partition, offset in events
    ]
    return [list(column) for column in zip(*rows, strict=True)]
