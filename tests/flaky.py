"""A bad connection: a proxy before a real server that loses requests and answers as it is told."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

LOSE_REQUEST = "lose the request"
LOSE_ANSWER = "lose the answer"
CUT_ANSWER = "cut the answer"
BUSY = "say busy"


class Flaky:
    """What happens to the next requests, one mishap each; those after them pass."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.mishaps: list[str] = []
        self.seen: list[str] = []


@contextmanager
def flaky(server: str) -> Iterator[Flaky]:
    """Give the address of a bad connection to a server."""
    upstream = httpx.Client(base_url=server, trust_env=False, timeout=90)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Pass a request on, or not."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            mishap = state.mishaps.pop(0) if state.mishaps else ""
            state.seen.append(f"{self.command} {self.path.partition('?')[0]}")
            if mishap == LOSE_REQUEST:
                return self.drop()
            if mishap == BUSY:
                return self.reply(503, b"", {"Retry-After": "0"})
            kept = {n: v for n, v in self.headers.items() if n.lower() == "content-type"}
            answer = upstream.request(self.command, self.path, content=body, headers=kept)
            if mishap == LOSE_ANSWER:
                return self.drop()
            self.reply(
                answer.status_code,
                answer.content,
                {"Content-Type": answer.headers["Content-Type"]},
                cut=mishap == CUT_ANSWER,
            )
            return None

        do_POST = do_GET  # noqa: N815 (what the base class looks for)

        def reply(
            self, status: int, content: bytes, headers: dict[str, str], *, cut: bool = False
        ) -> None:
            """Answer, with half of the content if it is to be cut."""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self.drop()

        def drop(self) -> None:
            """Break the connection."""
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as proxy, upstream:
        state = Flaky(f"http://127.0.0.1:{proxy.server_port}")
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield state
        finally:
            proxy.shutdown()
            thread.join()
