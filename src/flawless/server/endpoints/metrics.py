"""Metrics as Prometheus reads them, made of the engine's numbers when somebody asks.

docs/reference/metrics.md has them in a table, which a test holds against what is here.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from flawless.core.status import Status
from flawless.engine.histogram import Histogram
from flawless.engine.monitor import DUE_MAX, Backlog
from flawless.engine.service import Service
from flawless.engine.stats import Gauges
from flawless.engine.telemetry import Telemetry
from flawless.engine.version import version
from flawless.server.wire.traffic import Traffic

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_T = TypeVar("_T")
Labels: TypeAlias = tuple[str, ...]


async def exposition(service: Service, traffic: Traffic) -> bytes:
    """Return all metrics as text."""
    monitor = service.monitor
    found = _Families(
        monitor.telemetry,
        await monitor.gauges(),
        await monitor.backlog(),
        traffic,
        guests_max=service.settings.guests_max,
        ready=monitor.ready,
        failing=monitor.failing,
    )
    registry = CollectorRegistry()
    registry.register(found)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


@dataclass(frozen=True, slots=True, eq=False)
class _Families(Collector):
    """The metrics at one moment."""

    telemetry: Telemetry
    now: Gauges
    backlog: Backlog
    traffic: Traffic
    guests_max: int
    ready: bool
    failing: bool

    def collect(self) -> Iterator[Metric]:
        """Give all metrics."""
        yield from self._engine()
        yield from self._executions()
        yield from self._guests()
        yield from self._effects()
        yield from self._store()
        yield from self._http()

    def _engine(self) -> Iterator[Metric]:
        what = (version(), platform.python_version())
        yield _gauge(
            "build_info", "1; the labels say what runs here.", {what: 1}, "version", "python"
        )
        yield _gauge("ready", "1 while /readyz answers 200, else 0.", {(): self.ready})
        yield _histogram(
            "event_loop_lag_seconds",
            "By how much a timer of the event loop was late; measured twice a second.",
            {(): self.telemetry.lag_s},
        )

    def _executions(self) -> Iterator[Metric]:
        counted = self.telemetry
        yield _counter(
            "executions_started", "Executions begun.", _by_one(counted.started), "workflow"
        )
        yield _counter(
            "executions_ended",
            "Executions ended, by final status.",
            counted.ended,
            "workflow",
            "status",
        )
        yield _counter(
            "executions_continued",
            "Next runs begun with continue_as_new.",
            _by_one(counted.continued),
            "workflow",
        )
        yield _counter(
            "executions_retried", "Failed executions made to go on.", {(): counted.retried}
        )
        yield _histogram(
            "execution_duration_seconds",
            "From the beginning of a run to its end.",
            _by_one(counted.life_s),
            "workflow",
        )
        yield _gauge(
            "executions",
            "Executions in the store, by status.",
            {(status.value,): self.now.executions.get(status.value, 0) for status in Status},
            "status",
        )
        yield _gauge("executions_in_memory", "Executions in memory.", {(): self.now.in_memory})
        yield _gauge(
            "executions_queued", "Executions that wait for a guest.", {(): self.now.queued}
        )
        yield _gauge(
            "executions_due",
            f"Sleepers whose time has come, as the store has them, up to {DUE_MAX:,}.",
            _if_known(self.backlog.due),
        )
        yield _gauge(
            "due_lag_seconds",
            "How long ago the time of the first of them came.",
            _if_known(self.backlog.due_lag_s),
        )

    def _guests(self) -> Iterator[Metric]:
        replays = self.telemetry.replays
        yield _gauge("guests", "Guests alive.", {(): self.now.guests})
        yield _gauge("guests_max", "Guests that may be alive at a time.", {(): self.guests_max})
        yield _counter(
            "evictions", "Guests dropped while they waited.", {(): self.telemetry.evictions}
        )
        yield _counter(
            "replays", "Guests brought back to where they were.", _by_one(replays.counts), "reason"
        )
        yield _counter(
            "replayed_entries", "Answers that replays took from journals.", {(): replays.entries}
        )
        yield _histogram(
            "replay_duration_seconds",
            "From reading a journal until the guest is where it was.",
            {(): replays.times},
        )

    def _effects(self) -> Iterator[Metric]:
        counted = self.telemetry
        yield _histogram(
            "effect_duration_seconds",
            "From the beginning of a performed effect to its outcome, with all attempts.",
            _by_one(counted.effect_s),
            "kind",
        )
        yield _counter(
            "effects_failed",
            "Performed effects whose outcome was an error.",
            _by_one(counted.effects_failed),
            "kind",
        )
        yield _gauge("effects_in_flight", "Effects being performed.", {(): self.now.in_flight})
        yield _counter(
            "step_attempts",
            "Attempts of steps begun.",
            {(): counted.step_attempts + counted.step_retries},
        )
        yield _counter(
            "step_retries",
            "Attempts that failed and were followed by another.",
            {(): counted.step_retries},
        )
        yield _counter(
            "messages",
            "Messages sent to executions, by what became of them.",
            _by_one(counted.messages),
            "outcome",
        )

    def _store(self) -> Iterator[Metric]:
        counted = self.telemetry
        yield _histogram(
            "commit_duration_seconds",
            "From a batch of writes to its durability.",
            {(): counted.commit_s},
        )
        yield _histogram("commit_writes", "Writes in a batch.", {(): counted.commit_writes})
        yield _counter(
            "journal_entries", "Entries written to journals.", {(): counted.journal_entries}
        )
        yield _counter("journal_bytes", "Bytes written to journals.", {(): counted.journal_bytes})
        yield _gauge(
            "store_size_bytes", "Space the store takes.", _if_known(self.backlog.size_bytes)
        )
        yield _gauge(
            "store_failing", "1 while the store takes no writes, else 0.", {(): self.failing}
        )
        yield _counter(
            "store_problems", "Times the store stopped taking writes.", {(): counted.store_problems}
        )

    def _http(self) -> Iterator[Metric]:
        traffic = self.traffic
        yield _counter(
            "http_requests",
            "Requests answered, by route as the API describes it.",
            traffic.requests,
            "method",
            "route",
            "status",
        )
        yield _histogram(
            "http_answer_seconds",
            "From a request to the beginning of its answer; what a request waits for is included.",
            _by_one(traffic.answer_s),
            "route",
        )
        yield _gauge("http_requests_in_flight", "Requests being answered.", {(): traffic.in_flight})
        yield _gauge(
            "event_streams",
            "Streams of server-sent events being read.",
            _by_one(traffic.readers),
            "route",
        )


def _by_one(values: Mapping[str, _T]) -> dict[Labels, _T]:
    """Return values that have one label, as those with any number of labels."""
    return {(label,): value for label, value in values.items()}


def _if_known(value: float | None) -> dict[Labels, float]:
    return {} if value is None else {(): value}


def _gauge(name: str, text: str, values: Mapping[Labels, float], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"flawless_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def _counter(name: str, text: str, values: Mapping[Labels, float], *labels: str) -> Metric:
    family = CounterMetricFamily(f"flawless_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def _histogram(name: str, text: str, values: Mapping[Labels, Histogram], *labels: str) -> Metric:
    family = HistogramMetricFamily(f"flawless_{name}", text, labels=labels)
    for label_values, found in values.items():
        bounds = [*map(str, found.bounds), "+Inf"]
        below = [*zip(bounds, accumulate(found.counts), strict=True)]
        family.add_metric(label_values, below, found.total)
    return family
