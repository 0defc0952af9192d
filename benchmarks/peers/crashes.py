"""The workloads in which an engine is killed, and those in which it only holds what sleeps.

The engine runs in processes of its own; steps leave marks in a file, which no kill takes back.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.peers import probes
from benchmarks.peers.figures import Figure
from benchmarks.peers.marks import Marks, gate_of
from benchmarks.peers.peer import Peer
from benchmarks.peers.sizes import Sizes

FOREVER_S: Final = 1_000_000.0
SETTLE_S: Final = 2.0
"""After the last mark, so that what follows it is recorded as well."""
RESTARTS: Final = 3
IDLE_S_MAX: Final = 60.0

Figures = Iterator[Figure]


def overdue(peer: Peer, sizes: Sizes) -> Figures:
    """(e1) Executions that sleep at the kill and are overdue when the engine is back."""
    marks = Marks(peer.marks)
    peer.spawn()
    started = peer.begin("nap", sizes.killed, sizes.sleep_s, sizes.at_once, sizes.start_limit_s)
    marks.wait("a", started, sizes.start_limit_s, peer.alive)
    last = max(marks.of("a").values())
    time.sleep(SETTLE_S)
    peer.kill()
    time.sleep(max(0.0, last + sizes.sleep_s + 1 - time.time()))
    marks.update()
    left = started - len(marks.of("b"))
    resumed_s = _resumed(peer, marks, sizes, "b", left)
    yield Figure("overdue_resumed_s", resumed_s["b"], "s", left)


def midstep(peer: Peer, sizes: Sizes) -> Figures:
    """(e2) Executions killed in their second step of ten."""
    marks, started = Marks(peer.marks), _blocked(peer, sizes, sizes.killed, 10)
    seconds = _resumed(peer, marks, sizes, "s9", started)
    yield Figure("midstep_resumed_s", seconds["s1"], "s", started)
    yield Figure("midstep_done_s", seconds["s9"], "s", started)


def many_midstep(peer: Peer, sizes: Sizes) -> Figures:
    """(e3) Very many executions killed in their second step of three.

    Where fewer could be started, or resumed, in the time there is, what all of them would take is
    calculated from the rate after the first one, and says so.
    """
    wanted, began = sizes.killed_many, time.monotonic()
    marks = Marks(peer.marks)
    started = _blocked(peer, sizes, wanted, 3, marks)
    blocked, started_s = len(marks.of("s1")), time.monotonic() - began
    marks.forget()
    spawned = time.time()
    peer.spawn()
    reached = marks.wait("s1", started, sizes.recovery_limit_s, peer.alive)
    if not reached:
        raise TimeoutError(f"none of {started} resumed within {sizes.recovery_limit_s:.0f} s")
    first, seconds = (pick(marks.of("s1").values()) - spawned for pick in (min, max))
    all_s = first + (seconds - first) * wanted / reached
    extra = {
        "started": started, "started_s": round(started_s, 1), "in_step_at_kill": blocked,
        "resumed": reached, "resumed_s": round(seconds, 2),
        "calculated": reached < wanted,
    }  # fmt: skip
    yield Figure("many_resumed_s", all_s, "s", reached, extra)
    yield Figure("many_resumed_per_s", reached / seconds, "/s", reached)


def sleeping(peer: Peer, sizes: Sizes) -> Figures:
    """(g) The memory of all of the engine's processes, idle and with executions that sleep."""
    marks = Marks(peer.marks)
    peer.spawn()
    peer.ready()
    yield Figure("idle_mb", probes.memory_bytes(peer.numbers()) / 1e6, "MB", 1)
    started = peer.begin("nap", sizes.sleepers, FOREVER_S, sizes.at_once, sizes.start_limit_s)
    reached = marks.wait("a", started, sizes.start_limit_s, peer.alive)
    time.sleep(SETTLE_S)
    _idle(peer)
    used = probes.memory_bytes(peer.numbers()) / 1e6
    yield Figure("sleeping_mb", used, "MB", reached, {"of": sizes.sleepers})


def many_sleeping(peer: Peer, sizes: Sizes) -> Figures:
    """(g2) Start-up and memory with very many sleepers in the store."""
    count = restored(peer) or _many_sleepers(peer, sizes)
    began = time.monotonic()
    peer.spawn()
    peer.ready()
    seconds = time.monotonic() - began
    _idle(peer)
    extra = {"of": sizes.sleepers_many}
    yield Figure("many_sleepers_start_s", seconds, "s", count, extra)
    used = probes.memory_bytes(peer.numbers()) / 1e6
    yield Figure("many_sleepers_mb", used, "MB", count, extra)
    yield Figure("sleeper_kb", used * 1e3 / count, "kB", count, extra)


