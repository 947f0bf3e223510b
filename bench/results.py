"""What was measured, kept as JSON: one file a line, with where and when and of what versions."""

import json
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.table import machine

FOLDER = Path(__file__).parent / "results"
PEERS = Path(__file__).parent / "peers"
_NAMED = ("aiokafka", "asyncpg", "faststream", "msgspec", "numpy", "pydantic", "uvloop", "fastapi", "uvicorn")


@dataclass(frozen=True)
class Results:
    """``runs``: the figures of each, in order. ``scale``: of the sizes that the document is about; others are trials."""

    line: str
    command: str
    scale: float
    date: str
    machine: str
    load: float
    """Of the machine before anything was started: processes that wanted to run, over a minute."""
    versions: dict[str, str]
    runs: list[dict[str, Any]]


def now(line: str, command: str, scale: float, load: float, runs: list[dict[str, Any]]) -> Results:
    linux = platform.release().partition("-")[0]
    versions = {"commit": _commit(), "Linux": linux, "PostgreSQL": "18", "Kafka": "4.3"}
    versions |= {name: version(name) for name in _NAMED}
    if line == "catch_up":
        versions |= _of_peers()
    return Results(line, command, scale, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine(), load, versions, runs)


def _of_peers() -> dict[str, str]:
    """As they are pinned."""
    locked = (PEERS / "requirements.txt").read_text()
    found = {
        f"{name} (peer)": each for name, each in re.findall(r"^(quixstreams|bytewax|faststream)==(\S+)", locked, re.M)
    }
    streams = re.search(
        r"<artifactId>kafka-streams</artifactId>\s*<version>(.*?)<", (PEERS / "kafka_streams/pom.xml").read_text()
    )
    return found | ({"Kafka Streams": streams[1]} if streams else {})


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=FOLDER.parent
    )
    return told.stdout.strip() or "unknown"


def keep(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    thin = asdict(results) | {"runs": [_thinned(run, at == 0) for at, run in enumerate(results.runs)]}
    (folder / f"{results.line}.json").write_text(json.dumps(thin, indent=1, ensure_ascii=False) + "\n")


def _thinned(told: Any, samples: bool) -> Any:
    """Of the first run the samples too, 150 at the most; numbers to four digits."""
    if isinstance(told, dict):
        return {name: _thinned(each, samples) for name, each in told.items() if name != "samples" or samples}
    if isinstance(told, list):
        if len(told) > 150:
            told = [*told[:: -(-len(told) // 150)], told[-1]]
        return [_thinned(each, samples) for each in told]
    return float(f"{told:.4g}") if isinstance(told, float) else told


def kept(folder: Path) -> dict[str, Results]:
    return {file.stem: Results(**json.loads(file.read_text())) for file in sorted(folder.glob("*.json"))}
