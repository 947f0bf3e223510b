"""Real PostgreSQL 18 and real Apache Kafka 4.3 from pip alone: for trying out, for tests, for small deployments.

Both servers listen on 127.0.0.1 only. They live exactly as long as the process that started them: they stop cleanly
when the context manager ends, and also when that process is killed.
"""

from qingsheng.embedded.errors import (
    DataFolderInUse,
    EmbeddedError,
    EmbeddedUnavailable,
    JarRefused,
    ServerFailed,
)
from qingsheng.embedded.folder import default_data_folder
from qingsheng.embedded.stack import Stack, embedded_stack, running_stack

__all__ = [
    "DataFolderInUse",
    "EmbeddedError",
    "EmbeddedUnavailable",
    "JarRefused",
    "ServerFailed",
    "Stack",
    "default_data_folder",
    "embedded_stack",
    "running_stack",
]
