"""An HTTP server on this machine, for what stands in for the outside world in the examples."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Localhost:
    """Serves at `url` until the end of the `with`; handlers find it as `self.server.owner`.

    Any free `port` is taken for 0.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int) -> None:
        self._server = Server(self, handler, port)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def until_interrupted(self) -> None:
        """Wait for Ctrl-C."""
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


class Server(ThreadingHTTPServer):
    """A thread for each connection, which ends with the program."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: Any, handler: type[BaseHTTPRequestHandler], port: int) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.owner = owner

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that died before they were answered."""
