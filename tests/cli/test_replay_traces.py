"""`replay --trace`, `--vars`, `--at` and `--patch`: what people and programs are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import traced_shop

from flawless import Engine
from flawless.cli.folding import Fold, folded
from flawless.engine.handle import Execution
from flawless.errors import ExecutionFailed
from flawless.timetravel import Recording, export_bytes
from serving import Done, run_here

SOURCE = Path(traced_shop.__file__).read_text()
NOWHERE = "http://127.0.0.1:9"


def line_of(text: str) -> int:
    """Return the number of the line that begins with a text."""
    lines = SOURCE.splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(text))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with exports of executions of `traced_shop`."""
    folder = tmp_path_factory.mktemp("traces")
    with Engine(":memory:", modules=[traced_shop]) as engine:
        runs: dict[str, Execution[Any]] = {
            "nap": engine.start(traced_shop.nap),
            "book": engine.start(traced_shop.buy, "book", 4),
            "piano": engine.start(traced_shop.buy, "piano", 1),
            "tally": engine.start(traced_shop.tally, 40),
            "together": engine.start(traced_shop.together, 2),
        }
        for name, run in runs.items():
            try:
                if name != "nap":
                    run.result(timeout=60)
            except ExecutionFailed:
                assert name == "piano"
        while len(runs["nap"].journal()) < 2:
            pass
        for name, run in runs.items():
            content = export_bytes(Recording.of(run), now_us=0, contents="code")
            (folder / f"{name}.flawless").write_bytes(content)
    return folder


@pytest.fixture
def replay(files: Path) -> Callable[..., Done]:
    """Give what replays an export with options."""

    def run(name: str, *options: str | Path, status: int = 0) -> Done:
        done = run_here("replay", files / f"{name}.flawless", *options, FLAWLESS_URL=NOWHERE)
        assert done.returncode == status, done.stderr
        return done

    return run


@pytest.fixture
def patch(tmp_path: Path) -> Callable[..., Path]:
    """Give what writes changed versions of the module."""

    def write(*changes: tuple[str, str], name: str = "traced_shop.py") -> Path:
        text = SOURCE
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def documents(done: Done) -> list[dict[str, Any]]:
    """Return the documents of an output with one on each line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_effects(replay: Callable[..., Done]) -> None:
    """Each effect is a row: number, what, what came of it, the line that asked."""
    shown = replay("book", "--trace", "effects").stdout.splitlines()
    rows = [re.split(r"  +", line) for line in shown if re.match(r"\d+  ", line)]
    assert [row[:2] for row in rows] == [
        ["1", "step traced_shop.charge"],
        ["2", "clock"],
        ["3", "step traced_shop.ship"],
    ]
    at = line_of("receipt = charge(cents)")
    assert rows[0][2:] == [
        '"receipt 12"',
        f"traced_shop.py:{at} buy",
        "receipt = charge(cents)",
    ]
    assert shown[-1] == 'ended as recorded: returned ["receipt 12", "parcel with book"]'


def test_variables_and_the_failing_line(replay: Callable[..., Done]) -> None:
    """`--vars` shows what was known at each effect; a failure ends with its line and variables."""
    shown = replay("piano", "--vars").stdout
    first, _, rest = shown.partition("2  clock")
    assert "item = 'piano'\n" in first
    assert "cents = 0\n" in first
    assert "receipt" not in first.partition("cents = 0")[2]
    assert "receipt = 'receipt 0'\n" in rest
    ending = shown.rstrip().rpartition("\n\n")[2].splitlines()
    assert ending[0] == f"traced_shop.py:{line_of('parcel = ship')} buy  parcel = ship(item)"
    assert "    item = 'piano'" in ending
    assert ending[-1] == "ended as recorded: failed with ValueError: too heavy"
    plain = replay("piano", "--trace", "effects").stdout
    assert plain.count("item = 'piano'") == 1


def test_tasks_where_no_frame_asks(replay: Callable[..., Done]) -> None:
    """Where the loop itself waits, the tasks are told."""
    shown = replay("together", "--trace", "effects").stdout
    assert f"waits: Task-1 at traced_shop.py:{line_of('parcels = await')}" in shown
    effects = [one for one in documents(replay("together", "--vars", "--json")) if "tasks" in one]
    waits = [one for one in effects if not one["stack"] and one["label"].startswith("wait")]
    assert waits[0]["tasks"][0]["stack"][0]["function"] == "together"


def test_lines(replay: Callable[..., Done]) -> None:
    """Lines come in order, loops once, then each line with its count."""
    shown = replay("tally", "--trace", "lines").stdout
    order, _, counts = shown.partition("lines were executed")
    at = line_of("total += len(charge(number))")
    assert order.count("total += len(charge(number))") == 1
    assert "^ these 3 rows 39 times more" in order
    assert order.splitlines()[-1].strip() == str(1 + 2 * 40 + 1 + 1)
    assert f"40  {at:>6}          total += len(charge(number))" in counts
    assert "ended as recorded: returned" in counts


def test_a_long_trace_is_cut_for_people(
    replay: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terminals get the first rows, and are told where the rest is."""
    monkeypatch.setattr("flawless.cli.replay_lines.ROWS_MAX", 5)
    shown = replay("book", "--trace", "lines").stdout
    assert "only the first 5 rows are shown: --json gives all" in shown


