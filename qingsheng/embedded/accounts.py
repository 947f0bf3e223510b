"""The system user that PostgreSQL runs as when we are root: PostgreSQL refuses to run as root."""

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from qingsheng.embedded.errors import EmbeddedUnavailable
from qingsheng.embedded.waiting import Progress

ACCOUNT = "qingsheng-postgres"


@dataclass(frozen=True)
class Account:
    """A system user by its numbers."""

    uid: int
    gid: int


class RunAs(TypedDict, total=False):
    """The arguments of `subprocess` that say who a program runs as."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(account: Account | None) -> RunAs:
    """Run a program as this account, without any of our groups; as ourselves where there is none."""
    return RunAs(user=account.uid, group=account.gid, extra_groups=[]) if account else RunAs()


def server_account() -> Account | None:
    """None when we are not root; else the account for PostgreSQL, made if missing. Raises EmbeddedUnavailable."""
    if os.geteuid() != 0:
        return None
    import pwd

    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        _add_account()
        entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def _add_account() -> None:
    useradd = shutil.which("useradd")
    if useradd is None:
        raise EmbeddedUnavailable("PostgreSQL does not run as root, and there is no `useradd` to make a user for it.")
    made = subprocess.run(
        [useradd, "--system", "--no-create-home", "--shell", "/bin/false", "--user-group", ACCOUNT],
        capture_output=True,
        text=True,
    )
    # 9: the name exists by now; another process was making it at the same time.
    if made.returncode not in (0, 9):
        raise EmbeddedUnavailable(f"The user {ACCOUNT} for PostgreSQL could not be made: {made.stderr.strip()}.")


def let_pass(path: Path, progress: Progress) -> None:
    """Let other users pass through (not list) the folders on the way to `path`, as far as they are ours and closed."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            progress(f"letting PostgreSQL's user pass through {folder}")
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXGRP | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let other users read everything below `folder`, and run what its owner can run."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        runnable = mode & stat.S_IXUSR
        path.chmod(mode | stat.S_IRGRP | stat.S_IROTH | ((stat.S_IXGRP | stat.S_IXOTH) if runnable else 0))
