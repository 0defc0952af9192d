"""The last hour in samples, for charts of people who have no monitoring system at hand."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from flawless.engine.histogram import EFFECT_S, Histogram
from flawless.engine.telemetry import Telemetry

INTERVAL_S: Final = 5.0
SAMPLES_MAX: Final = 720
"""One hour."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """How things stand at one moment."""

    at_us: int
    executions: dict[str, int]
    """By status."""
    guests: int
    in_memory: int
    queued: int
    in_flight: int
    memory_bytes: int
    cpu_s: float
    lag_s: float
    """By how much the loop was late, at worst, since the moment before."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stood at one moment, and what happened since the sample before.

    Counts are of the time between the two, `interval_s` seconds; quantiles are None when nothing
    was measured in it.
    """

    gauges: Gauges
    interval_s: float
    started: int
    ended: int
    failed: int
    effects: int
    effects_failed: int
    steps: int
    step_ms_p50: float | None
    step_ms_p95: float | None
    retries: int
    replays: int
    evictions: int
    messages: int
    commits: int
    writes: int
    commit_ms_p50: float | None
    commit_ms_p95: float | None
    journal_bytes: int
    cpu: float
    """Cores that were busy for this process, on average."""


class Stats:
    """Takes a sample whenever it is asked to; only the latest `SAMPLES_MAX` are kept."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)
        self._before: _Totals | None = None

    @property
    def samples(self) -> list[Sample]:
        """The samples there are, the earliest first."""
        return [*self._samples]

    def behind(self, at_us: int) -> list[Sample]:
        """Return the samples taken after the one of that moment.

        If there is no such one (any more), they are those of later moments.
        """
        samples = self.samples
        for place in range(len(samples) - 1, -1, -1):  # (not by order: a clock may be set back)
            if samples[place].gauges.at_us == at_us:
                return samples[place + 1 :]
        return [one for one in samples if one.gauges.at_us > at_us]

    def take(self, gauges: Gauges, interval_s: float) -> None:
        """Take a sample; the first one only begins to count."""
        now = _totals(self._telemetry, gauges.cpu_s)
        before, self._before = self._before, now
        if before is None:
            return
        steps = now.step_s.since(before.step_s)
        commits = now.commit_s.since(before.commit_s)
        self._samples.append(
            Sample(
                gauges,
                interval_s,
                started=now.started - before.started,
                ended=now.ended - before.ended,
                failed=now.failed - before.failed,
                effects=now.effects - before.effects,
                effects_failed=now.effects_failed - before.effects_failed,
                steps=steps.count,
                step_ms_p50=_ms(steps, 0.5),
                step_ms_p95=_ms(steps, 0.95),
                retries=now.retries - before.retries,
                replays=now.replays - before.replays,
                evictions=now.evictions - before.evictions,
                messages=now.messages - before.messages,
                commits=commits.count,
                writes=now.writes - before.writes,
                commit_ms_p50=_ms(commits, 0.5),
                commit_ms_p95=_ms(commits, 0.95),
                journal_bytes=now.journal_bytes - before.journal_bytes,
                cpu=max(0.0, now.cpu_s - before.cpu_s) / interval_s,
            )
        )


@dataclass(frozen=True, slots=True)
class _Totals:
    """What only grows."""

    started: int
    ended: int
    failed: int
    effects: int
    effects_failed: int
    retries: int
    replays: int
    evictions: int
    messages: int
    writes: int
    journal_bytes: int
    step_s: Histogram
    commit_s: Histogram
    cpu_s: float


def _totals(telemetry: Telemetry, cpu_s: float) -> _Totals:
    steps = telemetry.effect_s.get("step")
    return _Totals(
        started=telemetry.started.total(),
        ended=telemetry.ended.total(),
        failed=sum(n for (_, status), n in telemetry.ended.items() if status == "failed"),
        effects=sum(times.count for times in telemetry.effect_s.values()),
        effects_failed=telemetry.effects_failed.total(),
        retries=telemetry.step_retries,
        replays=telemetry.replays.counts.total(),
        evictions=telemetry.evictions,
        messages=telemetry.messages["sent"],
        writes=round(telemetry.commit_writes.total),
        journal_bytes=telemetry.journal_bytes,
        step_s=Histogram(EFFECT_S) if steps is None else steps.copy(),
        commit_s=telemetry.commit_s.copy(),
        cpu_s=cpu_s,
    )


def _ms(times: Histogram, share: float) -> float | None:
    value = times.quantile(share)
    return None if value is None else round(value * 1_000, 3)
