"""What is measured during a soak: the server from outside, and what it says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import urlopen

from crowd import Crowd
from ledger import Ledger
from soak_server import Served

REQUESTS = 6
TICKS_S = os.sysconf("SC_CLK_TCK")
STRAY_S_MAX = 10.0
"""So long after the end of a life may its processes still be there: they notice it themselves."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at everything. Sizes in MiB; the CPU figures are of the time since the last look."""

    at_s: float
    """Since the beginning of the soak."""
    life: int
    age_s: float
    """Since the life was ready; negative before that."""
    rss_mib: float
    pss_mib: float
    """Of the engine's process; what is shared is divided among those who share it."""
    workers: int
    """Processes of steps that run in one of their own."""
    workers_pss_mib: float
    handles: int
    threads: int
    guests: float
    in_memory: float
    queued: float
    running: float
    waiting: float
    ended: float
    """Executions in the store by what the engine says of them, children included."""
    store_mib: float
    log_mib: float
    server_cpu: float
    """Cores used by the server's processes."""
    load_cpu: float
    """Cores used by the soak itself and its ledger."""
    foreign_cpu: float
    """Cores used by whatever else runs on this machine, and time that its host took away."""
    yardstick_ms: float
    """What six small requests to the ledger take without the server: how slow the machine is."""
    errors: int
    """Heard by clients so far, while the server was away."""


class Sampler:
    """Looks every few seconds, and writes what it sees into a file, a line each."""

    def __init__(
        self, file: Path, served: Served, crowd: Crowd, ledger: Ledger, every_s: float
    ) -> None:
        self._file = file
        self._served = served
        self._crowd = crowd
        self._ledger = ledger
        self._every_s = every_s
        self.began_s = time.time()
        self._cpu_s: dict[int, float] = {}
        self._busy_s, self._looked_s = _busy_s(), time.monotonic()
        self._strays: dict[str, float] = {}
        self.samples: list[Sample] = []
        self.orphans: set[str] = set()
        """Processes that outlived their server."""

    async def run(self) -> None:
        """Look until cancelled."""
        with self._file.open("a") as file:
            while True:
                await asyncio.sleep(self._every_s)
                sample = await self.look()
                if sample is not None:
                    self.samples.append(sample)
                    file.write(json.dumps(asdict(sample)) + "\n")
                    file.flush()

    async def look(self) -> Sample | None:
        """Return how everything is now, or nothing where a server is only coming or going."""
        self.look_for_orphans()
        life, pid = self._served.now, self._served.pid
        metrics = await self._served.metrics()
        if pid is None or not metrics or not self._served.lives_on():
            return None
        try:
            children = _children(pid)
            memory = _memory(pid)
            worked = [_memory(child)[1] for child in children]
            handles = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 (only their number counts)
            threads = len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 (the same)
        except OSError:
            return None  # it has just ended
        server, load, foreign = self._cpu([pid, *children])
        status = {
            name: metrics.get(f'flawless_executions{{status="{name}"}}', 0.0)
            for name in ("running", "waiting", "completed", "failed", "cancelled")
        }
        store = self._served.store
        return Sample(
            at_s=round(time.time() - self.began_s, 2),
            life=life.number,
            age_s=round(time.time() - (life.ready_s or time.time()), 2),
            rss_mib=memory[0],
            pss_mib=memory[1],
            workers=len(children),
            workers_pss_mib=round(sum(worked), 2),
            handles=handles,
            threads=threads,
            guests=metrics.get("flawless_guests", 0.0),
            in_memory=metrics.get("flawless_executions_in_memory", 0.0),
            queued=metrics.get("flawless_executions_queued", 0.0),
            running=status["running"],
            waiting=status["waiting"],
            ended=status["completed"] + status["failed"] + status["cancelled"],
            store_mib=_size(store),
            log_mib=_size(store.with_name(store.name + "-wal")),
            server_cpu=server,
            load_cpu=load,
            foreign_cpu=foreign,
            yardstick_ms=await asyncio.to_thread(self._measure),
            errors=self._crowd.errors.total(),
        )

    def _measure(self) -> float:
        began = time.perf_counter()
        for number in range(REQUESTS):
            with urlopen(f"{self._ledger.url}/yardstick/{number}", timeout=60) as answer:
                answer.read()
        return round((time.perf_counter() - began) * 1_000, 2)

    def look_for_orphans(self) -> None:
        """Note the processes of lives that have been over for too long."""
        now = time.monotonic()
        here = self._served.strays()
        self._strays = {one: self._strays.get(one, now) for one in here}
        self.orphans |= {one for one, at in self._strays.items() if now - at > STRAY_S_MAX}

    def _cpu(self, server: Sequence[int]) -> tuple[float, float, float]:
        """Return the cores that were used since the last call: by the server, by us, by others."""
        now, busy = time.monotonic(), _busy_s()
        passed_s = now - self._looked_s
        ours = {os.getpid(), *_children(os.getpid())} - {*server}
        used = [sum(map(self._cpu_of, pids)) for pids in (server, ours)]
        foreign = busy - self._busy_s - sum(used)
        self._looked_s, self._busy_s = now, busy
        self._cpu_s = {pid: s for pid, s in self._cpu_s.items() if Path(f"/proc/{pid}").exists()}
        server_cpu, load_cpu, foreign_cpu = (
            round(max(0.0, one) / passed_s, 3) for one in (*used, foreign)
        )
        return server_cpu, load_cpu, foreign_cpu

    def _cpu_of(self, pid: int) -> float:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total = sum(map(int, fields[11:13])) / TICKS_S
            before = self._cpu_s.get(pid, 0.0 if pid != os.getpid() else total)
            self._cpu_s[pid] = total
            return total - before
        return 0.0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return [*found, *(inner for child in found for inner in _children_if_there(child))]


def _children_if_there(pid: int) -> list[int]:
    try:
        return _children(pid)
    except OSError:
        return []


def _memory(pid: int) -> tuple[float, float]:
    """Return resident and proportional memory in MiB."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        fields[name] = int(size) / 1024
    return round(fields["Rss:"], 2), round(fields["Pss:"], 2)


def _busy_s() -> float:
    """Return the time that all cores were busy, as the machine has counted it."""
    user, nice, system, _idle, _wait, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) / TICKS_S


def _size(path: Path) -> float:
    return round(path.stat().st_size / 2**20, 3) if path.exists() else 0.0
