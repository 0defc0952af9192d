"""The outside world: a small HTTP service in a process of its own, which counts what it receives.

It never dies in the demo, so its counts are the truth. A request whose `Idempotency-Key` it has
seen before gets the first answer again and is not carried out a second time. Every event is told as
one line of JSON on standard output.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SLOW_S = 5.0
"""How long the bank thinks about a charge after it has carried it out: time enough for a crash."""


class Service(ThreadingHTTPServer):
    """Carries out requests, each key once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._lock = threading.Lock()
        self._answers: dict[str, dict[str, Any]] = {}
        self._carried_out = 0

    def handle(self, path: str, key: str | None, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request, or find that it was carried out before."""
        with self._lock:
            known = None if key is None else self._answers.get(key)
            if known is None:
                self._carried_out += 1
                answer = {"reference": f"{path.strip('/')}-{self._carried_out:03d}"}
                if key is not None:
                    self._answers[key] = answer
            else:
                answer = known
            tell({"event": "request", "path": path, "body": body, "new": known is None})
        if path == "/charge" and known is None:
            time.sleep(SLOW_S)
        return answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client dies before it gets its answer: that is what the demo shows."""


class Handler(BaseHTTPRequestHandler):
    """Reads one request and writes one answer, in JSON."""

    server: Service

    def do_POST(self) -> None:
        """Answer a POST."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.handle(self.path, self.headers["Idempotency-Key"], body)
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Leave the terminal to the demo."""


def tell(event: dict[str, Any]) -> None:
    """Write one event for whoever watches."""
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    service = Service()
    tell({"event": "listening", "port": service.server_port})
    service.serve_forever()
