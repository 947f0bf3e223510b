"""The HTTP doors as the demo uses them: every call at a moment of the story, said again until it is answered."""

import asyncio
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

AT_ONCE = 8
PATIENCE = 60.0
"""Seconds after which a call that is not taken is given up."""
AGAIN = 0.1
NOT_YET = {"unknown_unit", "unknown_volunteer", "unknown_column", "unknown_session", "unavailable"}
"""A service learns of the roster from its events, a moment after they were told."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Refused(Exception):
    """A call was refused: carries its path, the status and the problem document."""

    def __init__(self, path: str, status: int, problem: Any) -> None:
        super().__init__(f"{path}: {status} {problem}")
        self.status = status
        self.code = problem.get("code") if isinstance(problem, dict) else None


class Doors:
    """The APIs at one port of this machine. Calls may be made at once; a few go on together."""

    def __init__(self, host: str, port: int, run: str, session: str) -> None:
        """``run`` tells the Idempotency-Keys of this run from those of others; ``session`` is a signed-in operator's."""
        self._host, self._port, self._run, self._session = host, port, run, session
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doors")
        self._own = threading.local()
        self._calls = 0

    async def post(self, path: str, body: Any = None, *, at: datetime | None = None, **query: Any) -> Any:
        """What is answered: read, where it is JSON; else the bytes of a file."""
        return await self._call("POST", path, body, at, query)

    async def put(self, path: str, body: Any, *, at: datetime | None = None) -> Any:
        return await self._call("PUT", path, body, at, {})

    async def get(self, path: str, **query: Any) -> Any:
        return await self._call("GET", path, None, None, query)

    async def pages(self, path: str, **query: Any) -> list[Any]:
        """All items of a paged list."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, limit=1000, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def ready(self, services: list[str]) -> None:
        """Returns when every service says that it is ready: its database, its broker, its consumers."""
        for service in services:
            deadline = time.monotonic() + PATIENCE
            while True:
                with suppress(OSError, http.client.HTTPException):
                    status, _ = await self._sent("GET", f"/{service}/readyz", None, {})
                    if status == 200:
                        break
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{service} is not ready after {PATIENCE:.0f} s")
                await asyncio.sleep(AGAIN)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, method: str, path: str, body: Any, at: datetime | None, query: dict[str, Any]) -> Any:
        headers = {
            "Content-Type": XLSX if isinstance(body, bytes) else "application/json",
            "Authorization": f"Bearer {self._session}",
        }
        if method != "GET":
            self._calls += 1
            headers |= {"Idempotency-Key": f"{self._run}-{self._calls}", "If-Match": "*"}
        if at is not None:
            headers["Qingsheng-Story-Time"] = at.isoformat()
        content = body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        target = quote(path) + (f"?{urlencode(query)}" if query else "")
        deadline = time.monotonic() + PATIENCE
        while True:
            status, answer = 0, None
            with suppress(OSError, http.client.HTTPException):
                status, answer = await self._sent(method, target, content, headers)
            if 200 <= status < 300:
                return answer
            refused = Refused(target, status, answer)
            again = status in (0, 503) or refused.code in NOT_YET
            if not again or time.monotonic() > deadline:
                raise refused
            await asyncio.sleep(AGAIN)

    async def _sent(self, method: str, target: str, content: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._send, method, target, content, headers)

    def _send(self, method: str, target: str, content: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
        try:
            connection.request(method, target, content, headers)
            response = connection.getresponse()
            answered = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._own.connection = None
            raise
        is_json = "json" in (response.getheader("Content-Type") or "")
        return response.status, json.loads(answered) if is_json else answered or None
