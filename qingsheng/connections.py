"""HTTP connections that wait for a request, and for what nobody reads any more, no longer than a while: uvicorn itself waits
for headers, and for the rest of a body that was answered before its end, for ever."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN = 15.0
"""Seconds from a connection, or from the first byte of a further request on it, to the end of the headers."""
REST = 1024 * 1024
"""Bytes of a body that are still taken when it is answered already; who sends so little reads the answer and goes on."""


class Patient(H11Protocol):
    """Ends a connection whose request does not come, or does not end when it is answered."""

    _given_up: asyncio.TimerHandle | None = None
    _rest = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            self._expect()
            self._rest += len(data)
            if self._rest > REST:
                self.transport.close()
            return
        # Without headers the parser still waits for a request; a part of one that follows another is kept behind it.
        if self.conn.their_state is not h11.IDLE:
            self._rest = 0
            self._cancel()
        elif self.conn.trailing_data[0]:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._given_up is None:
            self._given_up = self.loop.call_later(HEADERS_WITHIN, self.transport.close)

    def _cancel(self) -> None:
        if self._given_up is not None:
            self._given_up.cancel()
            self._given_up = None
