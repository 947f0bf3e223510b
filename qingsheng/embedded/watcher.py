"""Runs the embedded servers and stops them when their owner is gone. A script of its own; standard library only.

The owner keeps the write end of this process's standard input; when the owner ends, however it ends, the pipe closes
and the servers are stopped cleanly. This works on every POSIX system and does not depend on the owner's threads.

Standard input, one JSON object a line, starts a server: {name, command: [str], environment: {str: str}, directory, log,
descriptors: [int] to pass on, user: int|null, group: int|null, stop_order: int (lower stops first), stop_signal: int,
stop_seconds: float}. Standard output tells {name, pid}, {name, error} and, when a server ends, {name, pid, exit_code}.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

_speaking = threading.Lock()


def tell(**fact: Any) -> None:
    """Write one line to the owner, if it is still there."""
    with _speaking, suppress(OSError, ValueError):
        print(json.dumps(fact), flush=True)


def start(server: dict[str, Any]) -> subprocess.Popen[bytes] | None:
    """Start a server in a session of its own, so that a Ctrl-C at the terminal does not reach it."""
    try:
        with open(server["log"], "ab") as log:
            process = subprocess.Popen(
                server["command"],
                env=server["environment"],
                cwd=server["directory"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=server["descriptors"],
                start_new_session=True,
                user=server["user"],
                group=server["group"],
                extra_groups=None if server["user"] is None else [],
            )
    except OSError as error:
        tell(name=server["name"], error=str(error))
        return None
    tell(name=server["name"], pid=process.pid)

    def tell_the_end() -> None:
        code = process.wait()
        tell(name=server["name"], pid=process.pid, exit_code=code)

    threading.Thread(target=tell_the_end, daemon=True).start()
    return process


def stop(server: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop; kill it and its group when it takes longer than it may."""
    process.send_signal(server["stop_signal"])
    try:
        process.wait(server["stop_seconds"])
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    """Serve the owner until it is gone or this process is told to end."""
    os.umask(0o077)  # what the servers write is for their user alone
    # Handled by doing nothing, not ignored: the servers would inherit that and miss a stop in their first moments.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGHUP, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running: list[tuple[dict[str, Any], subprocess.Popen[bytes]]] = []
    try:
        for line in sys.stdin:
            server = json.loads(line)
            process = start(server)
            if process is not None:
                running.append((server, process))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for server, process in sorted(running, key=lambda one: one[0]["stop_order"]):
            stop(server, process)


if __name__ == "__main__":
    main()
