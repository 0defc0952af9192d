"""Connections that take no more than their share of time, memory and places.

uvicorn answers requests; what it leaves open is held here. A connection that does not finish its
request's headers is closed (a thousand of those cost an attacker nothing), as is one whose reader
takes nothing, or too little; and what is held for all slow readers together has a bound. There are
only so many connections: when all places are taken, the one that has waited longest without a
request makes room, so that idle connections do not keep out people with something to ask. Streams
of events are requests under way, and have half of the places at most
(`make_app(connections_max=...)`), so that they leave places for everybody else.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import Counter
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from flawless.server.access.limits import RequestLimits
from flawless.server.access.origins import is_this_machine
from flawless.server.access.rates import network
from flawless.server.wire.documents import encoded
from flawless.server.wire.headers import STANDING
from flawless.server.wire.problems import MEDIA_TYPE

RESERVED_FILES: Final = 512
"""Files and sockets that the process may need for all else: store, steps, requests of workflows."""
CONNECTIONS_MIN: Final = 16
_TITLES: Final = {
    400: "The request is no valid HTTP",
    408: "The request did not arrive in time",
    431: "The headers are too large or too many",
    503: "The server has no room for more connections",
}


class Lobby:
    """The connections of one server: how many there are, from where, and which of them wait."""

    def __init__(self, limits: RequestLimits, connections_max: int | None = None) -> None:
        self.limits = limits
        self.connections_max = connections_max or limits.connections_max
        self._open: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}  # those who wait for longest come first
        self._addresses: Counter[str] = Counter()
        self._unsent: dict[Connection, int] = {}  # those behind for longest come first
        self._unsent_bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection, address: str) -> bool:
        """Give a new connection a place; False if there is none."""
        if (
            self._addresses[address] >= self.limits.connections_per_address_max
            and address  # a socket of this machine's file system has none
            and not is_this_machine(address)
        ):
            return False
        if len(self._open) >= self.connections_max:
            waiting = next(iter(self._waiting), None)
            if waiting is None:
                return False
            waiting.leave()
        self._open.add(connection)
        self._addresses[address] += 1
        self._waiting[connection] = None
        return True

    def serves(self, connection: Connection) -> None:
        """Note that a connection has a request under way."""
        self._waiting.pop(connection, None)

    def waits(self, connection: Connection) -> None:
        """Note that a connection waits for its next request."""
        if connection in self._open and connection not in self._waiting:
            self._waiting[connection] = None

    def holds(self, connection: Connection, unsent: int) -> None:
        """Note how many bytes its reader has yet to take; drop the slowest if that is too much."""
        self._unsent_bytes += unsent - self._unsent.get(connection, 0)
        self._unsent[connection] = unsent
        while self._unsent_bytes > self.limits.unsent_bytes_max and len(self._unsent) > 1:
            next(iter(self._unsent)).leave()

    def caught_up(self, connection: Connection) -> None:
        """Note that a reader is not behind any more."""
        self._unsent_bytes -= self._unsent.pop(connection, 0)

    def remove(self, connection: Connection, address: str) -> None:
        """Free the place of a connection; does nothing when it has none."""
        self.caught_up(connection)
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._open.remove(connection)
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]


class LobbyConfig(uvicorn.Config):
    """uvicorn's settings, with the lobby of the server that is made of them."""

    def __init__(self, app: Any, lobby: Lobby, **settings: Any) -> None:
        self.lobby = lobby
        super().__init__(
            app,
            http=Connection,
            ws="none",
            timeout_keep_alive=int(lobby.limits.keep_alive_s),
            h11_max_incomplete_event_size=lobby.limits.headers_bytes_max,
            **settings,
        )


