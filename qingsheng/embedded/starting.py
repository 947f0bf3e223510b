"""What both servers need to start, and the start itself: on free ports, watched until ready."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qingsheng.embedded.errors import ServerFailed
from qingsheng.embedded.folder import Ports
from qingsheng.embedded.supervision import Server, Supervision
from qingsheng.embedded.waiting import Progress, rotate, wait_until_ready

START_DEADLINE_S = 90.0
PORT_ATTEMPTS = 3


@dataclass(frozen=True)
class Site:
    """One start of the servers in a data folder."""

    data: Path
    lock: int
    """Descriptor of the folder's lock, for every process that works on the folder."""

    ports: Ports
    supervision: Supervision
    progress: Progress
    abandoned: threading.Event
    """Set when the start is to be given up."""

    def start(
        self, port_names: Sequence[str], server_on: Callable[[list[int]], Server], ready: Callable[[int], bool]
    ) -> list[int]:
        """Start the server that `server_on(ports)` describes and wait until `ready(pid)`; gives its ports.

        Raises ServerFailed, Abandoned.
        """
        began = time.monotonic()
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            ports = self.ports.choose(port_names)
            server = server_on(ports)
            log = Path(server.log)
            pid = self.supervision.start(server)
            try:
                wait_until_ready(
                    server.name,
                    lambda pid=pid: ready(pid),
                    lambda pid=pid: self.supervision.exit_code(pid),
                    log=log,
                    deadline_s=START_DEADLINE_S,
                    abandoned=self.abandoned,
                )
            except ServerFailed as failure:
                # Somebody took the port between our choosing it and the server's binding it.
                if attempts_left == 0 or "Address already in use" not in str(failure):
                    raise
                rotate(log)
                continue
            self.progress(f"{server.name} is ready on port {ports[0]} ({time.monotonic() - began:.1f} s)")
            return ports
        raise AssertionError("unreachable")
