"""Tracing changes nothing: random programs ask for the same however their replay is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec
import program_workflows
import pytest
from program_workflows import Program
from programs import random_program

import flawless
from flawless.errors import Divergence
from flawless.timetravel import export_bytes, read_export
from flawless.timetravel.model import Stop, Variable, Watch
from flawless.timetravel.path import ExecutionPath, trace
from flawless.timetravel.problems import NoSuchFrame, ReplayLost, TracingChangesPath
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import Replayer
from recorder import recorded

WHOLE, SHARE = 300, 5
STOPS_MAX = 8
SETTINGS = flawless.Settings(guests_max=12, evict_after_s=0.1)
TRACER = b'{"op":"load","name":"_flawless_tracer"}'
FILE = "program_workflows.py"
EXPRESSIONS = ("digest", "program", "1 / 0", "str(digest)", "digest.add(1)", "program.clear()", "(")


@dataclass(frozen=True, slots=True)
class Known:
    """An execution, and what its guest asked: the engine's, or one replayed without tracer."""

    recording: Recording
    questions: list[bytes]
    hint: str


def recordings(seeds: list[int], site: str) -> list[Known]:
    """Run the programs of these seeds at the same time, and check that untraced replays fit."""
    with (
        recorded() as questions,
        flawless.Engine(":memory:", modules=[program_workflows], settings=SETTINGS) as engine,
    ):
        runs = []
        for seed in seeds:
            chance = Random(seed)
            kinds = (program_workflows.carry_out, program_workflows.carry_out_async)
            program = without_addresses(random_program(chance))
            runs.append(engine.start(chance.choice(kinds), program, site, id=f"p{seed}"))
        for run in runs:
            run.result(timeout=120)
        found = [Recording.of(run) for run in runs]
    known = []
    for recording in found:
        hint = f"pytest tests/timetravel --seed {recording.execution[1:]}"
        assert recording.replay().questions == questions[recording.execution], hint
        known.append(Known(recording, questions[recording.execution], hint))
    return known


def without_addresses(program: Program) -> Program:
    """Return a program that shows no `id()`: what does cannot be traced (see below)."""
    plain = []
    for name, *arguments in program:
        if name in ("loop", "gather", "race", "timeout"):
            arguments[-1] = [without_addresses(part) for part in arguments[-1]]
        plain.append(["hash" if name == "address" else name, *arguments])
    return plain


def asked(questions: list[bytes]) -> list[bytes]:
    """Return what a traced guest asked, without the tracer itself."""
    return [one for one in questions if one != TRACER]


@pytest.mark.timeout(3600)
def test_whatever_is_shown_the_requests_are_the_same(
    site: str, seed: int, request: pytest.FixtureRequest
) -> None:
    """With stacks, lines and variables, stopped anywhere, going back, and from an export file."""
    whole = request.config.getoption("--sweep") == "whole"
    number = WHOLE if whole else SHARE
    for known in recordings([seed + n for n in range(number)], site):
        chance = Random(known.hint)
        recording = known.recording
        if chance.random() < 0.3:
            recording = read_export(export_bytes(recording, now_us=0, contents="code"))
        shown = [(False, False), (True, False), (True, True)]
        for lines, variables in shown if whole else shown[chance.randrange(3) :][:1]:
            same(trace(recording, lines=lines, variables=variables), known)
        looks = [wander, go_back, throw_away]
        for look in looks if whole else looks[chance.randrange(3) :][:1]:
            look(recording, known, chance)


def same(path: ExecutionPath, known: Known) -> None:
    """Check a path against what is known."""
    questions = asked(path.questions)
    assert path.error is None, known.hint
    assert path.end == known.recording.entries[-1], known.hint
    assert questions == known.questions, known.hint
    assert path.padding == 0, known.hint


def wander(recording: Recording, known: Known, chance: Random) -> None:
    """Stop here and there, look at everything, and go on to the end."""
    with Replayer(recording) as replay:
        for _ in range(STOPS_MAX):
            stop = replay.go(some_watch(replay, chance))
            if stop.reason == "end":
                break
            looked_at(replay, stop, chance)
            so_far = asked(replay.world.questions)
            assert so_far == known.questions[: len(so_far)], known.hint
        while replay.go().reason != "end":
            pass
        assert replay.end == recording.entries[-1], known.hint
        assert asked(replay.world.questions) == known.questions, known.hint


