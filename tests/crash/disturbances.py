"""What befalls an engine's process in one of its lives, and the clock it lives by.

A life is written as tokens joined by commas, each a setting or a point with what happens there:

    commit:7:before               it is killed (see `points.py` for what a point is)
    commit:7:before=freeze:1.5    it is stopped by SIGSTOP, and goes on after so many seconds
    commit:7:before=frozen:0.3    it is stopped, and killed after so many seconds, while stopped
    perform:2:after=ahead:86400   its clock jumps: it is so many seconds ahead of the machine's now
    time:0.4=eat                  it takes all the memory it can get, until it is killed
    time:0.4=starve:0.3           no more memory is given to it, and so many seconds later it dies

    ahead:-3600                   its clock is that far ahead (or behind) when it begins
    memory:300                    whoever watches kills it when it has more than so many megabytes,
                                  as an out-of-memory killer does
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from flawless.engine.clock import SystemClock

KILLING = ("kill", "frozen", "eat", "starve")
"""What no process survives."""

_SETTINGS = ("ahead", "memory")
_MIB = 1 << 20
_OOM_LOOK_S = 0.005


class MovableClock(SystemClock):
    """The machine's clock, set ahead or back. Its timers are the loop's, and know of no jump."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return time.time_ns() // 1_000 + round(self.ahead_s * 1_000_000)


def settings_of(life: str) -> dict[str, float]:
    """Return the settings among a life's tokens."""
    found = {}
    for token in filter(None, life.split(",")):
        name, _, value = token.partition(":")
        if name in _SETTINGS and "=" not in token:
            found[name] = float(value)
    return found


def actions_of(life: str) -> dict[str, str]:
    """Return what happens at which points."""
    pairs = [token.partition("=") for token in filter(None, life.split(","))]
    return {
        point: action or "kill"
        for point, _, action in pairs
        if action or point.partition(":")[0] not in _SETTINGS
    }


def kills(life: str) -> Iterator[str]:
    """Yield the points of a life at which it ends."""
    for point, action in actions_of(life).items():
        if action.partition(":")[0] in KILLING:
            yield point


def carry_out(action: str, clock: MovableClock) -> None:
    """Let it happen to this process."""
    name, _, number = action.partition(":")
    match name:
        case "kill":
            die()
        case "freeze":
            _freeze(f"kill -CONT {os.getpid()}", float(number))
        case "frozen":
            _freeze(f"kill -KILL {os.getpid()}", float(number))
        case "ahead":
            clock.ahead_s = float(number)
        case "eat":
            threading.Thread(target=_eat, daemon=True).start()
        case "starve":
            threading.Thread(target=_starve, args=[float(number)], daemon=True).start()
        case _:
            raise ValueError(action)


def die() -> None:
    """Die as if the power had gone: no clean-up, no `finally`, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_if_too_large(process: int, bytes_max: float) -> None:
    """Watch a process until it has ended or has more memory than this; then kill it."""
    looking = threading.Event()
    while os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if resident(process) > bytes_max:
            os.kill(process, signal.SIGKILL)
            return
        looking.wait(_OOM_LOOK_S)


def resident(process: int) -> int:
    """Return how much memory a process has, in bytes."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages) * mmap.PAGESIZE


_thawing: list[subprocess.Popen[bytes]] = []


def _freeze(then: str, after_s: float) -> None:
    """Stop, with all threads, until somebody else acts: who is stopped cannot."""
    _thawing.append(subprocess.Popen(["sh", "-c", f"sleep {after_s}; {then}"]))
    os.kill(os.getpid(), signal.SIGSTOP)


def _eat() -> None:
    """Take memory, and use it."""
    hoard = []
    while True:
        hoard.append(b"x" * (8 * _MIB))
        threading.Event().wait(0.001)


def _starve(while_s: float) -> None:
    """Let the system refuse all memory beyond what there is, then die."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = pages * mmap.PAGESIZE + _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    hoard = []
    until = time.monotonic() + while_s
    while time.monotonic() < until:
        try:
            hoard.append(bytearray(1 << 16))
        except MemoryError:
            threading.Event().wait(0.001)
    die()
