"""`replay`, `debug`, `check` and `fork` on executions of Rust: what people are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rust_programs
from flawless.timetravel import export_bytes
from rust_orders import FILE, changed, line, recordings, served
from serving import Done, run_here

NOWHERE = "http://127.0.0.1:9"
CHARGE, WEIGH = line("let payment"), line('step("travel_steps.weigh"')
SHORT = "…/programs/src/travel.rs"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with exports, and a changed component."""
    folder = tmp_path_factory.mktemp("rust")
    for name, recording in recordings().items():
        (folder / f"{name}.flawless").write_bytes(export_bytes(recording, now_us=0))
    (folder / "changed.wasm").write_bytes(changed())
    return folder


def replay(files: Path, name: str, *options: str | Path) -> Done:
    """Replay a file, wide enough for all columns."""
    path = files / f"{name}.flawless"
    return run_here("replay", path, *options, FLAWLESS_URL=NOWHERE, COLUMNS="200")


def documents(done: Done) -> list[dict[str, Any]]:
    """Return the documents of `--json`, one a line."""
    return [json.loads(text) for text in done.stdout.splitlines()]


# --- replay ---------------------------------------------------------------------------------------


def test_effects(files: Path) -> None:
    """Each effect has its place, with the end of a long path, and the line of the source."""
    done = replay(files, "done", "--trace", "effects")
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    first = next(row for row in rows if row.strip().startswith("1 "))
    assert f"{SHORT}:{CHARGE} ordered  let payment: String = step(" in first
    assert sum(f"{SHORT}:{WEIGH} weigh " in row for row in rows) == 3
    assert rows[-1] == 'ended as recorded: returned "903 g in 2 boxes, well"'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("panicked", '"panic" =>', "failed with Panic: 7 for tea is lost"),
        ("failed", '"fail" =>', "failed with Failure: 7 for tea goes back"),
        ("aborted", "pub fn ordered", "failed with GuestTrapped: the workflow aborted"),
    ],
)
def test_failures(files: Path, name: str, text: str, message: str) -> None:
    """A failure has its line, a trap that of its function."""
    lines = replay(files, name, "--trace", "effects").stdout.splitlines()
    assert lines[-2].startswith(f"{FILE}:{line(text)} ordered  ")
    assert message in lines[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trace", "lines"], "tell where their effects are, not each line"),
        (["--vars"], "nothing of their variables"),
        (["--at", f"travel.rs:{WEIGH + 1}"], "asked for nothing on line"),
    ],
    ids=["lines", "variables", "no-effect"],
)
def test_what_there_is_not(files: Path, options: list[str], message: str) -> None:
    """Lines and variables are refused, and told why."""
    done = replay(files, "done", *options)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


def test_places(files: Path) -> None:
    """A line is reached as often as it has asked for something."""
    done = replay(files, "done", "--at", f"travel.rs:{WEIGH}")
    assert [row for row in done.stdout.splitlines() if row.startswith("time ")] == [
        "time 1",
        "time 2",
        "time 3",
    ]
    assert "nothing of their variables" in " ".join(done.stderr.split())
    told = documents(replay(files, "done", "--at", "6", "--json"))
    assert (told[1]["effect"], told[1]["stack"][0]["line"]) == (6, WEIGH)
    assert told[1]["stack"][0]["variables"] == []


def test_patch(files: Path) -> None:
    """A component as changed code: both lines, and what is different."""
    done = replay(files, "done", "--patch", files / "changed.wasm")
    assert done.returncode == 1
    place = f"{FILE}:{line('let packing')} ordered"
    assert done.stdout.count(place) == 2
    assert 'name "travel_steps.wrap" instead of "travel_steps.pack"' in done.stdout


def test_patch_and_answers(files: Path, tmp_path: Path) -> None:
    """What a component does beyond the journal is answered from a file."""
    answers = tmp_path / "answers.json"
    answers.write_text('[{"effect": "receive word", "ok": "later"}]')
    done = replay(files, "hears", "--patch", files / "changed.wasm", "--answers", answers)
    assert done.returncode == 0
    assert 'changed:  it returned "HEARD later"' in done.stdout


def test_patch_of_two_kinds(files: Path) -> None:
    """A component and a Python file are two deployments, and an execution runs on one."""
    options = ["--patch", files / "changed.wasm", "--patch", Path(__file__)]
    done = replay(files, "done", *options)
    assert done.returncode == 2
    assert "is a deployment by itself" in " ".join(done.stderr.split())


# --- debug ----------------------------------------------------------------------------------------


def test_debug(files: Path) -> None:
    """The prompt goes from effect to effect, and says what it does not know."""
    commands = f"b {WEIGH}\nstart\nc\nn\nlocals\np item\nback\npe\npe\nq\n"
    done = run_here("debug", files / "panicked.flawless", stdin=commands, FLAWLESS_URL=NOWHERE)
    told = done.stdout
    assert f"{FILE}:{line(chr(34) + 'panic')} in ordered" in told
    assert f"breakpoint 1 at {FILE}:{WEIGH}" in told
    assert told.count("effect 5  step travel_steps.weigh  -> 300") == 2
    assert "effect 6  step travel_steps.weigh  -> 301" in told
    assert told.count("nothing of their variables") == 2
    assert "their lines are not seen" in told
    assert "nobody knows where, behind" in " ".join(told.split())


# --- with a server --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server with orders."""
    with served(tmp_path_factory.mktemp("rust-server"), hears="awaited") as address:
        yield address


def test_check(url: str, files: Path) -> None:
    """Executions are held against a component before it is deployed, line by line."""
    same = run_here("check", rust_programs.wasm(), FLAWLESS_URL=url, COLUMNS="200")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "5 executions: 5 compatible" in same.stdout
    other = run_here("check", files / "changed.wasm", FLAWLESS_URL=url, COLUMNS="400")
    assert other.returncode == 1
    assert "5 executions: 4 diverges, 1 compatible" in other.stdout
    assert f"({FILE}:{line('let packing')})" in other.stdout


def test_fork(url: str, files: Path) -> None:
    """A fork goes on, on another component, where that asks for the shared entries."""
    patch = files / "changed.wasm"
    made = run_here("fork", "hears", "--at", "1", "--patch", patch, FLAWLESS_URL=url)
    assert made.returncode == 0, made.stderr
    fork = made.stdout.strip()
    run_here("send", fork, "word", '"good"', FLAWLESS_URL=url)
    result = run_here("result", fork, "--timeout", "60", FLAWLESS_URL=url)
    assert json.loads(result.stdout) == "HEARD good"
    refused = run_here("fork", "done", "--at", "8", "--patch", patch, FLAWLESS_URL=url)
    assert refused.returncode == 2
    assert f"at {FILE}:{line('let packing')}" in " ".join(refused.stderr.split())


def test_show(url: str) -> None:
    """A trap is shown with the function that it was in."""
    shown = run_here("show", "aborted", FLAWLESS_URL=url).stdout
    assert "\n  at programs::travel::ordered\n" in shown
