"""The workloads, each given to one engine with an empty store, and what is measured in them."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from typing import Any, Final

from benchmarks.peers import crashes, probes
from benchmarks.peers.figures import Figure
from benchmarks.peers.peer import Peer
from benchmarks.peers.probes import Clock
from benchmarks.peers.sizes import Sizes

WARM_UP: Final = 20


Figures = Iterator[Figure]


def noop_latency(peer: Peer, sizes: Sizes) -> Figures:
    """(a) No-op executions one after the other, start to result."""
    with Clock(peer.numbers) as clock:
        ms = [seconds * 1e3 for seconds in peer.latencies("noop", sizes.sequential)]
    yield Figure("noop_p50_ms", statistics.median(ms), "ms", len(ms), _computed(clock, len(ms)))
    yield Figure("noop_p99_ms", probes.percentile(ms, 99), "ms", len(ms))


def noop_rate(peer: Peer, sizes: Sizes) -> Figures:
    """(b) No-op executions, a number of them at once."""
    with Clock(peer.numbers) as clock:
        results = peer.many("noop", [()] * sizes.noops, sizes.at_once)
    assert results == [0] * sizes.noops
    computed = _computed(clock, sizes.noops)
    yield Figure("noops_per_s", sizes.noops / clock.passed_s, "/s", sizes.noops, computed)


def sequential_steps(peer: Peer, sizes: Sizes) -> Figures:
    """(c) Steps of one execution."""
    clock = _steps(peer, sizes.steps, 1)
    computed = _computed(clock, sizes.steps)
    yield Figure("step_ms", clock.passed_s / sizes.steps * 1e3, "ms", sizes.steps, computed)


def linear(peer: Peer, sizes: Sizes) -> Figures:
    """(c2) A step among many, beside a step among a quarter of them."""
    few, many = sizes.long_steps // 4, sizes.long_steps
    few_s, many_s = (_steps(peer, count, 1).passed_s / count for count in (few, many))
    yield Figure("long_step_ms", many_s * 1e3, "ms", many)
    yield Figure("long_to_short_ratio", many_s / few_s, "x", many)


def concurrent_steps(peer: Peer, sizes: Sizes) -> Figures:
    """(d) Many executions of few steps, and what they leave behind."""
    steps = sizes.fan * sizes.fan_steps
    stored, written = peer.store_bytes(), probes.device_bytes_written(peer.folder)
    clock = _steps(peer, sizes.fan_steps, sizes.fan)
    yield Figure("fan_steps_per_s", steps / clock.passed_s, "/s", steps, _computed(clock, steps))
    written = probes.device_bytes_written(peer.folder) - written
    yield Figure("store_bytes_per_step", (peer.store_bytes() - stored) / steps, "bytes", steps)
    yield Figure("disk_bytes_per_step", written / steps, "bytes", steps)


def wide_steps(peer: Peer, sizes: Sizes) -> Figures:
    """(d2) Many executions of many steps."""
    steps = sizes.wide * sizes.wide_steps
    clock = _steps(peer, sizes.wide_steps, sizes.wide)
    yield Figure("wide_steps_per_s", steps / clock.passed_s, "/s", steps, _computed(clock, steps))


def steady_load(peer: Peer, sizes: Sizes) -> Figures:
    """(h) No-op executions at half the rate that the engine can do, each due at its time."""
    count = max(sizes.noops // 4, sizes.at_once)
    with Clock(peer.numbers) as clock:
        peer.many("noop", [()] * count, sizes.at_once)
    per_s = count / clock.passed_s / 2
    ms = [seconds * 1e3 for seconds in peer.steadily("noop", per_s, sizes.load_s)]
    extra = {"per_s": round(per_s, 1)}
    yield Figure("load_p50_ms", statistics.median(ms), "ms", len(ms), extra)
    yield Figure("load_p99_ms", probes.percentile(ms, 99), "ms", len(ms), extra)


def _steps(peer: Peer, each: int, executions: int) -> Clock:
    """Make steps, in so many executions at once; return what it took."""
    with Clock(peer.numbers) as clock:
        results = peer.many("steps", [(each,)] * executions, executions)
    assert results == [sum(range(each))] * executions, "each step's result came back"
    return clock


def _computed(clock: Clock, count: int) -> dict[str, Any]:
    """Return what each took of the processors, which other programs disturb less than time."""
    return {"computed_ms": round(clock.computed_s / count * 1e3, 3)}


def _opened(work: Callable[[Peer, Sizes], Figures]) -> Callable[[Peer, Sizes], Figures]:
    """Let it work on an engine that is open in this process, and warm."""

    def block(peer: Peer, sizes: Sizes) -> Figures:
        peer.open()
        try:
            peer.latencies("noop", min(WARM_UP, sizes.sequential))
            peer.many("steps", [(WARM_UP,)], 1)
            os.sync()
            yield from work(peer, sizes)
        finally:
            peer.close()

    return block


BLOCKS: Final[dict[str, Callable[[Peer, Sizes], Figures]]] = {
    "a": _opened(noop_latency),
    "b": _opened(noop_rate),
    "c": _opened(sequential_steps),
    "c2": _opened(linear),
    "d": _opened(concurrent_steps),
    "d2": _opened(wide_steps),
    "h": _opened(steady_load),
    "e1": crashes.overdue,
    "e2": crashes.midstep,
    "e3": crashes.many_midstep,
    "g": crashes.sleeping,
    "g2": crashes.many_sleeping,
    "r": crashes.caught_up,
    "sleepers": crashes.prepare_sleepers,
}
