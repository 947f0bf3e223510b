"""The watcher's own behaviour, with small programs in the place of servers."""

import signal
import sys
from pathlib import Path

import pytest

from qingsheng.embedded.supervision import Server, Supervision
from tests.support.waiting import eventually_now

TELLS_WHETHER_IGNORED = """
import pathlib, signal, sys, time
ignored = signal.getsignal({number}) == signal.SIG_IGN
pathlib.Path(sys.argv[1]).write_text(str(ignored))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_server_inherits_no_ignored_signal(tmp_path: Path, number: signal.Signals) -> None:
    """Else a stop that comes before the server has set its own handlers would be lost, and end in SIGKILL."""
    told = tmp_path / "told"
    with (tmp_path / "lock").open("wb") as lock:
        supervision = Supervision(lock.fileno(), tmp_path / "watcher.log")
        try:
            supervision.start(
                Server(
                    name="teller",
                    command=[sys.executable, "-c", TELLS_WHETHER_IGNORED.format(number=int(number)), str(told)],
                    environment={},
                    directory="/",
                    log=str(tmp_path / "teller.log"),
                    descriptors=[],
                    stop_order=1,
                    stop_signal=signal.SIGTERM,
                    stop_seconds=5.0,
                )
            )
            eventually_now(lambda: told.exists() and told.read_text() != "", deadline=20)
        finally:
            supervision.stop()
    assert told.read_text() == "False"
