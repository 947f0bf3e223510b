"""The command as a shell runs it, with the settings of a test as its environment."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from qingsheng.cli import app
from qingsheng.deployment import environment_of
from shared.settings import Settings


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def qingsheng(settings: Settings, *words: str) -> Said:
    """``qingsheng WORDS``, in a thread, as the command has an event loop of its own."""

    def run() -> Said:
        result = CliRunner().invoke(app, list(words), env=environment_of(settings), catch_exceptions=False)
        return Said(result.exit_code, result.stdout, result.stderr)

    return await asyncio.to_thread(run)
