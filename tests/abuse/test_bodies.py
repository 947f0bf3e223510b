"""Bodies and connections that are too large, too many or too slow: answered or ended, while others are served."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from qingsheng.connections import HEADERS_WITHIN
from shared.web.bodies import MOST, MOST_OF_FORM, MOST_REPORTS, MOST_VALUES, MOST_WITH_FILE, PAUSE
from tests.abuse.serving import MEGABYTE, Served, serving
from tests.access.routes import routes
from tests.support.producing import key_of
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(24, "oversized, nested and slow bodies")

HOST = b"Host: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
MANY = 600
"""Connections that somebody opens and leaves open."""
GROWS = 100
"""Megabytes."""


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(settings_for(database_url), tmp_path / "log") as running:
        yield running


def refused(answer: bytes, status: int, code: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    assert b"application/problem+json" in head, head
    assert b"connection: close" in head.lower(), head
    assert json.loads(body)["code"] == code


async def test_what_is_too_long_is_refused_by_its_told_length_before_any_of_it_came(served: Served) -> None:
    for path, kind, most in (
        ("/roster/api/v1/units", JSON, MOST),
        ("/roster/sign-in", FORM, MOST_OF_FORM),
        ("/opinion/tell", FORM, MOST_OF_FORM),
        ("/opinion/tell", b"Content-Type: multipart/form-data; boundary=x\r\n", MOST_WITH_FILE),
        ("/appraisal/api/v1/reports/2014/what-if", JSON, MOST),
    ):
        head = f"POST {path} HTTP/1.1\r\n".encode() + HOST + kind
        refused(await served.said(head + f"Content-Length: {most + 1}\r\n\r\n".encode()), 413, "too_large")


async def test_what_is_too_long_and_told_in_pieces_is_read_no_further_than_the_bound(served: Served) -> None:
    piece = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    before = served.peak()
    for path, kind in (("/roster/api/v1/units", JSON), ("/roster/sign-in", FORM)):
        head = f"POST {path} HTTP/1.1\r\n".encode() + HOST + kind + b"Transfer-Encoding: chunked\r\n\r\n"
        answer, sent = await asyncio.to_thread(_poured, served.port, head, piece, 200 * MEGABYTE)
        assert answer.startswith(b"HTTP/1.1 413 "), answer
        assert sent < 20 * MEGABYTE, "the rest was never asked for"
    assert served.peak() < before + GROWS


def _poured(port: int, head: bytes, piece: bytes, most: int) -> tuple[bytes, int]:
    """What is answered to somebody who listens only when nothing more is taken, and the bytes that were taken. By a plain
    socket: streams drop an answer that came when writing fails."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
        return connection.recv(0x10000), sent


