"""The blocks that all engines are given, on Flawless itself and with next to nothing to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.peers import machine
from benchmarks.peers.blocks import BLOCKS
from benchmarks.peers.engines.names import make
from benchmarks.peers.figures import Figure
from benchmarks.peers.marks import FILE, Marker, Marks, gate_of
from benchmarks.peers.sizes import Sizes

from repository import ROOT

ENGINE = "flawless-python-loaded"
TINY = Sizes().scaled(0.001).capped(at_once=5, fan_steps=3, load_s=0.2, sleep_s=1.0)


@pytest.fixture(autouse=True)
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are spawned find the benchmarks, as they do in a run; nothing else stays."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(FILE, "")


def figures(block: str, folder: Path) -> dict[str, Figure]:
    """Run a block, and return what it measured."""
    peer = make(ENGINE, folder)
    try:
        return {figure.metric: figure for figure in BLOCKS[block](peer, TINY)}
    finally:
        peer.kill()


def test_steps_are_counted_with_what_they_leave_on_the_disk(tmp_path: Path) -> None:
    """The block of many executions gives a rate, and bytes for each of its steps."""
    made = figures("d", tmp_path)
    assert made["fan_steps_per_s"].count == TINY.fan * TINY.fan_steps
    assert made["fan_steps_per_s"].value > 0
    assert made["store_bytes_per_step"].value >= 0


def test_what_was_killed_in_mid_step_is_in_it_again(tmp_path: Path) -> None:
    """A real kill of a real process: all executions re-enter their step, and get done."""
    made = figures("e2", tmp_path)
    assert made["midstep_resumed_s"].count == TINY.killed
    assert 0 < made["midstep_resumed_s"].value <= made["midstep_done_s"].value


def test_marks_are_read_as_far_as_they_are_whole(tmp_path: Path) -> None:
    """A line that is still being written counts later; what was before a restart is forgotten."""
    path = tmp_path / "marks"
    marker, marks = Marker(path), Marks(path)
    marker.add("a", "x0")
    with path.open("ab") as file:
        file.write(b"a x1 12")
    marks.update()
    assert list(marks.of("a")) == ["x0"]
    with path.open("ab") as file:
        file.write(b".5\n")
    marks.update()
    assert marks.of("a")["x1"] == 12.5
    marks.forget()
    assert not marks.of("a")
    assert marker.blocked
    gate_of(path).touch()
    assert not marker.blocked


def test_the_machine_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncs and bare commits have a rate, and leave nothing behind."""
    monkeypatch.setattr(machine, "SECONDS", 0.05)
    made = {
        figure.metric: figure.value for figure in machine.measure(tmp_path, with_postgres=False)
    }
    assert made.keys() == {
        "bare_sync_us", "bare_commit_us", "bare_commits_per_s", "bare_commits_of_100_per_s",
    }  # fmt: skip
    assert min(made.values()) > 0
    assert not list(tmp_path.iterdir())


def test_what_runs_in_a_peers_environment_needs_the_standard_library_only() -> None:
    """The blocks import nothing that a peer's own environment has not."""
    code = (
        "import sys; import benchmarks.peers.drive, benchmarks.peers.resident; "
        "outside = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names);"
        "print(sorted(n for n in outside if n not in ('__main__', 'benchmarks')))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
