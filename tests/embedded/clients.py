"""Clients of an embedded Kafka."""

from typing import Any

from qingsheng.embedded import Stack
from shared.delivery.broker import connection_options
from shared.settings import Settings


def settings_of(stack: Stack) -> Settings:
    """Those of a deployment that stands on this stack."""
    assert stack.kafka_bootstrap_servers
    return Settings(
        database_url=stack.database_url or "",
        kafka_bootstrap_servers=stack.kafka_bootstrap_servers,
        kafka_user=stack.kafka_user,
        kafka_password=stack.kafka_password,  # type: ignore[arg-type]
        secret_key="a secret of tests alone",  # type: ignore[arg-type]
    )


def kafka_of(stack: Stack) -> dict[str, Any]:
    """How aiokafka's clients sign in to this stack as the deployment."""
    return connection_options(settings_of(stack))
