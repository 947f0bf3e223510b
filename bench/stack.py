"""The servers under a bench: PostgreSQL and Kafka of its own, empty, gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qingsheng.embedded import running_stack
from shared.settings import Settings

PORT = 8687
LOG = Path(tempfile.gettempdir(), "qingsheng-bench.log")
"""What the processes that are measured say."""


@contextmanager
def empty_stack(*, kafka: bool = True) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), kafka=kafka) as stack:
        yield Settings(
            database_url=stack.database_url or "",
            kafka_bootstrap_servers=stack.kafka_bootstrap_servers or "127.0.0.1:1",
            kafka_user=stack.kafka_user,
            kafka_password=stack.kafka_password or None,  # type: ignore[arg-type]
            secret_key="a secret of the bench",  # type: ignore[arg-type]
            port=PORT,
        )
