"""Connections that send too much, too slowly, or nothing; that do not read; and floods of them."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event
from time import monotonic

import pytest
from guarded import listening
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from flawless.server.access.limits import RequestLimits
from flawless.server.hosting.connections import (
    CONNECTIONS_MIN,
    RESERVED_FILES,
    Lobby,
    make_room,
)

WAIT_S_MAX = 60.0
LARGE = 32 * 1024 * 1024
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def _yes(_: Request) -> Response:
    return PlainTextResponse("yes")


async def _large(_: Request) -> Response:
    return Response(b"x" * LARGE)


async def _body(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _forever(request: Request) -> Response:
    async def pieces() -> Iterator[bytes]:  # type: ignore[misc]  # an async generator
        yield b"begun"
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)

    return StreamingResponse(pieces())  # type: ignore[arg-type]  # an async generator


APP = Starlette(
    routes=[
        Route("/", _yes),
        Route("/large", _large),
        Route("/body", _body, methods=["POST"]),
        Route("/forever", _forever),
    ]
)


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    """Give a connection to the server."""
    with socket.create_connection(address, timeout=WAIT_S_MAX) as made:
        yield made


def until_closed(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def answer(connection: socket.socket, request: bytes = GET) -> bytes:
    """Send a request; return the answer, which is a short one."""
    connection.sendall(request)
    received = b""
    while not received.endswith(b"yes"):
        piece = connection.recv(65_536)
        assert piece, received
        received += piece
    return received


def send_for_ever(connection: socket.socket) -> None:
    """Send what never becomes a request."""
    while True:
        connection.sendall(b"x" * 1_000)


def until(condition: Callable[[], bool]) -> None:
    """Wait until the server has done something that cannot be seen from outside."""
    deadline = monotonic() + WAIT_S_MAX
    while not condition():
        assert monotonic() < deadline
        Event().wait(0.005)


def status(received: bytes) -> int:
    """Return the status of an answer."""
    return int(received.split(b" ", 2)[1])


def problem(received: bytes) -> dict[str, object]:
    """Return the problem in an answer; it is a complete and well-protected one."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    assert b"connection: close" in head.lower()
    found: dict[str, object] = json.loads(body)
    return found


@pytest.mark.parametrize(
    "headers",
    [
        b"X: " + b"x" * 40_000 + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (n, b"x" * 500) for n in range(90)),
        b"".join(b"X-%d: x\r\n" % n for n in range(101)),
        b"Cookie: " + b"a=b; " * 10_000 + b"\r\n",
    ],
)
def test_header_bombs_are_refused(headers: bytes) -> None:
    """Headers that are too large or too many get 431, whether they come at once or in pieces."""
    lobby = Lobby(RequestLimits())
    bomb = GET[:-2] + headers + b"\r\n"
    with listening(APP, lobby) as address:
        with connected(address) as connection:
            connection.sendall(bomb)
            received = until_closed(connection)
            assert status(received) == 431
            assert "at most 100 headers" in str(problem(received)["detail"])
        with connected(address) as connection:
            try:
                for at in range(0, len(bomb), 1_000):
                    connection.send(bomb[at : at + 1_000])
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert until_closed(connection)[:12] in (b"HTTP/1.1 431", b"")
        with connected(address) as connection:
            assert status(answer(connection)) == 200


def test_headers_that_never_end_are_refused() -> None:
    """What has no end is cut at the bound, not kept."""
    with (
        listening(APP, Lobby(RequestLimits())) as address,
        connected(address) as connection,
        pytest.raises((BrokenPipeError, ConnectionResetError)),
    ):
        send_for_ever(connection)