def prepare_sleepers(peer: Peer, sizes: Sizes) -> Figures:
    """Make the store that (g2) begins with, and keep it."""
    began = time.monotonic()
    count = _many_sleepers(peer, sizes)
    (peer.folder / "sleepers").write_text(str(count))
    yield Figure("prepared_sleepers", count, "", count, {"s": round(time.monotonic() - began)})


def restored(peer: Peer) -> int:
    """Return how many sleepers are in the store that was prepared and copied; 0: none was."""
    path = peer.folder / "sleepers"
    return int(path.read_text()) if path.exists() else 0


def copy_prepared(source: Path, folder: Path) -> None:
    """Begin with a store that was made before."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)


def caught_up(peer: Peer, sizes: Sizes) -> Figures:
    """(r) How long after a restart an execution of many steps runs its next one.

    What an execution without steps takes is subtracted for the rate: start-up is no replay.
    """
    empty_s = _caught_up_s(peer, sizes, 0)
    peer.kill()
    full_s = _caught_up_s(peer, sizes, sizes.long_steps)
    yield Figure("caught_up_s", full_s, "s", sizes.long_steps, {"without_steps_s": empty_s})
    if full_s > empty_s:
        rate = sizes.long_steps / (full_s - empty_s)
        yield Figure("replay_per_s", rate, "/s", sizes.long_steps)


def _caught_up_s(peer: Peer, sizes: Sizes, steps: int) -> float:
    """Return the median of some restarts; only the newest execution's marks count."""
    marks = Marks(peer.marks)
    peer.spawn()
    peer.ready()
    marks.forget()
    peer.begin("long", 1, steps, 1, sizes.start_limit_s)
    before = int(steps > 0)  # an execution without steps is there as well, and marks again
    _lines(marks, 1, sizes, peer)
    time.sleep(SETTLE_S / 4)
    taken = []
    for _ in range(RESTARTS):
        peer.kill()
        marks.forget()
        spawned = time.time()
        peer.spawn()
        _lines(marks, 1 + before, sizes, peer)
        taken.append(marks.newest - spawned)
    return statistics.median(taken)


def _lines(marks: Marks, count: int, sizes: Sizes, peer: Peer) -> None:
    end = time.monotonic() + sizes.recovery_limit_s
    while marks.lines < count:
        if time.monotonic() > end:
            raise TimeoutError(f"{marks.lines} of {count} executions went on")
        peer.alive()
        time.sleep(0.02)
        marks.update()


def _blocked(peer: Peer, sizes: Sizes, count: int, steps: int, marks: Marks | None = None) -> int:
    """Start executions that block in their second step, kill the engine, and open the gate."""
    marks = marks or Marks(peer.marks)
    peer.spawn()
    peer.ready()
    started = peer.begin("blocked", count, steps, sizes.at_once, sizes.start_limit_s)
    marks.wait("s1", started, sizes.start_limit_s, peer.alive, quiet_s=3.0)
    time.sleep(SETTLE_S / 4)
    peer.kill()
    marks.update()
    gate_of(peer.marks).touch()
    return started


def _resumed(peer: Peer, marks: Marks, sizes: Sizes, tag: str, count: int) -> dict[str, float]:
    """Start the engine again; return when the last execution left each mark, in seconds."""
    marks.forget()
    spawned = time.time()
    peer.spawn()
    reached = marks.wait(tag, count, sizes.recovery_limit_s, peer.alive)
    if reached < count:
        raise TimeoutError(
            f"{reached} of {count} executions were through after {sizes.recovery_limit_s:.0f} s"
        )
    return {tag: max(at.values()) - spawned for tag, at in marks.first.items()}


def _many_sleepers(peer: Peer, sizes: Sizes) -> int:
    peer.spawn()
    peer.ready()
    count = peer.begin(
        "sleeper", sizes.sleepers_many, FOREVER_S, 2 * sizes.at_once, sizes.bulk_limit_s
    )
    time.sleep(SETTLE_S)
    _idle(peer)
    peer.kill()
    return count


def _idle(peer: Peer) -> None:
    """Wait until the engine computes next to nothing: what was started has come to rest."""
    end = time.monotonic() + IDLE_S_MAX
    while time.monotonic() < end:
        clock = probes.Clock(peer.numbers)
        with clock:
            time.sleep(1.0)
        if clock.computed_s < 0.15:
            return
