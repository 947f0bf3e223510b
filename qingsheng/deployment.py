"""What a run of the whole system stands on: outside servers where they are set, else the embedded stack."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import SecretStr

from qingsheng.embedded import default_data_folder, running_stack
from qingsheng.migrations import migrate
from qingsheng.run import LIFELINE
from qingsheng.topics import ensure_topics
from shared.settings import Settings

DATABASE = "QINGSHENG_DATABASE_URL"
KAFKA = "QINGSHENG_KAFKA_BOOTSTRAP_SERVERS"
SECRET = "QINGSHENG_SECRET_KEY"
DATA = "QINGSHENG_DATA"
STOP_SECONDS = 20.0
RESTART_SECONDS = 1.0
_TOLD = "running.json"


@contextmanager
def deployment(data: Path | None, progress: Callable[[str], None], **settings: object) -> Iterator[Settings]:
    """Starts what is not set in the environment, migrates, makes the topics; gives the settings. Raises EmbeddedError.

    ``data`` is the embedded servers' folder (None: the default one); ``settings`` are set over the environment's.
    """
    with servers(data, progress, **settings) as ready:
        progress("migrating the database, making the topics")
        migrate(ready.database_url)
        asyncio.run(ensure_topics(ready))
        yield ready


@contextmanager
def servers(data: Path | None, progress: Callable[[str], None], **settings: object) -> Iterator[Settings]:
    """The servers alone: as ``deployment``, nothing migrated or made yet."""
    postgres, kafka = DATABASE not in os.environ, KAFKA not in os.environ
    folder = data_folder(data)
    with ExitStack() as leaving:
        found: dict[str, object] = dict(settings)
        if postgres or kafka:
            stack = leaving.enter_context(running_stack(folder, postgres=postgres, kafka=kafka, progress=progress))
            if stack.database_url:
                found["database_url"] = stack.database_url
            if stack.kafka_bootstrap_servers:
                found["kafka_bootstrap_servers"] = stack.kafka_bootstrap_servers
                found["kafka_user"], found["kafka_password"] = stack.kafka_user, stack.kafka_password
        if SECRET not in os.environ and "secret_key" not in found:
            if not postgres:
                raise SystemExit(f"{SECRET} is not set: give a secret of at least 16 characters, and keep it.")
            found["secret_key"] = _kept_secret(folder)
        yield Settings(**found)  # type: ignore[arg-type]


def data_folder(data: Path | None) -> Path:
    """The embedded servers' folder, whole; None: that of ``QINGSHENG_DATA``, else the default one."""
    told = os.environ.get(DATA)
    return (data or (Path(told) if told else default_data_folder())).expanduser().absolute()


def _kept_secret(folder: Path) -> str:
    """The embedded deployment's secret, made at the first start and kept in its data folder, readable by its owner."""
    file = folder / "secret"
    if not file.exists():
        _write(file, secrets.token_urlsafe(32))
    return file.read_text()


def _write(file: Path, content: str) -> None:
    """For the owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as new:
        new.write(content)


def private_log(file: Path) -> BinaryIO:
    """A log open to be added to, for the owner's eyes only, also where an older one was for others."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab")


class Children:
    """Child processes of one run, started again when they end by themselves. They end with their parent."""

    def __init__(self, settings: Settings, log: Path | None) -> None:
        self._environment = {**os.environ, **environment_of(settings)}
        self._log = log
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._watching: list[threading.Thread] = []
        self._lifeline, self._held = os.pipe()

    def start(self, name: str) -> None:
        """Starts ``qingsheng run NAME`` and keeps it running."""
        self._spawn(name)
        thread = threading.Thread(target=self._keep, args=(name,), name=f"keep {name}", daemon=True)
        thread.start()
        self._watching.append(thread)

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def stop(self) -> None:
        """Stops them all, in the order they were started; waits, then kills."""
        self._stopping.set()
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(self._held)
        os.close(self._lifeline)

    def _spawn(self, name: str) -> None:
        log = private_log(self._log) if self._log else None
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", "qingsheng", "run", name],
            env={**self._environment, LIFELINE: str(self._lifeline)},
            pass_fds=(self._lifeline,),
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C at the terminal stops them through us, in order
        )
        if log:
            log.close()

    def _keep(self, name: str) -> None:
        while not self._stopping.is_set():
            self._processes[name].wait()
            if self._stopping.wait(RESTART_SECONDS):
                return
            self._spawn(name)


@contextmanager
def running(settings: Settings, processes: Sequence[str], folder: Path, log: Path | None = None) -> Iterator[Children]:
    """Runs the named processes as children; with ``log`` their output goes to that file. Meanwhile a file in ``folder``
    tells other commands of this machine where everything is."""
    children = Children(settings, log)
    told = folder / _TOLD
    try:
        _write(told, json.dumps({"pid": os.getpid(), "settings": _told(settings)}))
        for name in processes:
            children.start(name)
        yield children
    finally:
        children.stop()
        told.unlink(missing_ok=True)


def found_running(data: Path | None = None) -> Settings | None:
    """The settings of the deployment that runs on this machine from the folder ``data``, None without one."""
    try:
        told = json.loads((data_folder(data) / _TOLD).read_text())
        os.kill(told["pid"], 0)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return None
    return Settings(**told["settings"])


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, secrets in plain: for child processes."""
    return {
        f"QINGSHENG_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in _told(settings).items()
        if value is not None
    }


def _told(settings: Settings) -> dict[str, Any]:
    """As JSON has it, secrets in plain: for child processes and a file that is the owner's alone."""
    plain = {name: value.get_secret_value() for name, value in dict(settings).items() if isinstance(value, SecretStr)}
    return settings.model_dump(mode="json") | plain
