"""The data folder: where it is, who owns it, which ports belong to it."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qingsheng.embedded.errors import DataFolderInUse, EmbeddedUnavailable
from qingsheng.embedded.waiting import POLL_S, Progress

RELEASE_DEADLINE_S = 45.0
"""How long to wait for the servers of an owner that is gone: a little more than the watcher gives them to stop."""


def default_data_folder() -> Path:
    """`$XDG_DATA_HOME/qingsheng`, or `~/.local/share/qingsheng`."""
    return xdg_folder("XDG_DATA_HOME", ".local/share") / "qingsheng"


def default_jar_folder() -> Path:
    """`$XDG_CACHE_HOME/qingsheng/jars`, or `~/.cache/qingsheng/jars`: shared by all data folders."""
    return xdg_folder("XDG_CACHE_HOME", ".cache") / "qingsheng" / "jars"


def xdg_folder(variable: str, below_home: str) -> Path:
    """The folder named by an XDG variable; a relative value counts as unset, as the XDG specification says."""
    named = Path(os.environ.get(variable, ""))
    return named if named.is_absolute() else Path.home() / below_home


@contextmanager
def owned(data: Path, progress: Progress) -> Iterator[int]:
    """Own the data folder (made if missing); gives the descriptor of its lock.

    Pass the descriptor to every process that works on the folder: the lock is free only when the last of them has
    closed it, so a folder whose owner was killed stays locked until its servers have stopped.
    Raises DataFolderInUse when another living process owns the folder.
    """
    if sys.platform == "win32":
        raise EmbeddedUnavailable("The embedded servers need Linux or macOS.")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, data, progress)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path, progress: Progress) -> None:
    import fcntl  # not on Windows

    deadline = time.monotonic() + RELEASE_DEADLINE_S
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode()
            if _alive(owner) or time.monotonic() > deadline:
                raise DataFolderInUse(
                    f"The data folder {data} is in use by process {owner or 'unknown'}. "
                    "Stop that one first, or give this one another folder with --data DIR."
                ) from None
        if not told:
            progress(f"waiting for the servers of process {owner}, which is gone, to stop")
            told = True
        time.sleep(POLL_S)


def _alive(owner: str) -> bool:
    # An empty file means that the owner has just taken the lock and not yet written its id.
    if not owner:
        return True
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Ports:
    """Ports on 127.0.0.1, chosen free, and kept in the data folder so that they stay the same from run to run."""

    def __init__(self, data: Path) -> None:
        self._file = data / "ports.json"
        self._choosing = threading.Lock()

    def choose(self, names: Sequence[str]) -> list[int]:
        """For each name the port kept for it if that is free, else a new one. Threads may call this at once."""
        with self._choosing:
            kept: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
            for name in names:
                if name not in kept or not _free(kept[name]):
                    kept[name] = _new_port(set(kept.values()))
            write_private(self._file, json.dumps(kept))
            return [kept[name] for name in names]


def write_private(file: Path, content: str) -> None:
    """Writes the file for its owner's eyes only, also where there was one that others could read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as new:
        os.fchmod(descriptor, 0o600)
        new.truncate()
        new.write(content)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _new_port(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port