def go_back(recording: Recording, known: Known, chance: Random) -> None:
    """Go to points and lines in any order, each in a new replay; the same place shows the same."""
    points = len(recording.entries)
    places = [(chance.randrange(points), chance.choice([0, 1, 5])) for _ in range(3)]
    seen: dict[tuple[int, int], Any] = {}
    for point, lines in [*sorted(places, reverse=True), *places]:
        with Replayer(recording) as replay:
            stop = replay.go(Watch(point=point))
            if lines and stop.reason != "end":
                stop = replay.go(Watch(count=lines))
            shown = [replay.variables(0, depth=1)] if stop.frames else []
            told = (stop.reason, stop.frames, stop.points, without_refs(shown))
            assert seen.setdefault((point, lines), told) == told, known.hint
            so_far = asked(replay.world.questions)
            assert so_far == known.questions[: len(so_far)], known.hint


def throw_away(recording: Recording, known: Known, chance: Random) -> None:
    """Evaluate in a guest that is thrown away; a new one does what was recorded."""
    with Replayer(recording) as replay:
        stop = replay.go(Watch(count=chance.randint(1, 40)))
        before = asked(replay.world.questions)
        for _ in range(3 if stop.frames else 0):
            try:
                replay.evaluate(chance.choice(EXPRESSIONS), chance.randrange(len(stop.frames)))
            except (NoSuchFrame, ReplayLost):
                break
        assert asked(replay.world.questions) == before, known.hint
    with Replayer(recording) as replay:
        while replay.go().reason != "end":
            pass
        assert asked(replay.world.questions) == known.questions, known.hint


def some_watch(replay: Replayer, chance: Random) -> Watch:
    """Return a random thing to wait for."""
    match chance.randrange(6):
        case 0:
            return Watch(point=len(replay.world.points) + chance.randrange(3), record=True)
        case 1:
            return Watch(count=chance.choice([1, 2, 30]), stacks=True)
        case 2:
            return Watch(breakpoints={FILE: [chance.randint(60, 200) for _ in range(5)]})
        case 3:
            return Watch(stop=chance.choice(["lines", "over", "out"]), variables=True)
        case 4:
            return Watch(stop="lines", record=True)
        case _:
            return Watch(point=len(replay.world.points), variables=True, clocks=True)


def looked_at(replay: Replayer, stop: Stop, chance: Random) -> None:
    """Look at variables of a frame, of its module, and at what they hold."""
    if not stop.frames:
        return
    frame = chance.randrange(len(stop.frames))
    shown = replay.variables(frame, depth=chance.randint(0, 2)) + replay.module_variables(frame)
    for variable in shown[:5]:
        if variable.ref is not None:
            replay.children(variable.ref, depth=1)


def without_refs(shown: list[list[Variable]]) -> Any:
    """Return variables without the numbers to ask for their parts by."""

    def plain(variable: Variable) -> Any:
        return variable.name, variable.type, variable.text, [plain(c) for c in variable.children]

    return [[plain(one) for one in frame] for frame in shown]


def test_a_path_that_depends_on_addresses_is_noticed(site: str) -> None:
    """What shows an `id()` cannot be traced, and is told so; the untraced replay fits."""
    program: Program = [["effect", "step", "a"], ["address", ["x"], 0.5], ["effect", "step", "b"]]
    with flawless.Engine(":memory:", modules=[program_workflows]) as engine:
        run = engine.start(program_workflows.carry_out, program, site)
        run.result(timeout=60)
        recording = Recording.of(run)
    path = trace(recording, lines=True)
    assert isinstance(path.error, TracingChangesPath)
    said = str(path.error)
    assert "it depends on the addresses of objects" in said
    assert path.error.position == 3
    assert "program_workflows.py" in said
    with Replayer(recording) as replay, pytest.raises(TracingChangesPath):
        replay.go()


def test_what_does_not_fit_is_no_matter_of_tracing(site: str) -> None:
    """A journal that fits no guest is an ordinary divergence, traced or not."""
    with flawless.Engine(":memory:", modules=[program_workflows]) as engine:
        run = engine.start(program_workflows.carry_out, [["effect", "step", "anna"]], site)
        run.result(timeout=60)
        recording = Recording.of(run)
    first = recording.invoked
    recording.entries[0] = msgspec.structs.replace(first, input=first.input.replace(b"anna", b"bo"))
    path = trace(recording, lines=True)
    assert type(path.error) is Divergence
    assert path.error.position == 1
