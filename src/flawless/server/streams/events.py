"""Server-sent events as bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html).

An event's id is where to go on behind it. Browsers send it back, as `Last-Event-ID`, when they
connect again by themselves; who cannot set headers may say `last_event_id` in the query.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request

from flawless.server.wire.documents import encoded
from flawless.server.wire.requests import Query

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx passes on what it gets, when it gets it
}
RECONNECT_MS: Final = 1_000
"""How long a client waits before it connects again."""
LAST_ID: Final = "last_event_id"


def opening(id_: str) -> bytes:
    """Return what a stream begins with; the id, if any, is known even before the first event."""
    return b"retry: %d\n%b\n" % (RECONNECT_MS, _line(id_))


def event(name: str, id_: str, content: Any) -> bytes:
    """Return an event with a struct or JSON-able object as its data."""
    return event_of(name, id_, encoded(content))


def event_of(name: str, id_: str, data: bytes) -> bytes:
    """Return an event whose data is JSON already, on one line."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), id_.encode(), data)


def heartbeat(id_: str) -> bytes:
    """Return a comment, which keeps proxies from closing the connection, and the latest id."""
    return b": alive\n%b\n" % _line(id_)


def _line(id_: str) -> bytes:
    return b"id: %b\n" % id_.encode() if id_ else b""


def last_id(request: Request, query: Query) -> str | None:
    """Return the id behind which the client wants to go on; the header is newer than the URL."""
    return request.headers.get("Last-Event-ID") or query.text(LAST_ID) or None
