"""The ledger: a process of its own that writes down every effect it sees, and never dies.

    POST/GET/... /RUN/NAME[?delay=SECONDS]   one effect; the answer depends on nothing else
    GET /_/RUN                               what was seen of that run, in order

A `Ledger` is the handle the tests hold.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Seen:
    """One effect as it arrived. `attempt` is 1 for plain HTTP requests."""

    name: str
    method: str
    key: str | None
    attempt: int
    body: dict[str, Any]


class Ledger:
    """The process, and what it has seen."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def seen(self, run: str) -> list[Seen]:
        """Return the effects of a run in the order of their arrival."""
        with urllib.request.urlopen(f"{self.url}/_/{run}", timeout=10) as answer:
            return [Seen(**record) for record in json.load(answer)]

    def close(self) -> None:
        """End the process."""
        with self._process:
            self._process.kill()


def answer_to(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return what the ledger answers to an effect: it depends on nothing else."""
    certain = {field: value for field, value in body.items() if field != "chance"}
    text = json.dumps([name, certain], sort_keys=True)
    return {"answer": hashlib.sha256(text.encode()).hexdigest()[:8]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.runs: dict[str, list[dict[str, Any]]] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that died before they were answered: that is the point."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        raw = self.rfile.read(length)
        if len(raw) < length:  # the client died before all of its request had left
            self.close_connection = True
            return
        address = urlsplit(self.path)
        _, run, name = address.path.split("/")
        if run == "_":
            self._send(self.server.runs.get(name, []))
            return
        body = json.loads(raw) if raw else {}
        record = {
            "name": name,
            "method": self.command,
            "key": self.headers["Idempotency-Key"],
            "attempt": int(self.headers.get("Attempt", 1)),
            "body": body,
        }
        with self.server.lock:
            self.server.runs.setdefault(run, []).append(record)
        for delay in parse_qs(address.query).get("delay", []):
            threading.Event().wait(float(delay))
        self._send(answer_to(name, body))

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 (names of http.server)

    def _send(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (name of http.server)
        """Say nothing."""


if __name__ == "__main__":
    server = _Server()
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # ends when whoever started the ledger does
