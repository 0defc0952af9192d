"""The disk is full, or fails: nothing fails with it, nothing is lost, and it goes on by itself.

A real engine with real guests works on a small file system until no byte is left, and on files
whose operations fail one after the other (`failing_files`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from damage_lives import EXECUTIONS, KILLED, Life, Lives
from damage_truth import DATABASE, Disk, found_in, put, recorded
from failing_files import Fault

pytestmark = pytest.mark.timeout(7200)

SMALL_LOG = 10
DISK_BYTES = 1 << 20
KINDS = ("write", "sync", "truncate", "read", "size", "open", "delete")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def ends_well(lives: Lives, store: Path, kills: int, *, replays: bool, **job: Any) -> Life:
    """Let an engine end all executions, and check all promises."""
    life = lives.live(store, EXECUTIONS, **job)
    assert life.status == 0, life.output
    assert not lives.broken(store, life.report, kills, replays=replays)
    return life


# --- no space ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dies", [False, True], ids=["freed", "killed"])
def test_a_full_disk(lives: Lives, small_disk: Path, whole: bool, dies: bool) -> None:
    """Executions wait for space, health says what is wrong, and all end when there is some.

    Nor does it hurt to be killed while there is none.
    """
    store = small_disk / DATABASE
    shutil.copy(lives.template, store)
    elsewhere = lives.new()
    ballast = small_disk / "ballast"
    job = {"log_pages_max": SMALL_LOG, "marks": str(elsewhere / "marks")}
    job |= {"report": str(elsewhere / "report"), "output": str(elsewhere / "output")}
    life = lives.live(store, EXECUTIONS, fill=str(ballast), kill_in_trouble=dies, **job)
    if dies:
        assert life.status == KILLED, life.output
        before = found_in(put(lives.new() / DATABASE, take_all(store)))
        assert not before.startswith("refused"), before
        ballast.unlink()
        life = ends_well(lives, store, 1, replays=whole, **job)
    else:
        assert life.status == 0, life.output
        assert not ballast.exists()
        [problem] = life.report["problems"]
        assert "no space is left" in problem
        assert "Free some space" in problem
        assert "no space is left" in life.output, "the log says so as well"
        assert "can write again" in life.output
        assert life.report["health"] is None, "it is well again"
        assert not lives.broken(store, life.report, 0, replays=whole)


def take_all(store: Path) -> dict[str, bytes]:
    """Return the store's files."""
    return {
        file.name: file.read_bytes()
        for file in store.parent.iterdir()
        if file.name.startswith(DATABASE) and not file.name.endswith(".lock")
    }


def test_no_space_for_a_while(lives: Lives, whole: bool, chance: Random) -> None:
    """Wherever the space ends, nothing fails, and it goes on when there is some again."""
    places = [*range(1, measured(lives)["write"], 7)] if whole else [chance.randrange(40, 120)]
    for first in places:
        store = lives.copy()
        faults = [asdict(Fault("write", first, times=5 if whole else 2, full=True))]
        life = lives.live(store, EXECUTIONS, files=True, faults=faults)
        judge(lives, store, life, f"no space from write {first} on", replays=False)
        shutil.rmtree(store.parent)


# --- errors --------------------------------------------------------------------------------------


def measured(lives: Lives) -> Counter[str]:
    """Return how many operations of each kind a life needs."""
    store = lives.copy()
    life = ends_well(lives, store, 0, replays=False, files=True)
    return Counter(life.report["counts"])


def judge(lives: Lives, store: Path, life: Life, label: str, *, replays: bool) -> str:
    """Check a life that met a fault: it ended well or with a clear error, and the next one well."""
    assert life.status == 0, f"{label}: {life.output}"
    assert "Traceback" not in life.output, f"{label}: {life.output}"
    report = life.report
    kind = "survived"
    if "stopped" in report:
        assert report["stopped"].startswith("StoreError"), f"{label}: {report}"
        assert ". " in report["stopped"], f"{label}: it does not say what to do: {report}"
        kind = "stopped"
    else:
        problems = lives.broken(store, report, 0, replays=False)
        assert not problems, f"{label}: {problems}"
    again = lives.live(store, EXECUTIONS)
    assert again.status == 0, f"{label}, then: {again.output}"
    problems = lives.broken(store, again.report, 1, replays=replays)
    assert not problems, f"{label}, then: {problems}"
    return kind if report["failed"] else "not met"


def faults_of(kind: str, first: int, chance: Random) -> list[dict[str, Any]]:
    """Return one fault, or a few in a row; writes may fail after half of their bytes."""
    times = chance.choice([1, 1, 3])
    return [asdict(Fault(kind, first, times, short=kind == "write" and chance.random() < 0.5))]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_the_disk(lives: Lives, kind: str, whole: bool, seed: int) -> None:
    """Each single operation on the files fails: it is tried again, or the error is clear.

    A restart on a disk that is well completes everything.
    """
    chance = Random(f"{seed} {kind}")
    if not whole and kind != Random(seed).choice(["write", "sync", "read"]):
        pytest.skip("another kind this time")
    usual = {"write": 250, "sync": 30, "read": 600}
    every = range(1, (measured(lives)[kind] if whole else usual[kind]) + 1)
    step = 5 if kind == "read" else 1
    outcomes: Counter[str] = Counter()
    for number in every[::step] if whole else [chance.choice(every)]:
        store = lives.copy()
        faults = faults_of(kind, number, chance)
        life = lives.live(store, EXECUTIONS, files=True, faults=faults)
        label = f"{kind} {number} fails ({faults}, --seed={seed})"
        outcomes[judge(lives, store, life, label, replays=False)] += 1
        shutil.rmtree(store.parent)
    print(f"{kind}: {outcomes}")


def test_a_failed_sync_is_not_believed_the_next_time(
    lives: Lives, whole: bool, chance: Random
) -> None:
    """What a failed sync should have written is written again, before it counts as durable.

    After a failed sync the kernel takes the pages for clean: syncing again succeeds, and writes
    nothing. So the disk here never gets them. Whenever the power fails later on, all that was
    acknowledged must be there nevertheless.
    """
    unused = found_in(lives.copy())
    for number in range(1, 40) if whole else [chance.randrange(16, 30)]:
        store = lives.copy()
        record = store.parent / "record"
        faults = [asdict(Fault("sync", number, chance.choice([1, 2])))]
        life = lives.live(store, EXECUTIONS, files=True, record=str(record), faults=faults)
        assert life.status == 0, life.output
        operations = recorded(record)
        truths = [what[0] for kind, *what in operations if kind in ("opened", "committed")]
        truths = truths or [unused]  # the engine could not even open it
        disk, place, failed = Disk(), lives.new() / DATABASE, False
        for n, operation in enumerate(operations):
            disk.happen(*operation)
            failed = failed or operation[0] == "dropped"
            late = operation[0] == "committed" or chance.random() < (0.2 if whole else 0.03)
            if failed and late and DATABASE in disk.durable:
                found = found_in(put(place, disk.powerless(chance)))
                allowed = truths[max(0, len(disk.truths) - 1) : len(disk.truths) + 1]
                assert found in allowed, (
                    f"sync {number}, operation {n}, commit {len(disk.truths)} of {len(truths)}: "
                    f"{found}, which is {[k for k, one in enumerate(truths) if one == found]}"
                )
        assert failed or "stopped" in life.report
        shutil.rmtree(store.parent)
