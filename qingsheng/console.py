"""What every command uses: where it prints, how it fails, which deployment it is about, a bar for long work."""

import os
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from qingsheng.collecting import collect_seldom
from shared.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
out = Console()
Result = TypeVar("Result")


def say(line: str) -> None:
    Console(stderr=True).print(line, highlight=False, soft_wrap=True)


def fail(message: str, code: int = 1) -> typer.Exit:
    Console(stderr=True).print(message, style="red", highlight=False, soft_wrap=True)
    return typer.Exit(code)


def settings_here() -> Settings:
    """Settings of an existing deployment: from the environment, else of the one that runs on this machine."""
    from qingsheng.deployment import DATABASE, KAFKA, found_running

    if DATABASE not in os.environ and KAFKA not in os.environ:
        running = found_running()
        if running is not None:
            return running
        try:
            return Settings()  # type: ignore[call-arg]  # secrets given as files
        except ValidationError:
            raise fail(
                "Nothing runs here. Start it with 'qingsheng up' (with --data, set QINGSHENG_DATA to the same folder), "
                f"or set {DATABASE}, {KAFKA} and QINGSHENG_SECRET_KEY for a deployment elsewhere.",
                2,
            ) from None
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        wrong = "; ".join(f"QINGSHENG_{str((e['loc'] or ('…',))[0]).upper()}: {e['msg']}" for e in error.errors())
        raise fail(f"Settings are missing or wrong: {wrong}.", 2) from None


def done(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs an errand; an outage is told in one line."""
    # Here, as a command's own libraries are imported in the command: none waits for those of others.
    import asyncpg
    import uvloop
    from aiokafka.errors import KafkaError

    collect_seldom()
    try:
        return uvloop.run(work)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError) as error:
        raise fail(
            f"{type(error).__name__}: {error or 'no answer'}. Is the deployment running and reachable?"
        ) from None


def progress() -> Any:
    """A bar on a terminal, on standard error; plain nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def service_named(name: str) -> str:
    from qingsheng.registry import SERVICES

    if name not in SERVICES:
        raise fail(f"No service is named {name}. There are: {', '.join(SERVICES)}.", 2)
    return name
