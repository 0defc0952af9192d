"""The trace context of whoever calls, and of what the engine calls."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import Any

from flawless.engine.tracing.identity import read_traceparent

given: ContextVar[str | None] = ContextVar("flawless_traceparent", default=None)
"""The `traceparent` of the request that is being answered."""


class Within:
    """Makes a span OpenTelemetry's current one, so that instrumented libraries join its trace.

    An empty text means that there is no trace: nothing is done. Nor is it where OpenTelemetry is
    not installed, as it may be with a worker process. (No generator: an exception that passes keeps
    its traceback as it is.)
    """

    __slots__ = ("_detach", "_token", "_traceparent")

    def __init__(self, traceparent: str) -> None:
        self._traceparent = traceparent
        self._detach: Any = None
        self._token: Any = None

    def __enter__(self) -> None:
        if self._traceparent:
            self._attach()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._detach is not None:
            self._detach(self._token)

    def _attach(self) -> None:
        place = read_traceparent(self._traceparent)
        try:
            from opentelemetry import context, trace
        except ImportError:
            return
        assert place is not None, "it is our own"
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if place.sampled else 0)
        found = trace.SpanContext(place.trace_id, place.span_id, is_remote=False, trace_flags=flags)
        self._detach = context.detach
        self._token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(found)))
