"""A collector of traces: what an OpenTelemetry backend is to an engine."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """A span as it came over the wire."""

    trace_id: int
    span_id: int
    parent_id: int
    name: str
    attributes: dict[str, Any]
    links: tuple[tuple[int, int], ...]
    resource: dict[str, Any]


class Receiver:
    """An OTLP/HTTP endpoint on this machine; `spans` is what came, in order."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.spans: list[Received] = []
        self._came = threading.Condition()

    def take(self, request: Any) -> None:
        """Keep what came."""
        with self._came:
            for group in request.resource_spans:
                resource = _values(group.resource.attributes)
                for scope in group.scope_spans:
                    self.spans += [_received(span, resource) for span in scope.spans]
            self._came.notify_all()

    def until(self, count: int) -> list[Received]:
        """Wait for that many spans; return all."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.spans) >= count, 60), self.spans
            return [*self.spans]


def _values(attributes: Any) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }


def _received(span: Any, resource: dict[str, Any]) -> Received:
    def number(raw: bytes) -> int:
        return int.from_bytes(raw, "big")

    return Received(
        number(span.trace_id),
        number(span.span_id),
        number(span.parent_span_id),
        span.name,
        _values(span.attributes),
        tuple((number(link.trace_id), number(link.span_id)) for link in span.links),
        resource,
    )


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Give a collector that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take spans."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            receiver.take(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