async def test_json_has_so_many_values_and_no_more(served: Served) -> None:
    few, many = (b"[" + b"[]," * (number // 2) + b"[]]" for number in (MOST_VALUES - 10, MOST_VALUES + 10))
    for kind in (JSON, b"Content-Type: application/cloudevents+json\r\n", b""):
        head = b"POST /roster/api/v1/units HTTP/1.1\r\n" + HOST + kind
        refused(await served.said(head + b"Content-Length: %d\r\n\r\n" % len(many) + many), 413, "too_large")
    answer = await served.said(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(few) + few)
    assert not answer.startswith(b"HTTP/1.1 413 "), answer


async def test_reports_have_a_bound_of_their_own_behind_the_key(served: Served, database_url: str) -> None:
    path = b"POST /opinion/api/v1/intake HTTP/1.1\r\n" + HOST + JSON
    length = f"Content-Length: {MOST_REPORTS + 1}\r\n".encode()
    assert (await served.said(path + length + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
    key = (await key_of(settings_for(database_url), "feeds"))["X-API-Key"]
    refused(await served.said(path + length + f"X-API-Key: {key}\r\n\r\n".encode()), 413, "too_large")


async def test_nothing_nested_or_long_breaks_a_reader(database_url: str) -> None:
    """A hundred thousand of anything, at every route of the API that takes a body: refused, never an error of ours."""
    wrong: list[str] = []
    bodies = {
        "deep lists": b"[" * 100_000,
        "deep and closed": b"[" * 100_000 + b"]" * 100_000,
        "deep objects": b'{"a":' * 100_000,
        "deep in a field": b'{"entries":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "a long list": json.dumps([{}] * 100_000).encode(),
        "long lists": json.dumps(
            {name: [{}] * 20_000 for name in ("entries", "venues", "confirmations", "declinations", "external_refs")}
        ).encode(),
        "a long number": b'{"n": ' + b"9" * 100_000 + b"}",
        "not UTF-8": b'{"a": "\xff\xfe"}',
        "half a pair": b'{"unit_id": "\\ud800", "text": "\\udfff"}',
        "NUL": b'{"unit_id": "\\u0000", "text": "\\u0000"}',
        "NaN": b'{"n": NaN, "m": Infinity}',
        "twice": b'{"unit_id": "350902", "unit_id": "350921"}',
    }
    async with client(settings_for(database_url)) as http:
        key = await key_of(settings_for(database_url), "feeds")
        for route in routes():
            if route.method == "GET" or "/api/" not in route.path:
                continue
            path = route.path.replace("{county}", "350902").replace("{period}", "2014").replace("{year}", "2014")
            path = path.replace("{unit_id}", "350902").replace("{team}", "county").replace("{venue_no}", "1")
            path = "/".join("0198c0de-0000-7000-8000-000000000000" if "{" in part else part for part in path.split("/"))
            for name, body in bodies.items():
                headers = {"Content-Type": "application/json", "If-Match": "*"}
                headers |= key if path.endswith("/intake") else {}
                answer = await http.request(route.method, path, content=body, headers=headers)
                if answer.status_code >= 500 or (answer.status_code >= 400 and not _is_problem(answer)):
                    wrong.append(f"{route.name} {name}: {answer.status_code} {answer.text[:150]}")
    assert wrong == []


def _is_problem(answer: httpx.Response) -> bool:
    return answer.headers["content-type"] == "application/problem+json" and bool(answer.json()["message"]["zh"])


async def test_a_form_that_is_broken_says_so(database_url: str) -> None:
    async with client(settings_for(database_url), ["roster", "opinion"]) as http:
        for path in ("/opinion/tell", "/roster/sign-in", "/roster/ledgers"):
            for kind, body in (
                ("multipart/form-data; boundary=x", b"--y\r\nno form at all"),
                ("multipart/form-data", b"--x"),
                (
                    "multipart/form-data; boundary=x",
                    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 1500,
                ),
                ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(5000))),
            ):
                headers = {"Content-Type": kind, "Accept": "text/html"}
                answer = await http.post(path, content=body, headers=headers)
                assert 400 <= answer.status_code < 500, (path, kind, answer.status_code)
                assert answer.headers["content-type"].startswith("text/html"), (path, kind, answer.text)


async def test_a_huge_header_is_refused(served: Served) -> None:
    answer = await served.said(b"GET /roster/sign-in HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 200_000)
    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""
    many = b"".join(b"X-%d: a\r\n" % number for number in range(50_000))
    answer = await served.said(b"GET /roster/sign-in HTTP/1.1\r\n" + HOST + many)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")) or answer == b""
    assert await served.lives()


@pytest.mark.slow
async def test_connections_that_do_nothing_or_drip_are_ended_while_others_are_served(served: Served) -> None:
    ways = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(MANY)]
    silent, dripping, bodies = ways[: MANY // 3], ways[MANY // 3 : 2 * MANY // 3], ways[2 * MANY // 3 :]
    for _, writer in dripping:
        writer.write(b"GET /roster/sign-in HTTP/1.1\r\n")
    for _, writer in bodies:
        writer.write(b"POST /roster/sign-in HTTP/1.1\r\n" + HOST + FORM + b"Content-Length: 1000\r\n\r\n")
    dripped = [writer for _, writer in dripping]
    drips = asyncio.create_task(_drip(dripped))
    try:
        assert await served.lives()
        assert (await served.http.get("/roster/api/v1/units")).status_code == 200
        loop = asyncio.get_running_loop()
        began = loop.time()
        answers = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in ways)), 60)
        assert loop.time() - began < max(HEADERS_WITHIN, PAUSE) + 20
    finally:
        drips.cancel()
        for _, writer in ways:
            writer.transport.abort()
    assert set(answers[: -len(bodies)]) == {b""}, "what is no request is not answered"
    for answer in answers[-len(bodies) :]:
        refused(answer, 408, "unavailable")
    assert silent
    assert await served.lives()


async def _drip(writers: list[asyncio.StreamWriter]) -> None:
    """A byte of a header each, now and then, for ever."""
    while True:
        for writer in writers:
            if not writer.transport.is_closing():
                writer.write(b"x")
        await asyncio.sleep(0.5)


async def test_a_second_request_that_does_not_come_whole_ends_its_connection(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /roster/healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"alive" in await asyncio.wait_for(reader.readuntil(b"}"), 10)
    drips = asyncio.create_task(_drip([writer]))
    try:
        assert await asyncio.wait_for(reader.read(), HEADERS_WITHIN + 20) == b""
    finally:
        drips.cancel()
        writer.transport.abort()


async def test_a_body_that_goes_on_after_its_answer_ends_its_connection(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /nowhere HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 100000\r\n\r\n")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert answer.startswith(b"HTTP/1.1 404 "), answer
    drips = asyncio.create_task(_drip([writer]))
    try:
        await asyncio.wait_for(_ended(reader), HEADERS_WITHIN + 20)
    finally:
        drips.cancel()
        writer.transport.abort()


async def _ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionResetError):  # the last drip came when nobody was there
        await reader.read()


async def test_a_slow_but_steady_body_is_taken(served: Served) -> None:
    body = b'{"unit_id": "350902", "kind": "county", "county": "350902", "name": {"zh": "x"}}'
    cookie = f"Cookie: qingsheng_session={served.http.cookies['qingsheng_session']}\r\nSec-Fetch-Site: same-origin\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = b"POST /roster/api/v1/units HTTP/1.1\r\n" + HOST + JSON + cookie.encode()
    writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body))
    for number in range(0, len(body), 10):
        writer.write(body[number : number + 10])
        await writer.drain()
        await asyncio.sleep(0.1)
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 201 ")
    writer.transport.abort()


async def test_so_many_at_once_do_not_keep_others_out(served: Served) -> None:
    """Two hundred requests at a time for what costs most, by somebody who is not signed in."""

    async def ask(http: httpx.AsyncClient) -> int:
        return (await http.post("/roster/sign-in", data={"name": "nobody.here", "password": "x" * 900})).status_code

    limits = httpx.Limits(max_connections=200)
    base = str(served.http.base_url)
    own = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    async with httpx.AsyncClient(base_url=base, headers=own, limits=limits, timeout=120) as http:
        asked = [asyncio.create_task(ask(http)) for _ in range(200)]
        for _ in range(5):
            assert await served.lives()
        statuses = [await each for each in asked]
    assert set(statuses) <= {401, 429, 503}
    await eventually(served.lives)
