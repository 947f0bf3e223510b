"""Servers, databases and topics for tests. A test that asks for none of them starts none."""

import secrets
import signal
from collections.abc import Iterator

import pytest

from tests.support.databases import DatabasePool, create_database, database_at, drop_database
from tests.support.stack import OwnRun, Run, Servers, SharedRun, WorkersRun
from tests.support.topics import delete_topics

RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell without job control starts what runs beside it with SIGINT ignored, and all children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        config.stash[RUN] = WorkersRun()
    elif config.getoption("numprocesses", None):
        config.stash[RUN] = SharedRun()
    else:
        config.stash[RUN] = OwnRun()


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].close()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Servers:
    """The addresses of PostgreSQL and Kafka, one of each for the whole run."""
    return request.config.stash[RUN].servers()


@pytest.fixture(scope="session")
def database_pool(request: pytest.FixtureRequest, stack: Servers) -> Iterator[DatabasePool]:
    """Migrated databases of this process, each used by one test after another."""
    pool = DatabasePool(stack.database_url, request.config.stash[RUN].template())
    yield pool
    pool.close()


@pytest.fixture
def database_url(stack: Servers, database_pool: DatabasePool) -> Iterator[str]:
    """The URL of an empty, migrated database of this test alone."""
    name = database_pool.take()
    yield database_at(stack.database_url, name)
    database_pool.give_back(name)


@pytest.fixture
def empty_database_url(stack: Servers) -> Iterator[str]:
    """The URL of a fresh database of this test alone, nothing in it."""
    name = create_database(stack.database_url, "template1")
    yield database_at(stack.database_url, name)
    drop_database(stack.database_url, name)


@pytest.fixture
def topic_prefix(stack: Servers) -> Iterator[str]:
    """A prefix for the names of this test's topics, such as `t1a2b3.`; topics so named are deleted afterwards."""
    prefix = f"t{secrets.token_hex(3)}."
    yield prefix
    delete_topics(stack.kafka_bootstrap_servers, prefix)
