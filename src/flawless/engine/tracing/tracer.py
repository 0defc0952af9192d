"""The part that speaks to OpenTelemetry: keeps stories, and hands spans to an exporter."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any, Final

from flawless.core.encoding import decode_entries
from flawless.core.entries import Entry, Invoked
from flawless.core.protocol import Performable, label
from flawless.engine.mishaps import report
from flawless.engine.telemetry import kind_of
from flawless.engine.tracing import context
from flawless.engine.tracing.identity import Place, RunIdentity, identity, read_traceparent
from flawless.engine.tracing.labels import host_of, span_name
from flawless.engine.tracing.settings import Tracing
from flawless.engine.tracing.story import Story, Told
from flawless.engine.version import version
from flawless.errors import UsageError
from flawless.ids import ExecutionId
from flawless.stores.base import Append, Chunk, Create, NextRun, Parent, Record, Result, Write

_log = logging.getLogger("flawless.tracing")

SHUTDOWN_S_MAX: Final = 5.0
"""How long a stop waits until the last spans are sent."""
_PATH: Final = "/v1/traces"


class Tracer:
    """Traces the executions of one engine. Use it from the loop's thread only."""

    def __init__(self, settings: Tracing) -> None:
        """Raises `UsageError` when OpenTelemetry is not installed."""
        self._settings = settings
        self._stories: dict[ExecutionId, Story] = {}
        try:
            self._spans = _Spans(settings)
        except ImportError as error:
            raise UsageError(
                "tracing needs OpenTelemetry, which is not installed: "
                f"pip install 'flawless-engine[tracing]' ({error})"
            ) from error

    async def close(self) -> None:
        """Send what is left, as far as that succeeds within `SHUTDOWN_S_MAX`."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def shut_down() -> None:
            try:
                self._spans.close()
            except Exception:  # (the exporter may be anybody's)
                _log.exception("the last spans could not be sent")
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, name="flawless-tracing-end", daemon=True).start()
        try:
            async with asyncio.timeout(SHUTDOWN_S_MAX):
                await done.wait()
        except TimeoutError:
            _log.warning("the last spans could not be sent within %g s", SHUTDOWN_S_MAX)

    # --- what the engine says -----------------------------------------------------------------

    def caller(self) -> str | None:
        """Return the `traceparent` of whoever starts an execution now, if they are traced."""
        try:
            return self._spans.current() or _known(context.given.get())
        except Exception:  # (what is current, anybody may have set)
            report(_log, "internal error while tracing")
            return None

    def loaded(self, record: Record, entries: Sequence[Entry]) -> None:
        """An execution comes into memory with this journal, which was told of already."""
        try:
            self._loaded(record, entries)
        except Exception:  # a bug of ours must not stop the executions
            report(_log, "internal error while tracing")

    def _loaded(self, record: Record, entries: Sequence[Entry]) -> None:
        if record.id in self._stories:
            return
        first = entries[0]
        assert isinstance(first, Invoked)
        story = self._story(record.id, first, record.parent)
        for entry in entries:
            for _ in story.take(entry):
                pass

    def durable(self, write: Write, result: Result) -> None:
        """Something was written: tell what it ends."""
        try:
            self._durable(write, result)
        except Exception:
            report(_log, "internal error while tracing")

    def _durable(self, write: Write, result: Result) -> None:
        match write:
            case Append(chunk=Chunk() as chunk):
                self._take(write.id, chunk)
            case Create() if result is None and write.wake_us is None:
                self._begin(write.id, write.chunk, write.parent)
            case NextRun():
                if write.last is not None:
                    self._take(write.id, write.last)
                if write.id in self._stories:
                    self._begin(write.id, write.chunk, None)
            case _:
                pass

    def begins(self, execution: ExecutionId, effect: int, request: Performable, now_us: int) -> str:
        """An effect is about to be performed; return its `traceparent`, or an empty text."""
        story = self._stories.get(execution)
        if story is None:
            return ""
        try:
            return story.begins(effect, label(request), kind_of(request), now_us).traceparent
        except Exception:
            report(_log, "internal error while tracing")
            return ""

    @property
    def propagates(self) -> bool:
        """Whether requests of workflows carry a `traceparent`."""
        return self._settings.propagate

    def left(self, execution: ExecutionId) -> None:
        """An execution has left memory."""
        self._stories.pop(execution, None)

    # --- inside -------------------------------------------------------------------------------

    def _begin(self, execution: ExecutionId, chunk: Chunk, parent: Parent | None) -> None:
        entries = decode_entries(execution, chunk.first_seq, chunk.data, chunk.count)
        first = entries[0]
        assert isinstance(first, Invoked)
        self._tell(self._story(execution, first, parent), entries)

    def _story(self, execution: ExecutionId, first: Invoked, parent: Parent | None) -> Story:
        links: list[Place] = []
        if (caller := read_traceparent(first.trace)) is not None:
            links.append(caller)
        if (origin := first.origin) is not None:
            links.append(self._identity(origin.execution, origin.run).root)
        if first.run > 1:
            links.append(self._identity(execution, first.run - 1).root)
        elif parent is not None:
            links.append(self._identity(parent.id, parent.run).effect(parent.effect))
        ids = self._identity(execution, first.run)
        story = self._stories[execution] = Story(execution, first, ids, links=tuple(links))
        return story

    def _take(self, execution: ExecutionId, chunk: Chunk) -> None:
        story = self._stories.get(execution)
        if story is None or chunk.first_seq != story.position:
            return  # it is not in memory: it is told of when it is
        entries = decode_entries(execution, chunk.first_seq, chunk.data, chunk.count)
        self._tell(story, entries)

    def _tell(self, story: Story, entries: Sequence[Entry]) -> None:
        for entry in entries:
            for told in story.take(entry):
                if told.place.sampled:
                    self._spans.tell(told)

    def _identity(self, execution: str, run: int) -> RunIdentity:
        settings = self._settings
        return identity(execution, run, namespace=settings.namespace, ratio=settings.ratio)


def _known(text: str | None) -> str | None:
    place = read_traceparent(text)
    return None if place is None else place.traceparent


class _Spans:
    """OpenTelemetry's SDK, imported only here. Spans are handed over as what they are: over."""

    def __init__(self, settings: Tracing) -> None:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._trace: Any = trace
        self._event: Any = Event
        self._span: Any = ReadableSpan
        resource = Resource.create(dict(settings.resource))
        if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "flawless"}))
        self._resource = resource
        self._scope = InstrumentationScope("flawless", version())
        self._processor: Any = BatchSpanProcessor(settings.exporter or _otlp(settings.endpoint))
        kind = trace.SpanKind
        self._kinds = {"http": kind.CLIENT, "send": kind.PRODUCER, "receive": kind.CONSUMER}

    def tell(self, told: Told) -> None:
        """Hand over a span; it is sent from another thread, or dropped if too many wait there."""
        trace = self._trace
        attributes: dict[str, Any] = dict(told.attributes)
        if told.kind == "http":
            method, _, url = told.label.partition(" ")
            attributes["http.request.method"] = method
            attributes["url.full"] = url
            attributes["server.address"] = host_of(url)
        status = trace.Status(trace.StatusCode.UNSET)
        if told.error is not None:
            attributes["error.type"] = told.error
            status = trace.Status(trace.StatusCode.ERROR, told.error)
        self._processor.on_end(
            self._span(
                name=span_name(told.kind, told.label),
                context=self._context(told.place),
                parent=None if told.parent is None else self._context(told.parent),
                resource=self._resource,
                attributes=attributes,
                events=[
                    self._event(event.name, event.attributes, timestamp=event.at_us * 1_000)
                    for event in told.events
                ],
                links=[trace.Link(self._context(place)) for place in told.links],
                kind=self._kinds.get(told.kind, trace.SpanKind.INTERNAL),
                status=status,
                start_time=told.began_us * 1_000,
                end_time=told.ended_us * 1_000,
                instrumentation_scope=self._scope,
            )
        )

    def current(self) -> str | None:
        """Return the `traceparent` of OpenTelemetry's current span, if there is one."""
        found = self._trace.get_current_span().get_span_context()
        if not found.is_valid:
            return None
        return Place(found.trace_id, found.span_id, found.trace_flags.sampled).traceparent

    def close(self) -> None:
        """Send what is left, and close the exporter."""
        self._processor.shutdown()

    def _context(self, place: Place) -> Any:
        trace = self._trace
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if place.sampled else 0)
        return trace.SpanContext(place.trace_id, place.span_id, is_remote=False, trace_flags=flags)


def _otlp(endpoint: str | None) -> Any:
    """Return an exporter to a collector; without an endpoint it follows the standard variables."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    if endpoint is None:
        return OTLPSpanExporter()
    whole = endpoint if endpoint.rstrip("/").endswith(_PATH) else endpoint.rstrip("/") + _PATH
    return OTLPSpanExporter(endpoint=whole)
