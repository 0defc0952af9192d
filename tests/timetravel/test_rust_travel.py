"""Time travel for guests in Rust: places of effects, moves between them, other components."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flawless.core.limits import Limits
from flawless.errors import DeploymentInvalid, UsageError
from flawless.timetravel import Code, export_bytes, open_export
from flawless.timetravel.code import code_of_component
from flawless.timetravel.dap.handlers import Handlers
from flawless.timetravel.path import ExecutionPath, trace
from flawless.timetravel.problems import NoSuchFrame, NoSuchPlace
from flawless.timetravel.stepping.debugger import Debugger
from flawless.timetravel.stepping.effects import EffectDebugger
from flawless.timetravel.stepping.opening import open_debugger
from flawless.timetravel.studies.study import RAISED, Place, Study
from flawless.timetravel.whatif.answers import parse_answers
from flawless.timetravel.whatif.checking import check
from flawless.timetravel.whatif.patching import WorkflowGone, what_if
from flawless.timetravel.whereabouts import NO_VARIABLES
from rust_orders import FILE, changed, line, recordings

CHARGE, WEIGH, WORD = line("let payment"), line('step("travel_steps.weigh"'), line("let word")
PLACES = [
    ("ordered", CHARGE),
    None,  # what was printed
    ("ordered", line("let packing")),
    *[("weigh", WEIGH)] * 3,
    ("ordered", line("sleep(")),
    ("ordered", line("let boxes")),
    ("ordered", line("publish(")),
    *[("ordered", WORD)] * 2,
]

Open = Callable[[str], Debugger]


def places(path: ExecutionPath) -> list[tuple[str, int] | None]:
    """Return function and line of each effect."""
    found: list[tuple[str, int] | None] = []
    for point in path.points:
        assert all(frame.file == FILE for frame in point.frames)
        found.append((point.frames[0].function, point.frames[0].line) if point.frames else None)
    return found


@pytest.fixture
def opened() -> Iterator[Open]:
    """A debugger on one of the recordings."""
    made: list[Debugger] = []

    def open_(name: str) -> Debugger:
        made.append(open_debugger(recordings()[name]))
        return made[-1]

    yield open_
    for one in made:
        one.close()


# --- the path -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["done", "failed", "panicked", "aborted", "waits"])
def test_places(name: str) -> None:
    """Each effect has the line it was asked for on, in the function that has asked."""
    path = trace(recordings()[name])
    assert path.error is None
    assert places(path) == PLACES
    assert (path.placed, path.traced) == (True, False)
    assert path.counts(FILE)[WEIGH] == 3
    assert path.files == [FILE]


def test_asking_changes_nothing() -> None:
    """The guest asks for the same whether it has to tell where, or not."""
    recording = recordings()["done"]
    assert trace(recording).questions == recording.replay().questions


@pytest.mark.parametrize(
    ("name", "text"),
    [("failed", '"fail" =>'), ("panicked", '"panic" =>'), ("aborted", "pub fn ordered")],
)
def test_where_it_failed(name: str, text: str) -> None:
    """An error and a panic have their line, a trap the function that it was in."""
    raised = trace(recordings()[name]).raised
    assert raised is not None
    assert [(one.function, one.line) for one in raised.frames] == [("ordered", line(text))]


def test_behind_the_workflow() -> None:
    """What is awaited after the workflow has returned is told at its head."""
    head = line("pub fn leaves")
    assert places(trace(recordings()["leaves"])) == [("leaves", head + 1), ("leaves", head)]


def test_exported_and_imported() -> None:
    """A file holds the component: the path of what was imported is the same."""
    recording = recordings()["done"]
    content = export_bytes(recording, now_us=0)
    found = open_export(content, name="done.flawless").recording
    assert places(trace(found)) == PLACES
    assert found.deployment.id == recording.deployment.id


# --- the debugger ---------------------------------------------------------------------------------


def where(debugger: Debugger) -> tuple[int | None, int]:
    """Return the number of the effect, and the line."""
    point = debugger.point
    return None if point is None else point.position, debugger.frames[0].line


def test_forwards_and_backwards(opened: Open) -> None:
    """Steps of all kinds go to the next effect, or to the one before, and say so."""
    debugger = opened("done")
    assert isinstance(debugger, EffectDebugger)
    assert where(debugger) == (None, line("pub fn ordered"))
    debugger.next_effect()
    assert where(debugger) == (1, CHARGE)
    debugger.step_over()
    assert debugger.frames == []
    assert f"behind {FILE}:{CHARGE}, before {FILE}:{line('let packing')}" in debugger.note
    debugger.step_into()
    assert where(debugger) == (3, line("let packing"))
    assert "effect to effect" in debugger.note
    debugger.end()
    assert debugger.ended
    assert debugger.ending.startswith("returned")
    debugger.back_over()
    assert where(debugger) == (12, WORD)
    debugger.start()
    assert where(debugger) == (None, line("pub fn ordered"))


def test_opens_where_it_failed(opened: Open) -> None:
    """The end of a failed execution is the line that failed."""
    debugger = opened("panicked")
    debugger.end()
    assert where(debugger) == (None, line('"panic" =>'))
    assert "Panic" in debugger.note


def test_opens_where_it_waits(opened: Open) -> None:
    """An execution that goes on stands at the effect that it waits for."""
    debugger = opened("waits")
    debugger.end()
    assert where(debugger) == (12, WORD)


def test_breakpoints(opened: Open) -> None:
    """A line with effects can be stopped at, each time, in both directions."""
    debugger = opened("done")
    debugger.breakpoints.at_line("travel.rs", WEIGH)
    found = []
    for _ in range(3):
        debugger.resume()
        found.append(where(debugger))
    assert found == [(5, WEIGH), (6, WEIGH), (7, WEIGH)]
    debugger.resume()
    assert debugger.ended
    debugger.reverse()
    assert where(debugger) == (7, WEIGH)


def test_breakpoint_without_effect(opened: Open) -> None:
    """A line that has asked for nothing is refused, with those nearby that have."""
    debugger = opened("done")
    with pytest.raises(NoSuchPlace, match=f"line {WEIGH} and"):
        debugger.breakpoints.at_line("travel.rs", WEIGH + 1)
    with pytest.raises(NoSuchPlace, match=r"asked for nothing in .*failures"):
        debugger.breakpoints.at_line("failures.rs", 20)


def test_variables(opened: Open) -> None:
    """What a guest in Rust does not tell is refused in words."""
    debugger = opened("done")
    debugger.go_to(5)
    for look in (debugger.variables, debugger.module_variables):
        with pytest.raises(NoSuchFrame, match="nothing of their variables"):
            look()
    with pytest.raises(NoSuchFrame, match="nothing of their variables"):
        debugger.evaluate("item")


def test_line_debugger_refuses() -> None:
    """The debugger for lines is none for a component."""
    with pytest.raises(UsageError, match="not Python"):
        Debugger(recordings()["done"])


def test_editor(opened: Open, tmp_path: Path) -> None:
    """An editor sets breakpoints at lines, sees the place, and is told that there is no more."""
    handlers = Handlers(opened("done"), [tmp_path])

    def ask(command: str, **arguments: Any) -> dict[str, Any]:
        body = handlers.handle(command, arguments)
        handlers.follow_up()
        return body

    source = {"path": f"/elsewhere/{FILE}"}
    ask("launch")
    lines = [{"line": WEIGH}, {"line": WEIGH + 1}]
    found = ask("setBreakpoints", source=source, breakpoints=lines)["breakpoints"]
    assert [one["verified"] for one in found] == [True, False]
    assert "asked for nothing" in found[1]["message"]
    located = ask("breakpointLocations", source=source, line=1, endLine=WEIGH)
    assert located == {"breakpoints": [{"line": WEIGH}]}
    ask("configurationDone")
    assert NO_VARIABLES in str(handlers.take_events())
    ask("continue", threadId=1)
    stopped = [body for event, body in handlers.take_events() if event == "stopped"]
    assert stopped[0]["reason"] == "breakpoint"
    assert stopped[0]["hitBreakpointIds"] == [found[0]["id"]]
    [frame] = ask("stackTrace", threadId=1)["stackFrames"]
    assert (frame["name"], frame["line"]) == ("weigh", WEIGH)
    reference = frame["source"]["sourceReference"]
    assert ask("source", sourceReference=reference)["mimeType"] == "text/x-rust"
    assert ask("scopes", frameId=frame["id"]) == {"scopes": []}
    with pytest.raises(NoSuchFrame, match="nothing of their variables"):
        ask("evaluate", expression="item", frameId=frame["id"])


# --- for the web UI -------------------------------------------------------------------------------


def test_study() -> None:
    """A place of the slider has its one frame, and no variables."""
    study = Study(recordings()["panicked"], limits=Limits(), seconds_max=60.0)
    assert study.path(lines=True).placed
    [level] = study.look(Place(3)).stack
    assert (level.frame.line, level.variables) == (WEIGH, None)
    assert study.look(Place(1)).stack == []
    assert study.look(Place(-1)).stack[0].frame.line == line("pub fn ordered")
    assert study.look(RAISED).stack[0].frame.line == line('"panic" =>')
    study.drop()


# --- other components -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Code:
    """The changed component."""
    path = tmp_path_factory.mktemp("changed") / "changed.wasm"
    path.write_bytes(changed())
    return code_of_component(path)


def test_other_result(code: Code) -> None:
    """A component that asks for the same and returns something else ends otherwise."""
    told = what_if(recordings()["heard"], code)
    assert told.verdict == "ends otherwise"
    assert told.end is not None
    assert told.end.payload == b'"HEARD well"'


def test_divergence(code: Code) -> None:
    """A component that asks for something else is told of with both lines."""
    told = what_if(recordings()["done"], code)
    assert told.divergence is not None
    assert told.divergence.position == 3
    lines = [one.frames[0].line for one in (told.divergence.recorded, told.divergence.requested)]
    assert lines == [line("let packing")] * 2
    assert told.divergence.where.startswith(f"{FILE}:{lines[0]} (let packing = step::start")
    [difference] = told.divergence.differences
    assert (difference.old, difference.new) == ("travel_steps.pack", "travel_steps.wrap")


def test_answers(code: Code) -> None:
    """Beyond the journal a component is answered from the file, and effects have their lines."""
    refused = what_if(recordings()["hears"], code)
    assert [one.what for one in refused.refused] == ["receive word"]
    assert refused.refused[0].frames[0].function == "awaited"
    answers = parse_answers(b'[{"effect": "receive word", "ok": "now"}]')
    told = what_if(recordings()["hears"], code, answers=answers)
    assert told.end is not None
    assert told.end.payload == b'"HEARD now"'
    assert told.beyond[-1].came == "answered"


@pytest.mark.parametrize("name", ["done", "failed", "panicked", "aborted", "waits"])
def test_check_of_the_same(name: str) -> None:
    """Executions that have ended in any way fit their own component, a trap included."""
    recording = recordings()[name]
    found = check(recording, Code(recording.deployment, recording.component()))
    assert (found.verdict, found.text) == ("compatible", "")


def test_check_of_another(code: Code) -> None:
    """A check tells entry and line at which a new component would part."""
    found = check(recordings()["waits"], code)
    assert (found.verdict, found.position) == ("diverges", 3)
    assert found.where == f"{FILE}:{line('let packing')}"


def test_workflow_gone(code: Code) -> None:
    """A component without the workflow is refused with what would help."""
    with pytest.raises(WorkflowGone, match="has to be programs again, or say so with module!"):
        what_if(recordings()["renamed"], code)
    assert check(recordings()["renamed"], code).verdict == "skipped"


def test_component_that_is_none(tmp_path: Path) -> None:
    """A file that is no component is no code to replay on."""
    path = tmp_path / "broken.wasm"
    path.write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(DeploymentInvalid):
        code_of_component(path)
    with pytest.raises(DeploymentInvalid, match="cannot be read"):
        code_of_component(tmp_path / "missing.wasm")
