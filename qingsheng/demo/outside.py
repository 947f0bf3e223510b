"""The other systems' process as the demo handles it: orders in, sums out."""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from qingsheng.demo.story.reports import ACCEPTED, Ids, Report
from shared.settings import Settings

SECONDS = 120.0
"""After so long a report without answer is told as missing."""


@dataclass(frozen=True)
class Sum:
    """What a producer got for a batch. ``answers``: how many different answers by kind (``accepted`` or a code)."""

    producer: str
    sent: int
    answers: Counter[str]
    missing: int
    event_ids: list[str]

    def __add__(self, other: "Sum") -> "Sum":
        """Of two batches of the same producer."""
        return Sum(
            self.producer,
            self.sent + other.sent,
            self.answers + other.answers,
            self.missing + other.missing,
            self.event_ids + other.event_ids,
        )


class OtherSystems:
    """Its ``report`` may be called for several systems at once."""

    def __init__(
        self, process: asyncio.subprocess.Process, folder: Path, kafka: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._process = process
        self._kafka = kafka
        self._folder = folder
        self._awaited: dict[str, asyncio.Future[dict[str, object]]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def report(self, producer: str, reports: Sequence[Report], ids: Ids, mode: str = "structured") -> Sum:
        """Has a system send its reports and wait for their answers."""
        batch = self._folder / f"{producer}-{len(self._awaited)}.jsonl"
        batch.write_text("".join(report.line(producer, ids) + "\n" for report in reports))
        answered = self._awaited[str(batch)] = asyncio.get_running_loop().create_future()
        order = {
            "producer": producer,
            "kafka": self._kafka[producer],
            "batch": str(batch),
            "mode": mode,
            "seconds": SECONDS,
        }
        assert self._process.stdin
        self._process.stdin.write((json.dumps(order) + "\n").encode())
        await self._process.stdin.drain()
        told = await answered
        answers = Counter({ACCEPTED: told["accepted"], **told["rejected"]})  # type: ignore[dict-item]
        return Sum(producer, told["sent"], answers, told["missing"], told["event_ids"])  # type: ignore[arg-type]

    async def _listen(self) -> None:
        assert self._process.stdout
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            self._awaited[told["batch"]].set_result(told)
        for answered in self._awaited.values():
            if not answered.done():
                answered.set_exception(RuntimeError("the other systems' process ended before it was answered"))

    async def close(self) -> None:
        """Closes its standard input, at which it ends; waits for that."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
        self._listening.cancel()


@asynccontextmanager
async def other_systems(settings: Settings, kafka: Mapping[str, Mapping[str, str]]) -> AsyncIterator[OtherSystems]:
    """Runs the producer process while the context lasts. ``kafka``: how each system connects, by its name."""
    with tempfile.TemporaryDirectory(prefix="qingsheng-demo-") as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "qingsheng.demo.producer",
            "--topic-prefix",
            settings.topic_prefix,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=16 * 1024 * 1024,  # one line tells thousands of event ids
            start_new_session=True,
        )
        systems = OtherSystems(process, Path(folder), kafka)
        try:
            yield systems
        except BaseException:
            process.kill()  # it may wait for answers that nobody wants any more
            raise
        finally:
            await systems.close()
