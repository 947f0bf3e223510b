"""The servers end with their owner, however it ends, and the owner hears of their end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qingsheng.embedded import running_stack
from tests.support.processes import all_gone
from tests.support.waiting import eventually_now


@contextmanager
def owner(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """A process that owns a running stack in `folder`, leader of a process group; and the servers' process ids."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.owner", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        cwd=Path(__file__).parents[2],
    )
    with process:
        assert process.stdout is not None
        pids = json.loads(process.stdout.readline())
        assert not all_gone(pids.values())
        try:
            yield process, pids
        finally:
            process.kill()


def shut_down_cleanly(folder: Path) -> bool:
    return (
        "database system is shut down" in (folder / "postgres.log").read_text()
        and "shutdown completed" in (folder / "kafka.log").read_text()
    )


def test_a_killed_owner_leaves_no_server_behind(used_folder: Path) -> None:
    with owner(used_folder) as (process, pids):
        process.send_signal(signal.SIGKILL)
        process.wait()
        eventually_now(lambda: all_gone(pids.values()), deadline=45)
    assert shut_down_cleanly(used_folder)


def test_the_folder_of_a_killed_owner_can_be_used_at_once(used_folder: Path) -> None:
    told: list[str] = []
    with owner(used_folder) as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait()
        with running_stack(used_folder, progress=told.append) as stack:
            assert stack.failure() is None
    assert told[0] == f"waiting for the servers of process {process.pid}, which is gone, to stop"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_stops_the_servers_cleanly(used_folder: Path, number: signal.Signals) -> None:
    with owner(used_folder) as (process, pids):
        os.killpg(process.pid, number)
        process.wait(45)
        eventually_now(lambda: all_gone(pids.values()), deadline=45)
    assert shut_down_cleanly(used_folder)


def test_a_server_that_ends_by_itself_is_told(used_folder: Path) -> None:
    with running_stack(used_folder, kafka=False) as stack:
        os.kill(stack.pids["PostgreSQL"], signal.SIGKILL)
        failure = eventually_now(stack.failure)
    assert failure == f"Ended by itself: PostgreSQL (exit code -9). The logs are in {used_folder}."


def test_the_servers_are_stopped_even_when_the_watcher_was_killed(used_folder: Path) -> None:
    with running_stack(used_folder, kafka=False) as stack:
        os.kill(stack.pids["watcher"], signal.SIGKILL)
        assert "the watcher" in (eventually_now(stack.failure) or "")
    eventually_now(lambda: all_gone(stack.pids.values()))
