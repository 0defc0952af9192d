"""Showing variables calls nothing of the user's, and shows anything in bounded size and time."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import evil_workflows
import pytest

import flawless
from flawless.engine.secrets import Secrets
from flawless.timetravel.model import Variable, Watch
from flawless.timetravel.path import ExecutionPath, trace
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import Replayer

TEXT_CHARS_MAX = 2_100
VALUE_S_MAX = 2.0
"""For one value, on a machine with other work; it takes a millisecond."""
DEPTH = 900
NAMES = ["look_at_me", "with_secret", "many_locals", "class_body", "awaiting", "deep"]
TRACER = b'{"op":"load","name":"_flawless_tracer"}'

SHOWN = {
    "evil object": "<Evilobject>",
    "evil int": "Evilint(0)",
    "evil str": "Evilstr('')",
    "evil bytearray": "Evilbytearray(bytearray(b''))",
    "evil dict": "Evildict({})",
    "evil frozenset": "Evilfrozenset(frozenset())",
    "evil deque": "Evildeque([])",
    "evil KeyError": "EvilKeyError()",
    "evil Pair": "EvilPair(left=1, right=2)",
    "views": "<Evilobject>",
    "meta object": "<Evilobject>",
    "meta dict": "Evildict({})",
    "class": "<class Evilobject>",
    "zoned": "[<datetime>, <time>]",
    "range": "range(3, 9)",
    "enum": "Color.RED",
    "data class": "Order(id='o', items=[<Order>])",
    "slots": "Slotted(full=Evilint(5))",
    "named": "Pair(left=Evilint(1), right=Evillist([]))",
    "bound": "<method of <function noticing.<locals>.method>>",
    "function": "<function tricky>",
    "error": "ValueError(Evilstr('x'), <Evilobject>)",
    "huge int": "<an integer of 332,193 bits>",
    "huge ints": "[<range>, <Decimal>, <Fraction>]",
    "long list": "[None, None, None, None, None, ... 1,000,000 in all]",
    "large dict": "{0: None, 1: None, 2: None, 3: None, 4: None, ... 1,000,000 in all}",
    "nested": "[[[[...]]]]",
    "cyclic object": "Order(id='cyclic', items=[<Order>])",
    "surrogates": r"['\ud800', {'\udfff': '\ud83d'}]",
    "new Slotted": "<Slotted>",
    "new deque": "deque([])",
    "new Fraction": "<Fraction, cannot be shown: AttributeError>",
    "in list": "[<Fraction, cannot be shown: AttributeError>, <Slotted>]",
}  # fmt: skip


@pytest.fixture(scope="module")
def recordings() -> Iterator[dict[str, Recording]]:
    """Each workflow, recorded."""
    settings = flawless.Settings(secrets=Secrets({"STRIPE": {"hosts": ["localhost"], "env": "S"}}))
    with flawless.Engine(":memory:", modules=[evil_workflows], settings=settings) as engine:
        runs = {}
        for name in NAMES:
            arguments = [DEPTH] if name == "deep" else []
            runs[name] = engine.start(getattr(evil_workflows, name), *arguments, id=name)
        for run in runs.values():
            run.result(timeout=60)
        yield {name: Recording.of(run) for name, run in runs.items()}


@pytest.fixture(scope="module")
def paths(recordings: dict[str, Recording]) -> dict[str, ExecutionPath]:
    """Their paths with all variables."""
    return {name: trace(one, lines=True, variables=True) for name, one in recordings.items()}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_users_is_called(
    recordings: dict[str, Recording], paths: dict[str, ExecutionPath], name: str
) -> None:
    """What the values notice is part of the requests, and these stay the same."""
    path, recording = paths[name], recordings[name]
    assert path.error is None
    assert path.end == recording.entries[-1]
    assert [one for one in path.questions if one != TRACER] == recording.replay().questions


def test_every_value_is_shown(paths: dict[str, ExecutionPath]) -> None:
    """In one line each, of bounded length, by what it is and holds."""
    held: dict[str, Variable] = {}
    for point in paths["look_at_me"].points:
        if point.frames and point.frames[0].function == "hold":
            name, value = point.variables[0]
            held[name.text[1:-1]] = value
    assert len(held) == sum(1 for _ in evil_workflows.values())
    shown = {name: value.text for name, value in held.items()}
    assert {name: shown[name] for name in SHOWN} == SHOWN
    for value in held.values():
        assert len(value.text) <= TEXT_CHARS_MAX, value.name
        assert len(value.type) <= TEXT_CHARS_MAX
        assert not value.text.startswith("<cannot be shown"), value
    assert held["long text"].text.endswith("... (10,000,000 characters)")
    assert held["large dict"].size == 1_000_000


def test_what_values_hold_is_shown_without_calling_it(recordings: dict[str, Recording]) -> None:
    """Going into each value, all the way, takes a moment and changes nothing."""
    recording = recordings["look_at_me"]
    with Replayer(recording) as replay:
        point = 0
        while replay.go(Watch(point=point)).reason != "end":
            began = perf_counter()
            shown = replay.variables(0, depth=2)
            for value in shown:
                found = [] if value.ref is None else replay.children(value.ref, depth=2)
                assert len(found) <= 201
                assert all(len(one.name) <= TEXT_CHARS_MAX for one in found)
                if found and found[0].ref is not None:
                    replay.children(found[0].ref, first=0)
            replay.module_variables(0)
            assert perf_counter() - began < VALUE_S_MAX, shown
            point += 1
        assert replay.end == recording.entries[-1]
        questions = [one for one in replay.world.questions if one != TRACER]
    assert questions == recording.replay().questions


def test_a_secret_is_shown_by_its_name(paths: dict[str, ExecutionPath]) -> None:
    """Wherever a secret is part of a value, its name stands."""
    shown = {one.name: one.text for one in paths["with_secret"].points[0].variables[0]}
    assert shown["key"] == "'<secret STRIPE>'"
    assert shown["inside"] == (
        "{'authorization': 'Bearer <secret STRIPE>', 'list': ['<secret STRIPE>']}"
    )


def test_of_many_variables_the_first_are_shown(paths: dict[str, ExecutionPath]) -> None:
    """A function with 10,000 of them is shown with 500."""
    [variables] = [shown for shown in paths["many_locals"].points[0].variables if len(shown) > 1]
    assert [one.name for one in variables] == [f"local_{n}" for n in range(500)]


def test_of_a_deep_stack_the_innermost_frames_are_shown(paths: dict[str, ExecutionPath]) -> None:
    """Of 900 calls, 200 frames, and the variables of the innermost ones."""
    point = paths["deep"].points[0]
    assert [frame.function for frame in point.frames] == ["down"] * 200
    assert [one.text for one in point.variables[0]] == ["0", "''"]
    assert 10 <= len(point.variables) <= 200


def test_module_variables_may_hide_those_of_python(recordings: dict[str, Recording]) -> None:
    """A module's own `sorted` is one of its variables, and no trouble for anybody."""
    with Replayer(recordings["with_secret"]) as replay:
        replay.go(Watch(point=0))
        shown = {one.name: one.text for one in replay.module_variables(0)}
    assert shown["sorted"] == shown["max"] == "None"
    assert "Meta" not in shown
    assert shown["touched"].startswith("[")


def test_the_names_of_a_class_body_are_shown(paths: dict[str, ExecutionPath]) -> None:
    """A stop in a class body shows its names, in whatever mapping they are."""
    shown = {one.name: one.text for one in paths["class_body"].points[0].variables[0]}
    assert shown["number"] == "1"
