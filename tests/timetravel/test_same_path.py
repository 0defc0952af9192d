"""The path told afterwards is the path: compared with `sys.settrace` on a native run.

The native run (`native.py`) knows the recorded results and nothing else: no guest, no replay, no
tracer of ours. It runs on the Python at hand, the guest on its own (3.14); `Canonical` says what
little those two are allowed to differ in.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import path_effects
import path_workflows
import pytest
from native_runs import Canonical, NativeRun, Where, run_natively, unpack_guest

import flawless
from flawless.core.entries import Completed
from flawless.timetravel.path import ExecutionPath, trace
from flawless.timetravel.recording import Recording

MODULES = (path_workflows, path_effects)
NAMES = [case.name for module in MODULES for case, _ in module.CASES]
LOADING = (b'{"op":"load"', b'{"op":"source"', b'{"op":"where"')


@dataclass(frozen=True, slots=True)
class Both:
    """What is compared."""

    recording: Recording
    told: ExecutionPath
    native: NativeRun
    canonical: Canonical


@pytest.fixture(scope="module")
def recordings(site: str) -> Iterator[dict[str, Recording]]:
    """All workflows of both modules, recorded while they ran for real."""
    with flawless.Engine(":memory:", modules=list(MODULES)) as engine:
        runs = {}
        for module in MODULES:
            for workflow, arguments in module.CASES:
                given = [site if one == "SITE" else one for one in arguments]
                runs[workflow.name] = engine.start(workflow, *given, id=workflow.function.__name__)
        for note in ("x", "y", "end"):
            runs["path_effects.effects"].send("note", note)
        for run in runs.values():
            with contextlib.suppress(flawless.ExecutionFailed):
                run.result(timeout=60)
        yield {name: Recording.of(run) for name, run in runs.items()}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guest's package, for native runs."""
    return unpack_guest(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def found(recordings: dict[str, Recording], package: Path) -> dict[str, Both]:
    """Each recording's path as told from the journal, and as run natively."""
    both = {}
    for name, recording in recordings.items():
        module = path_workflows if name.startswith("path_workflows") else path_effects
        assert module.__file__ is not None
        file = Path(module.__file__)
        native = run_natively(recording, package, file)
        told = trace(recording, lines=True)
        both[name] = Both(recording, told, native, Canonical(file.read_text()))
    return both


def lines_of(path: ExecutionPath) -> list[Where]:
    """Return the executed lines of a path."""
    return [(line.file, line.line, line.function) for line in path.lines()]


@pytest.mark.parametrize("name", NAMES)
def test_the_path_told_afterwards_is_that_of_a_native_run(
    found: dict[str, Both], name: str
) -> None:
    """Line by line, in the same functions, in the same order, and to the same end."""
    both = found[name]
    told = lines_of(both.told)
    assert both.told.error is None
    assert both.canonical.path(told) == both.canonical.path(both.native.path)
    assert len(told) == both.told.line_count > 30
    end = both.told.end
    if isinstance(end, Completed):
        assert both.native.output == {"ok": flawless.codec.loads(end.payload.decode())}
    else:
        assert both.native.output["error"]["type"] == "RuntimeError"


@pytest.mark.parametrize("name", NAMES)
def test_the_native_run_asks_for_the_same(found: dict[str, Both], name: str) -> None:
    """What is compared is the same execution: the native run makes the very same requests."""
    both = found[name]
    asked = [one for one in both.told.questions if not one.startswith(LOADING)]
    assert asked == [one for one in both.native.questions if not one.startswith(LOADING)]


@pytest.mark.parametrize("name", NAMES)
def test_stacks_at_effects_are_those_of_a_native_run(found: dict[str, Both], name: str) -> None:
    """Who asks for an effect, and who called that, is as it was natively."""
    both = found[name]
    asked = iter(both.native.stacks)
    compared = 0
    for point in both.told.points:
        if not point.request.startswith(b"{"):
            continue  # asked below any Python code
        stack = next(stack for text, stack in asked if text.encode() == point.request)
        frames = [(f.file, f.line, f.function) for f in point.frames if f.user]
        assert both.canonical.stack(frames) == both.canonical.stack(stack), point
        compared += 1
    assert compared or name == "path_workflows.loops"


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_path(found: dict[str, Both], name: str) -> None:
    """How often each line was executed is told as the path has it."""
    told = found[name].told
    lines = Counter(line.line for line in told.lines())
    [file] = told.files
    assert told.counts(file) == dict(sorted(lines.items()))


def test_a_path_with_a_mistake_is_noticed(found: dict[str, Both]) -> None:
    """One line too few, one too many or another one is a difference, wherever it is."""
    unnoticed = planted = 0
    for name, both in found.items():
        told = lines_of(both.told)
        native = both.canonical.path(both.native.path)
        for n, (file, line, function) in enumerate(told):
            wrong = [
                told[:n] + told[n + 1 :],
                [*told[:n], told[n], *told[n:]],
                [*told[:n], (file, line + 1, function), *told[n + 1 :]],
                [*told[:n], (file, line, f"{function}_"), *told[n + 1 :]],
            ]
            missed = sum(both.canonical.path(one) == native for one in wrong)
            inside = both.canonical.region(told[n]) is not None
            assert not missed or inside, (name, told[n])
            unnoticed += missed
            planted += len(wrong)
    assert unnoticed < 0.1 * planted
