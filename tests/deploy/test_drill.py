"""Everything that happens to a deployment in a year, within minutes, under load: no figure changes by it.

`python -m pytest -m containers -s tests/deploy/test_drill.py` prints the table of errors.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.deploy.composed import Composed, composed
from tests.deploy.load import loaded
from tests.support.waiting import eventually

SERVICES = ("roster", "training", "opinion", "campaign", "appraisal")
PROCESSES = [f"{service}-{half}" for service in SERVICES for half in ("worker", "api")]
pytestmark = pytest.mark.containers


@pytest.fixture(scope="module")
def deployment() -> Iterator[Composed]:
    with composed("drill") as project:
        project.up()
        yield project


def _inspect(project: Composed, service: str, what: str) -> str:
    container = project.compose("ps", "--quiet", service).split()[0]
    told = subprocess.run(["docker", "inspect", "-f", what, container], capture_output=True, text=True, check=True)
    return told.stdout.strip()


async def _healthy(project: Composed, service: str) -> None:
    def is_healthy() -> bool:
        return _inspect(project, service, "{{.State.Health.Status}}") == "healthy"

    await eventually(lambda: asyncio.to_thread(is_healthy), deadline=180, interval=0.5)


async def _kill(project: Composed, service: str) -> None:
    """The process dies as a crash would kill it; the engine starts it again, as after a crash."""
    process = int(_inspect(project, service, "{{.State.Pid}}"))
    os.kill(process, signal.SIGKILL)

    def is_another() -> bool:
        return _inspect(project, service, "{{.State.Pid}}") not in ("0", str(process))

    await eventually(lambda: asyncio.to_thread(is_another), deadline=60, interval=0.2)
    await _healthy(project, service)


async def _compose(project: Composed, *arguments: str) -> None:
    await asyncio.to_thread(project.compose, *arguments)


@pytest.mark.skipif(os.geteuid() != 0, reason="kills processes of containers, so it must be root")
async def test_no_figure_changes_whatever_is_restarted_killed_or_scaled(deployment: Composed) -> None:
    async with loaded(deployment) as load:
        await asyncio.sleep(10)  # the error rate of a quiet time, to compare with
        load.phase("rolling restart of every service")
        for process in PROCESSES:
            await _compose(deployment, "restart", "--timeout", "45", process)
            await _healthy(deployment, process)
        for process in [*PROCESSES, "nginx"]:
            load.phase(f"SIGKILL {process}")
            await _kill(deployment, process)
        load.phase("SIGKILL kafka")
        await _kill(deployment, "kafka")
        load.phase("SIGKILL postgres")
        await _kill(deployment, "postgres")
        load.phase("restart of the broker")
        await _compose(deployment, "restart", "kafka")
        await _healthy(deployment, "kafka")
        load.phase("restart of PostgreSQL")
        await _compose(deployment, "restart", "postgres")
        await _healthy(deployment, "postgres")
        load.phase("appraisal-worker scaled to 3")
        await _compose(
            deployment, "up", "-d", "--wait", "--no-recreate", "--scale", "appraisal-worker=3", "appraisal-worker"
        )
        load.phase("and back to 1")
        await _compose(
            deployment, "up", "-d", "--wait", "--no-recreate", "--scale", "appraisal-worker=1", "appraisal-worker"
        )
        events, copies = await load.settle()
    print(load.told(events, copies))
    assert load.phases[0].errors == 0
    assert load.commands > 50
    assert len(load.acknowledged) > 50
