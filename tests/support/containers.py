"""PostgreSQL and Kafka in containers, for `make test-containers`: the same tests on other servers than the embedded ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

# A run that was killed leaves its containers; the clean-up image would be one more image to have.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

POSTGRES = "postgres:17"
KAFKA = "apache/kafka:4.3.0"
_SETTINGS = {
    "NODE_ID": 1,
    "PROCESS_ROLES": "broker,controller",
    "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093,BROKER://:9094",
    "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT",
    "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "INTER_BROKER_LISTENER_NAME": "BROKER",
    "AUTO_CREATE_TOPICS_ENABLE": "false",
    "OFFSETS_TOPIC_REPLICATION_FACTOR": 1,
    "OFFSETS_TOPIC_NUM_PARTITIONS": 4,
    "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": 1,
    "TRANSACTION_STATE_LOG_NUM_PARTITIONS": 4,
    "TRANSACTION_STATE_LOG_MIN_ISR": 1,
    "GROUP_INITIAL_REBALANCE_DELAY_MS": 0,
    "HEAP_OPTS": "-Xms512m -Xmx512m",
}
# The port is known only once the container runs: it waits for it in a file.
_START = (
    "until [ -s /tmp/address ]; do sleep 0.1; done; export KAFKA_ADVERTISED_LISTENERS="
    "PLAINTEXT://$(cat /tmp/address),BROKER://localhost:9094; exec /etc/kafka/docker/run"
)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a new server's database, as a user with every right."""
    container = PostgresContainer(POSTGRES, driver=None).with_command(
        "postgres -c max_connections=500 -c fsync=off -c autovacuum=off -c shared_buffers=256MB"
    )
    with container as running:
        yield running.get_connection_url().replace("localhost", "127.0.0.1") + "?sslmode=disable"


@contextmanager
def kafka() -> Iterator[str]:
    """The address of a new broker."""
    container = DockerContainer(KAFKA).with_exposed_ports(9092).with_command(["bash", "-c", _START])
    for name, value in _SETTINGS.items():
        container.with_env(f"KAFKA_{name}", str(value))
    with container:
        address = f"127.0.0.1:{container.get_exposed_port(9092)}"
        container.exec(["bash", "-c", f"echo {address} >/tmp/address"])
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(90).wait_until_ready(container)
        yield address