def test_lines_for_programs(replay: Callable[..., Done]) -> None:
    """Each line and effect is a document on one line, in order and never folded."""
    found = documents(replay("tally", "--trace", "lines", "--json"))
    assert found[0]["kind"] == "replay"
    assert found[0]["workflow"] == "traced_shop.tally"
    lines = [one for one in found if one["kind"] == "line"]
    at = line_of("total += len(charge(number))")
    assert [one["number"] for one in lines] == list(range(len(lines)))
    assert sum(one["line"] == at for one in lines) == 40
    assert lines[2]["text"] == "total += len(charge(number))"
    first = next(n for n, one in enumerate(found) if one["kind"] == "effect")
    assert found[first - 1]["line"] == at
    assert found[first]["request"]["name"] == "traced_shop.charge"
    assert found[first]["request"]["args"] == [0]
    (counts,) = [one for one in found if one["kind"] == "counts"]
    assert counts["file"] == "traced_shop.py"
    assert counts["counts"][str(at)] == 40
    assert found[-1] == {
        "kind": "end",
        "outcome": "ended_as_recorded",
        "end": "completed",
        "lines": len(lines),
        "truncated": False,
    }


def test_a_failure_for_programs(replay: Callable[..., Done]) -> None:
    """The last document has the stack that raised, with variables."""
    end = documents(replay("piano", "--trace", "effects", "--json"))[-1]
    assert end["raised"][0]["text"] == "parcel = ship(item)"
    assert {"name": "item", "type": "str", "text": "'piano'"} in end["raised"][0]["variables"]


def test_one_effect(replay: Callable[..., Done]) -> None:
    """`--at N` shows the source around, and all variables there."""
    shown = replay("book", "--at", "3").stdout
    assert 'effect 3  step traced_shop.ship  -> "parcel with book"' in shown
    assert re.search(r"->\s+\d+      parcel = ship\(item\)", shown)
    assert "cents = 12" in shown
    (stop,) = [one for one in documents(replay("book", "--at", "1", "--json")) if "stack" in one]
    assert stop["effect"] == 1
    assert {"name": "cents", "type": "int", "text": "12"} in stop["stack"][0]["variables"]


def test_each_time_a_line_is_reached(replay: Callable[..., Done]) -> None:
    """`--at FILE:LINE` shows variables at each hit, a bounded number of times."""
    place = f"traced_shop.py:{line_of('return 2 * number')}"
    shown = replay("book", "--at", place).stdout
    assert shown.count("time ") == 4
    assert "number = 3" in shown
    assert "called from traced_shop.py" in shown
    often = f"traced_shop.py:{line_of('total += len')}"
    shown = replay("tally", "--at", often).stdout
    assert "only the first 20 times are shown" in shown
    found = documents(replay("tally", "--at", often, "--json"))
    assert [one["time"] for one in found if one["kind"] == "stop"] == list(range(1, 41))


def test_a_line_that_is_never_reached(replay: Callable[..., Done]) -> None:
    """People are told so, programs get no stop, and the exit status tells both."""
    place = f"traced_shop.py:{line_of('total += len')}"
    assert "not executed" in replay("book", "--at", place, status=1).stdout
    found = documents(replay("book", "--at", place, "--json", status=1))
    assert [one["kind"] for one in found] == ["replay", "end"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--at", "here"], "write the number of an effect (12), or a line (app.py:31)"),
        (["--at", "77"], "there is no effect 77"),
        (["--at", "nowhere.py:1"], "no file nowhere.py"),
        (["--at", "traced_shop.py:1"], "the nearest that a function executes is"),
        (["--at", "1", "--trace", "lines"], "name one of them"),
        (["--trace", "words"], "words"),
        (["--answers", "x.json"], "--answers is for changed code"),
        (["--patch", "x.py", "--vars"], "leave out --trace, --vars and --at"),
        (["--patch", "x.py"], "x.py is no Python file"),
        (["--patch", "x.py", "--answers", "x.json"], "x.json cannot be read"),
    ],
)
def test_what_is_refused(replay: Callable[..., Done], options: list[str], reason: str) -> None:
    """Mistakes have errors that say what to write."""
    assert reason in replay("book", *options, status=2).stderr


def test_a_patch_that_fits(replay: Callable[..., Done], patch: Callable[..., Path]) -> None:
    """The same requests: the same end, or the new one beside the recorded one."""
    shown = replay("book", "--patch", patch()).stdout
    assert "takes the recorded path" in shown
    assert "ends as recorded" in shown
    changed = patch(("return [receipt, parcel]", "return [parcel]"))
    shown = replay("book", "--patch", changed).stdout
    assert 'recorded: it returned ["receipt 12", "parcel with book"]' in shown
    assert 'changed:  it returned ["parcel with book"]' in shown
    found = json.loads(replay("book", "--patch", changed, "--json").stdout)
    assert found["outcome"] == "ends_otherwise"
    assert found["end"] == {"kind": "completed", "result": ["parcel with book"]}