class Connection(H11Protocol):
    """uvicorn's protocol within the bounds of `RequestLimits`."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, LobbyConfig)
        self._lobby = config.lobby
        self._limits = config.lobby.limits
        self._parser = _Parser(self._limits)
        self.conn = self._parser
        # Outsiders decide how often it warns of requests that are no HTTP; errors stay.
        self.logger = _quiet_logger
        self._address = ""
        self._request_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._behind_since: float | None = None

    # --- asyncio and uvicorn call these -------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a place, or say that there is none."""
        super().connection_made(transport)
        self._address = network(self.client[0]) if self.client else ""
        if self._lobby.admit(self, self._address):
            self._await_request()
        else:
            self._refuse(503, "all places are taken; try again later")

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place to others."""
        self._lobby.remove(self, self._address)
        for timer in (self._request_timer, self._reader_timer):
            if timer is not None:
                timer.cancel()
        self._request_timer = self._reader_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, which has to be complete in time."""
        self._await_request()
        super().data_received(data)
        self._settle()

    def on_response_complete(self) -> None:
        """Wait for the next request, or go on with one that has been sent already."""
        super().on_response_complete()
        self._settle()
        if self.transport.is_closing():
            self._await_reader()

    def pause_writing(self) -> None:
        """The reader takes less than it is sent: it may be slow, within bounds."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """The reader has caught up."""
        if self._reader_timer is not None and not self.transport.is_closing():
            self._reader_timer.cancel()
            self._reader_timer = self._behind_since = None
            self._lobby.caught_up(self)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has waited for long enough."""
        super().timeout_keep_alive_handler()
        self._await_reader()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request."""
        self._refuse(self._parser.status, self._parser.reason or msg)

    def leave(self) -> None:
        """Close a connection: another one needs its place or its memory, and has it at once."""
        self._lobby.remove(self, self._address)
        self.transport.abort()

    # --- inside -------------------------------------------------------------------------------

    @property
    def _serving(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is not None and not cycle.response_complete

    def _settle(self) -> None:
        """See whether a request is under way now."""
        if self._serving:
            self._lobby.serves(self)
            if self._request_timer is not None:
                self._request_timer.cancel()
                self._request_timer = None
        else:
            self._lobby.waits(self)

    def _await_request(self) -> None:
        if self._request_timer is None and not self._serving:
            self._request_timer = self.loop.call_later(
                self._limits.request_s_max, self._request_is_late
            )

    def _request_is_late(self) -> None:
        self._request_timer = None
        self._refuse(408, f"the request was not complete within {self._limits.request_s_max:g} s")

    def _await_reader(self) -> None:
        """See to it that the reader takes a part in time, and all in the end.

        While it is behind the server writes nothing more, so that what is left only shrinks.
        """
        if self._reader_timer is None:
            left = self.transport.get_write_buffer_size()
            now = self.loop.time()
            if self._behind_since is None:
                self._behind_since = now
            end_s = self._behind_since + self._limits.answer_s_max - now
            self._reader_timer = self.loop.call_later(
                min(self._limits.stalled_s_max, max(end_s, 0.0)), self._look_at_reader, left
            )
            if left:
                self._lobby.holds(self, left)

    def _look_at_reader(self, left: int) -> None:
        self._reader_timer = None
        assert self._behind_since is not None
        late = self.loop.time() >= self._behind_since + self._limits.answer_s_max
        now_left = self.transport.get_write_buffer_size()
        if now_left and not late and now_left <= left - self._limits.taken_bytes_min:
            self._await_reader()
        else:
            self.transport.abort()

    def _refuse(self, status: int, detail: str) -> None:
        """Send a problem and close; without a word where an answer has begun already."""
        if self.transport.is_closing():
            return
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        body = encoded(
            {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
        )
        headers = {
            **STANDING,
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        if status == 503:
            headers["Retry-After"] = "2"
        asked_for_head = self.conn.our_state is h11.SEND_RESPONSE and self._parser.asked_for_head
        answer = (
            h11.Response(status_code=status, headers=list(headers.items())),
            h11.Data(data=b"" if asked_for_head else body),
            h11.EndOfMessage(),
        )
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in answer))
        self.transport.close()
        self._await_reader()


class _Parser(h11.Connection):
    """h11's parser, which also counts headers, and remembers why it refused."""

    def __init__(self, limits: RequestLimits) -> None:
        super().__init__(h11.SERVER, limits.headers_bytes_max)
        self._limits = limits
        self.status = 400
        self.reason = ""
        self.asked_for_head = False
        """Whether the latest request was HEAD, whose answer has no body."""

    def next_event(self) -> Any:
        """Return the next event; raises `h11.RemoteProtocolError` for what is refused."""
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                self.asked_for_head = event.method == b"HEAD"
                self._check(event)
        except h11.RemoteProtocolError as error:
            self.status = 431 if error.error_status_hint == 431 else 400
            self.reason = self._bounds if self.status == 431 else ""
            raise
        return event

    @property
    def _bounds(self) -> str:
        return (
            f"a request has at most {self._limits.headers_max} headers and, with its first line, "
            f"{self._limits.headers_bytes_max} bytes of them"
        )

    def _check(self, request: h11.Request) -> None:
        """Hold a request to its bounds; h11 itself does so only while one is incomplete."""
        size = len(request.target) + sum(len(n) + len(v) + 4 for n, v in request.headers)
        if size > self._limits.headers_bytes_max or len(request.headers) > self._limits.headers_max:
            raise h11.RemoteProtocolError("headers", 431)


def make_room(limits: RequestLimits) -> int:
    """Let the process open as many files as it is allowed to; return how many connections fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections_max + RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return limits.connections_max
    return min(limits.connections_max, max(soft - RESERVED_FILES, CONNECTIONS_MIN))


class _Expected(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR


_quiet_logger = logging.getLogger("flawless.server.hosting.connections")
_quiet_logger.addFilter(_Expected())
