"""Looking at processes from outside."""

from collections.abc import Iterable

import psutil


def all_gone(pids: Iterable[int]) -> bool:
    """Whether none of the processes runs any more. One that only waits to be reaped by its parent is gone."""
    return not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