def test_a_patch_that_diverges(replay: Callable[..., Done], patch: Callable[..., Path]) -> None:
    """Both lines are shown, and what is different in the arguments."""
    changed = patch(("charge(cents)\n", "charge(\n        cents + 1)\n"))
    shown = replay("book", "--patch", changed, status=1).stdout
    at = line_of("receipt = charge(cents)")
    assert "leaves the recorded path at entry 1" in shown
    assert f"traced_shop.py:{at} buy  receipt = charge(cents)" in shown
    assert f"traced_shop.py:{at} buy  receipt = charge(\n" in shown
    assert "args[0] 13 instead of 12" in shown
    found = json.loads(replay("book", "--patch", changed, "--json", status=1).stdout)
    assert found["outcome"] == "diverges"
    told = found["divergence"]
    assert told["differences"] == [{"path": "args[0]", "recorded": 12, "requested": 13}]
    assert told["recorded"]["request"]["args"] == [12]
    assert told["requested"]["stack"][0]["text"] == "receipt = charge("
    other = patch(("    time.time()\n", ""))
    shown = replay("book", "--patch", other, status=1).stdout
    assert "recorded  a look at the clock" in shown
    assert 'requested request {"op": "step"' in shown


def test_a_patch_that_fails(replay: Callable[..., Done], patch: Callable[..., Path]) -> None:
    """The line, the error, and how it was recorded."""
    changed = patch(("    time.time()\n", "    time.nothing()\n"))
    shown = replay("book", "--patch", changed, status=1).stdout
    assert f"traced_shop.py:{line_of('time.time()')} buy  time.nothing()" in shown
    assert "failed with AttributeError: module 'time' has no attribute 'nothing'" in shown
    found = json.loads(replay("book", "--patch", changed, "--json", status=1).stdout)
    assert found["failure"]["error"]["type"] == "AttributeError"
    assert found["failure"]["stack"][0]["function"] == "buy"


def test_beyond_the_end(
    replay: Callable[..., Done], patch: Callable[..., Path], tmp_path: Path
) -> None:
    """What is done beyond the journal is listed, refused, or answered from a file."""
    mended = patch(("parcel = ship(item)", "parcel = ship(item) if item != 'piano' else ship('x')"))
    assert "args[0]" in replay("piano", "--patch", mended, status=1).stdout
    mended = patch(
        (
            "    parcel = ship(item)",
            (
                "    try:\n        parcel = ship(item)\n    except ValueError:\n"
                "        parcel = ship('crate')"
            ),
        )
    )
    shown = replay("piano", "--patch", mended).stdout
    assert "step traced_shop.ship (effect 3)  refused" in shown
    assert "--answers FILE can" in shown
    answers = tmp_path / "answers.json"
    answers.write_text('[{"effect": "traced_shop.ship", "ok": "sent"}, {"effect": "x", "ok": 1}]')
    done = replay("piano", "--patch", mended, "--answers", answers)
    assert 'answered with "sent"' in done.stdout
    assert 'changed:  it returned ["receipt 0", "sent"]' in done.stdout
    assert "answer 2: nothing asked for 'x'" in done.stderr
    found = json.loads(replay("piano", "--patch", mended, "--answers", answers, "--json").stdout)
    assert found["beyond"][0]["value"] == "sent"
    assert found["unused_answers"] == ["x"]
    shown = replay("nap", "--patch", patch()).stdout
    assert "sleep (effect 1)  passed" in shown
    assert "step traced_shop.charge (effect 2)  refused" in shown


def test_a_patch_that_cannot_be_run(
    replay: Callable[..., Done], patch: Callable[..., Path]
) -> None:
    """Code that does not import is shown with its line; another name is explained."""
    broken = patch(('"""Take the money."""', '"""Take the money."""\n\n\nmoney += 1'), name="b.py")
    done = replay("book", "--patch", broken, status=2)
    assert "IndentationError" in done.stderr
    done = replay("book", "--patch", patch(("import time\n", "import time\n1 / 0\n")), status=2)
    assert "1 / 0" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    done = replay("book", "--patch", patch(name="shop2.py"), status=2)
    assert "has no workflow 'traced_shop.buy'" in done.stderr
    assert "shop2.buy" in done.stderr
    assert "has to be traced_shop.py again" in done.stderr


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([], []),
        ([1, 2, 3], [(0, 3, 1)]),
        ([1, 1], [(0, 2, 1)]),
        ([7, 1, 1, 1, 8], [(0, 1, 1), (1, 1, 3), (4, 1, 1)]),
        ([1, 2] * 5 + [1], [(0, 2, 5), (10, 1, 1)]),
        ([1, 2, 2, 2] * 3, [(0, 4, 3)]),
        ([9, *[1, 2, 3] * 4, *[4] * 3], [(0, 1, 1), (1, 3, 4), (13, 1, 3)]),
    ],
)
def test_folding(row: list[int], expected: list[tuple[int, int, int]]) -> None:
    """Repetitions are found where there are some, and everything is there once."""
    from array import array

    assert list(folded(array("l", row))) == [Fold(*one) for one in expected]
