"""1,000 readers of events and 50 starts a second: is anything lost, and how late does it come?

    python -m benchmarks.subscribers [--seconds S] [--subscribers N] [--starts-per-s R]

A real `flawless up` on loopback, and readers in a process of their own (`benchmarks.readers`): half
of them on the list, half following one execution after the other, so that each one that is started
is followed to its end. Lost is: an execution whose end a reader of the list has not seen, an entry
or an end that its follower has not. Exit status 1, if anything was lost, doubled or out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

MODULE = "benchmarks.visits"
WORKFLOW = "benchmarks.visits.visit"
ROOT = Path(__file__).resolve().parent.parent
SECONDS_MAX = 900
SUBSCRIBERS_MAX = 4_000
STARTS_PER_S_MAX = 500
PAUSE_S = 4.0
"""How long a visitor pauses: most of an execution's life."""
STARTING_MAX = 200
"""Starts that wait for their answer at the same time."""
READY_S_MAX = 300.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

console = Console()


class Server:
    """A running `flawless up`, and what it takes of the machine."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.port = port
        self._process = process
        self._folder = Path(f"/proc/{process.pid}")

    def cpu_s(self) -> float:
        """Return the computing time it has had."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def forget_peak(self) -> None:
        """Measure the most memory from now on: building and baking took more."""
        (self._folder / "clear_refs").write_text("5")

    def memory_mb(self) -> tuple[float, float]:
        """Return the memory it has now, and the most it has had since it serves."""
        text = (self._folder / "status").read_text()
        now, most = (re.search(rf"{name}:\s+(\d+) kB", text) for name in ("VmRSS", "VmHWM"))
        assert now is not None
        assert most is not None
        return int(now[1]) / 1_024, int(most[1]) / 1_024


@contextmanager
def serving(data: Path, options: list[str]) -> Iterator[Server]:
    """Serve the visits with data in `data`."""
    command = [sys.executable, "-m", "flawless.cli", "up", MODULE, f"--data={data}"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FLAWLESS_TOKEN")}
    with subprocess.Popen(
        [*command, "--port=0", *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.match(r"at +http://127\.0\.0\.1:(\d+)", line):
                    yield Server(process, int(found[1]))
                    break
            else:
                raise SystemExit("the server did not start")
        finally:
            process.terminate()


async def start_all(port: int, count: int, per_s: float, started: asyncio.StreamWriter) -> float:
    """Start executions at an even pace, and name each to the readers; return how long it took."""
    gate = asyncio.Semaphore(STARTING_MAX)
    began = monotonic()
    async with (
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60, trust_env=False
        ) as client,
        asyncio.TaskGroup() as tasks,
    ):

        async def one(number: int) -> None:
            body = {"workflow": WORKFLOW, "input": [number, PAUSE_S], "id": f"visit-{number}"}
            async with gate:
                answer = await client.post("/executions", json=body)
            answer.raise_for_status()
            started.write(f"visit-{number}\n".encode())

        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / per_s - monotonic()))
            tasks.create_task(one(number))
    return monotonic() - began


async def measure(server: Server, seconds: float, subscribers: int, per_s: float) -> dict[str, Any]:
    """Run readers and starts; return all figures."""
    readers = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.readers", "127.0.0.1", str(server.port)),
        *(str(subscribers // 2), str(subscribers - subscribers // 2)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1 << 20,
        cwd=ROOT,
    )
    assert readers.stdin is not None
    assert readers.stdout is not None
    async with asyncio.timeout(READY_S_MAX):
        assert await readers.stdout.readline() == b"ready\n"
    server.forget_peak()
    idle_mb, _ = server.memory_mb()
    cpu_s, began = server.cpu_s(), monotonic()
    starts_s = await start_all(server.port, round(seconds * per_s), per_s, readers.stdin)
    readers.stdin.close()
    report: dict[str, Any] = json.loads(await readers.stdout.readline())
    took_s = monotonic() - began
    await readers.wait()
    now_mb, most_mb = server.memory_mb()
    return report | {
        "seconds": took_s,
        "starts_s": starts_s,
        "server_cpu": (server.cpu_s() - cpu_s) / took_s,
        "server_idle_mb": idle_mb,
        "server_end_mb": now_mb,
        "server_most_mb": most_mb,
    }


def show(figures: dict[str, Any], subscribers: int) -> None:
    """Print what was measured."""
    table = Table(title=f"{subscribers:,} subscribers, {figures['started']:,} executions")
    table.add_column("what")
    table.add_column("", justify="right")
    for name, text in (
        ("starts per second", f"{figures['started'] / figures['starts_s']:,.1f}"),
        ("events received", f"{sum(figures['events'].values()):,}"),
        ("of which", ", ".join(f"{name} {n:,}" for name, n in figures["events"].items())),
        ("journal entries received", f"{figures['entries']:,}"),
        ("received", f"{figures['bytes'] / 1e6:,.0f} MB"),
        ("batches of the list made", f"{figures['batches']:,}"),
        ("connections made", f"{figures['connections']:,}"),
        ("lag on the list", _lag(figures["list_lag_ms"])),
        ("lag of a journal", _lag(figures["execution_lag_ms"])),
        ("server's CPU", f"{100 * figures['server_cpu']:.0f} % of one core"),
        ("server's memory with all readers waiting", f"{figures['server_idle_mb']:,.0f} MB"),
        ("server's memory at the end", f"{figures['server_end_mb']:,.0f} MB"),
        ("server's memory at most", f"{figures['server_most_mb']:,.0f} MB"),
        ("lost, doubled or out of order", f"{figures['problems']:,}"),
    ):
        table.add_row(name, text)
    console.print(table)
    for problem in figures["first_problems"]:
        console.print(problem, style="red")


def _lag(lag_ms: dict[str, float]) -> str:
    if not lag_ms:
        return "none"
    return f"p50 {lag_ms['p50']:,.1f} ms, p99 {lag_ms['p99']:,.1f} ms, max {lag_ms['max']:,.0f} ms"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.subscribers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--starts-per-s", type=float, default=50)
    parser.add_argument("--loaded", action="store_true", help="without a baked component")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    if not (
        0 < options.seconds <= SECONDS_MAX
        and 2 <= options.subscribers <= SUBSCRIBERS_MAX
        and 0 < options.starts_per_s <= STARTS_PER_S_MAX
    ):
        parser.error(
            f"at most {SECONDS_MAX} s, {SUBSCRIBERS_MAX:,} subscribers, {STARTS_PER_S_MAX} starts/s"
        )
    with (
        tempfile.TemporaryDirectory(prefix="flawless-bench-") as folder,
        serving(Path(folder) / "data", [] if options.loaded else ["--baked"]) as server,
    ):
        figures = asyncio.run(
            measure(server, options.seconds, options.subscribers, options.starts_per_s)
        )
    show(figures, options.subscribers)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
