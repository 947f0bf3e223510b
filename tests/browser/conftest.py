"""A browser, and the pages served to it on a port of this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from qingsheng.serving import Server, apis
from shared.settings import Settings
from tests.browser.chromium import DEADLINE, Browser, chromium
from tests.support.waiting import eventually_now


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Skips where no Chromium is installed."""
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine: pages are not looked at in a browser (Debian: apt install chromium)")
    profile: Path = tmp_path_factory.mktemp("chromium")
    found = Browser(executable, profile)
    yield found
    found.close()


@contextmanager
def served(settings: Settings, *services: str) -> Iterator[str]:
    """The named services' APIs and pages under uvicorn; gives ``http://127.0.0.1:port``."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = Server(uvicorn.Config(apis(services, settings), log_config=None))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="pages", daemon=True)
        running.start()
        try:
            eventually_now(lambda: server.started or not running.is_alive(), DEADLINE)
            assert server.started, "uvicorn did not start"
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            running.join(DEADLINE)