def test_as_much_as_is_allowed_passes() -> None:
    """A request within the bounds is answered."""
    headers = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 300) for n in range(95))
    with listening(APP, Lobby(RequestLimits())) as address, connected(address) as connection:
        assert status(answer(connection, GET[:-2] + headers + b"\r\n")) == 200


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /\r\n\r\n"]
)
def test_what_is_no_http_is_answered_and_logged_as_nothing(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Noise from outside gets 400 and fills no log."""
    with listening(APP, Lobby(RequestLimits())) as address, connected(address) as connection:
        connection.sendall(request_ + b"\r\n\r\n")
        received = until_closed(connection)
    assert status(received) == 400
    assert problem(received)["title"] == "The request is no valid HTTP"
    assert "Invalid HTTP" not in caplog.text


@pytest.mark.parametrize(
    "beginning", [b"", b"GET / HT", GET[:-2], b"POST /body HTTP/1.1\r\nContent-Length: 5"]
)
def test_requests_that_do_not_come_are_not_waited_for(beginning: bytes) -> None:
    """A connection has to finish its headers in time, from when it is opened (slow loris)."""
    lobby = Lobby(RequestLimits(request_s_max=0.2))
    with listening(APP, lobby) as address, connected(address) as connection:
        connection.sendall(beginning)
        received = until_closed(connection)
        assert status(received) == 408
        assert problem(received)["detail"] == "the request was not complete within 0.2 s"


def test_a_byte_now_and_then_does_not_help() -> None:
    """The time is that of the whole head of a request, not of the pauses within it."""
    lobby = Lobby(RequestLimits(request_s_max=0.5))
    with listening(APP, lobby) as address, connected(address) as connection:
        connection.settimeout(0.05)
        sent = 0
        received = b""
        connection.sendall(b"GET / HTTP/1.1\r\n")
        try:
            while not received:
                connection.send(b"X: y\r\n")
                sent += 1
                try:
                    received = connection.recv(65_536)
                except TimeoutError:
                    continue
        except (BrokenPipeError, ConnectionResetError):
            received = received or b"HTTP/1.1 408 "
        assert sent > 1
        assert status(received) == 408


def test_a_second_request_has_to_come_in_time_too() -> None:
    """After an answer a connection may be silent for a while; once it begins, it is timed again."""
    lobby = Lobby(RequestLimits(request_s_max=0.3))
    with listening(APP, lobby) as address, connected(address) as connection:
        assert status(answer(connection)) == 200
        assert status(answer(connection)) == 200
        connection.sendall(b"GET / HT")
        assert status(until_closed(connection)) == 408


def test_a_silent_connection_is_closed_after_a_while() -> None:
    """Keeping a connection is bounded as well."""
    lobby = Lobby(RequestLimits(keep_alive_s=1))
    with listening(APP, lobby) as address, connected(address) as connection:
        assert status(answer(connection)) == 200
        assert until_closed(connection) == b""


def test_a_body_that_drips_on_after_its_answer_is_cut_off() -> None:
    """Who was answered before the end of the request cannot keep the connection with the rest."""
    lobby = Lobby(RequestLimits(request_s_max=0.3))
    with listening(APP, lobby) as address, connected(address) as connection:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head)
        assert b" 405 " in connection.recv(65_536)
        connection.settimeout(0.05)
        closed = False
        while not closed:
            try:
                connection.send(b"x")
                closed = connection.recv(65_536) == b""
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                closed = True


def test_several_requests_at_once_are_answered_in_order() -> None:
    """Pipelined requests are no reason to close anything."""
    with listening(APP, Lobby(RequestLimits())) as address, connected(address) as connection:
        connection.sendall(GET * 20)
        received = b""
        while received.count(b"yes") < 20:
            piece = connection.recv(65_536)
            assert piece
            received += piece


def test_a_reader_that_takes_nothing_is_dropped() -> None:
    """An answer that nobody takes does not stay in memory."""
    lobby = Lobby(RequestLimits(stalled_s_max=0.3))
    with listening(APP, lobby) as address, connected(address) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: len(lobby) == 1)
        until(lambda: len(lobby) == 0)
        assert len(until_closed(connection)) < LARGE


def test_a_slow_reader_is_waited_for() -> None:
    """Who takes a little at a time gets all of it, however long that takes."""
    lobby = Lobby(RequestLimits(stalled_s_max=0.3))
    with listening(APP, lobby) as address, connected(address) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = 0
        while piece := connection.recv(262_144):
            received += len(piece)
            Event().wait(0.01)
        assert received > LARGE


def _read_slowly(connection: socket.socket) -> int:
    """Read an answer of `LARGE` bytes for more than a second; return how much of it came."""
    connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    received = 0
    try:
        while piece := connection.recv(262_144):
            received += len(piece)
            Event().wait(0.01)
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize(
    "limits",
    [
        RequestLimits(stalled_s_max=0.3, taken_bytes_min=LARGE),
        RequestLimits(stalled_s_max=0.1, taken_bytes_min=1, answer_s_max=0.3),
        RequestLimits(stalled_s_max=60, taken_bytes_min=1, answer_s_max=0.3),
    ],
)
def test_a_reader_that_takes_too_little_is_dropped(limits: RequestLimits) -> None:
    """A byte now and then does not keep an answer in memory: there is a least rate, and an end."""
    lobby = Lobby(limits)
    with listening(APP, lobby) as address, connected(address) as connection:
        assert _read_slowly(connection) < LARGE
        until(lambda: len(lobby) == 0)
        assert (lobby._unsent, lobby._unsent_bytes) == ({}, 0)


def test_all_slow_readers_together_have_a_bound() -> None:
    """When too much is held for readers, who has been behind for longest goes; others get all."""
    lobby = Lobby(RequestLimits(unsent_bytes_max=LARGE * 3 // 2))
    with listening(APP, lobby) as address, connected(address) as first:
        first.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: lobby._unsent_bytes > 0)
        with connected(address) as second:
            assert _read_slowly(second) > LARGE
        assert len(until_closed(first)) < LARGE
        until(lambda: len(lobby) == 0)
        assert (lobby._unsent, lobby._unsent_bytes) == ({}, 0)


def test_a_flood_is_bounded_and_keeps_nobody_out() -> None:
    """With all places taken by silent connections, the oldest makes room for one that asks."""
    lobby = Lobby(RequestLimits(connections_max=20))
    with listening(APP, lobby) as address, ExitStack() as stack:
        flood = [stack.enter_context(connected(address)) for _ in range(200)]
        with connected(address) as connection:
            assert status(answer(connection)) == 200
            assert len(lobby) <= 20
        assert until_closed(flood[0]) == b""
        assert status(answer(flood[-1])) == 200


def test_requests_under_way_are_not_cut_off_by_a_flood() -> None:
    """When nobody just waits, the newcomer is told to come back, and all others go on."""
    lobby = Lobby(RequestLimits(connections_max=5))
    with listening(APP, lobby) as address, ExitStack() as stack:
        streams = [stack.enter_context(connected(address)) for _ in range(5)]
        for stream in streams:
            stream.sendall(b"GET /forever HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while b"begun" not in received:
                received += stream.recv(65_536)
        late = stack.enter_context(connected(address))
        received = until_closed(late)
        assert status(received) == 503
        assert "all places are taken" in str(problem(received)["detail"])
        assert b"retry-after: 2" in received.lower()
        streams[0].close()
        until(lambda: len(lobby) < 5)
        assert status(answer(stack.enter_context(connected(address)))) == 200


def test_one_address_cannot_take_all_places() -> None:
    """Another machine has a bound of its own; this one, where a proxy may be, has not."""

    class Place:
        """As much of a connection as the lobby looks at."""

        left = False

        def leave(self) -> None:
            """Note that it had to go."""
            self.left = True

    lobby = Lobby(RequestLimits(connections_max=1_000, connections_per_address_max=3))
    places = [Place() for _ in range(10)]
    assert [lobby.admit(place, "192.0.2.7") for place in places[:4]] == [True, True, True, False]  # type: ignore[arg-type]  # see above
    assert lobby.admit(places[4], "192.0.2.8")  # type: ignore[arg-type]  # see above
    lobby.remove(places[0], "192.0.2.7")  # type: ignore[arg-type]  # see above
    assert lobby.admit(places[5], "192.0.2.7")  # type: ignore[arg-type]  # see above
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", ""):
        assert all(lobby.admit(Place(), address) for _ in range(10))  # type: ignore[arg-type]  # see above
    assert not any(place.left for place in places)


def test_there_are_fewer_places_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process opens as many files as it may, and keeps some for all that is no connection."""
    limits = RequestLimits(connections_max=10_000)
    wanted: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: wanted.append(pair))

    def room(soft: int, hard: int) -> int:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
        return make_room(limits)

    infinite = resource.RLIM_INFINITY
    assert room(1_024, 4_096) == 4_096 - RESERVED_FILES
    assert wanted.pop() == (4_096, 4_096)
    assert room(1_024, infinite) == 10_000
    assert wanted.pop() == (10_000 + RESERVED_FILES, infinite)
    assert room(1_000_000, 1_000_000) == 10_000
    assert room(infinite, infinite) == 10_000
    assert wanted == []
    assert room(256, 256) == CONNECTIONS_MIN
