"""Runs one peer until all its events are stored, and compares what it stored with what was to be expected.

python -m bench.peers.running faststream [--events 2000]
"""

import argparse
import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.catch_up import produce, share_events, watched
from bench.expected import expected, stored
from bench.stack import empty_stack
from qingsheng.migrations import amigrate
from shared.delivery.broker import connection_options
from shared.settings import Settings

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
JAVA = HERE / "kafka_streams"
PARTITIONS = 6
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Peer:
    """``share``: of the events, that it gets: one that takes each alone would take an hour for all. ``threads``: of Streams."""

    name: str
    module: str = ""
    share: float = 1.0
    threads: int = 1


PEERS = {
    "faststream": Peer("FastStream, a handler per message", "bench.peers.faststream_peer", share=0.05),
    "quix": Peer("Quix Streams", "bench.peers.quix_peer"),
    "kafka_streams": Peer("Kafka Streams, one thread"),
    "kafka_streams_all": Peer("Kafka Streams, a thread per core", threads=CORES),
    "bytewax": Peer("Bytewax", "bench.peers.bytewax_peer"),
}


def python() -> Path:
    """Of the environment that holds the peers' libraries."""
    return Path(os.environ.get("BENCH_PYTHON", ROOT / ".venv-bench/bin/python"))


def cannot_run(peer: Peer) -> str | None:
    """Why not, if so: for the table."""
    if peer.module:
        asked = subprocess.run(
            [python(), "-c", f"import {peer.module}"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return asked.stderr.strip().splitlines()[-1] if asked.returncode else None
    if not (JAVA / "target/classes/peer/Shares.class").exists():
        return "not built: mvn package in bench/peers/kafka_streams"
    return None


def command(peer: Peer) -> list[str]:
    if peer.module:
        return [str(python()), "-m", peer.module]
    return ["java", "-Xmx512m", "-cp", f"{JAVA}/target/classes:{JAVA}/target/lib/*", "peer.Shares"]


async def measure(
    key: str, settings: Settings, messages: Sequence[tuple[bytes, bytes]], seconds: int
) -> dict[str, Any]:
    """One run on tables and a topic of its own, of the first of ``messages``."""
    peer = PEERS[key]
    if why := cannot_run(peer):
        return {"cannot": why}
    part = list(messages[: max(1, int(len(messages) * peer.share))])
    topic = f"peer.{key}.{time.time_ns()}"
    await _made(settings, topic)
    await produce(settings, part, topic)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+b") as log:
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: ASYNC220  (it runs beside us)
            command(peer), cwd=ROOT, stdout=log, stderr=log, env=_environment(peer, settings, topic, folder)
        )
        try:
            samples = await watched(settings.database_url, _STORED, len(part), started + seconds, [process], 0.05)
            spent = _cpu(process.pid)
        except SystemExit as failed:
            log.seek(0)
            return {"cannot": f"{failed}: {log.read()[-500:].decode(errors='replace').strip()}"}
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    (first, before), (last, _) = samples[0], samples[-1]
    return {
        "events": len(part),
        "per_second": (len(part) - before) / (last - first) if last > first else len(part) / (last - started),
        "per_second_from_process_start": len(part) / (last - started),
        "cpu_us_per_event": spent / len(part) * 1e6,
        "right": await stored(settings.database_url, "peer") == expected(part),
        "samples": [(round(at - started, 2), n) for at, n in samples],
    }


_STORED = "select coalesce(sum(n), 0)::bigint from peer.person_count"


async def _made(settings: Settings, topic: str) -> None:
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute((HERE / "tables.sql").read_text())
    finally:
        await connection.close()
    admin = AIOKafkaAdminClient(**connection_options(settings))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    finally:
        await admin.close()


def _environment(peer: Peer, settings: Settings, topic: str, folder: str) -> dict[str, str]:
    return {
        **os.environ,
        "PEER_DATABASE_URL": settings.database_url,
        "PEER_KAFKA": settings.kafka_bootstrap_servers,
        "PEER_KAFKA_USER": settings.kafka_user,
        "PEER_KAFKA_PASSWORD": settings.kafka_password.get_secret_value() if settings.kafka_password else "",
        "PEER_TOPIC": topic,
        "PEER_FOLDER": folder,
        "PEER_THREADS": str(peer.threads),
        "PEER_STATEMENT": str(HERE / "batch.sql"),
        **_jdbc(settings.database_url),
    }


def _jdbc(database_url: str) -> dict[str, str]:
    at = urlsplit(database_url)
    return {
        "PEER_JDBC_URL": f"jdbc:postgresql://{at.hostname}:{at.port or 5432}{at.path}?prepareThreshold=1",
        "PEER_USER": at.username or "",
        "PEER_PASSWORD": unquote(at.password or ""),
    }


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS, nargs="+")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=120)
    told = parser.parse_args()
    with empty_stack() as settings:
        asyncio.run(amigrate(settings.database_url))
        messages = share_events(told.events)
        for key in told.peer:
            found = asyncio.run(measure(key, settings, messages, told.seconds))
            found.pop("samples", None)
            print(json.dumps({key: found}, indent=2), flush=True)


if __name__ == "__main__":
    main()
