"""What every execution would do first, done once: the guest's memory is kept as this leaves it.

Beyond importing the modules it is rehearsal. CPython rewrites the code of functions while they are
called for the first times, and caches what it has looked up. What a rehearsal has written into the
memory that is kept, no execution writes again; that makes them faster, and their memory cheaper to
put back.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flawless import _host, _output, _standins, _steps, _workflows, codec
from flawless._host import session

_ROUNDS = 24
"""After so many calls the interpreter has settled on how it runs a function."""
_NAME = "a rehearsal"
_INPUT = '{"protocol":1,"workflow":"a rehearsal","args":{"a":[2],"k":{}}}'
_NO_ARGUMENTS: dict[str, Any] = {"a": [], "k": {}}


def prepare(load: Callable[[], None], run: Callable[[dict[str, Any]], str]) -> str:
    """Load the modules, rehearse with `run`, and return what the host wants to know.

    Modules that draw random numbers, or seed the generator, must do it in each execution.

    The mark is for the host, which finds the guest's memory by it.
    """
    chance = random.getstate()
    load()
    with suppress(Exception):  # what is wrong with a signature is told to who calls it
        _look_at_signatures()
    asked = session.asked or random.getstate() != chance
    _rehearse(run)
    session.asked = asked
    gc.collect()
    gc.freeze()
    session.mark = _host.request('{"op":"prepare"}')["mark"]
    return _host.encode({"ok": {"at": id(session.mark), "pure": not session.asked}})


def _look_at_signatures() -> None:
    for workflow in _workflows.registry.values():
        with suppress(Exception), _standins.tolerant():
            codec.decode_call(_NO_ARGUMENTS, workflow.function)


def _rehearse(run: Callable[[dict[str, Any]], str]) -> None:
    """Run a workflow that calls a step some times, with nobody there."""

    def step(number: int, text: str) -> None:
        raise AssertionError("it is never performed")

    def workflow(count: int) -> int:
        rehearsed = _steps.Step(step, _NAME)
        for n in range(count):
            rehearsed(n, "")
        started = rehearsed.start(0, "")
        started.result()
        return count

    call, session.call = session.call, _answer
    _workflows.registry[_NAME] = _workflows.Workflow(workflow, _NAME, {}, None)
    try:
        for _ in range(_ROUNDS):
            session.effects = 0
            run(codec.read(_INPUT))
            _output.finish()
    finally:
        session.call = call
        del _workflows.registry[_NAME]
        session.effects = session.now_us = 0
        session.active = False
        session.workflow = None


def _answer(request: str) -> str:
    if request.startswith('{"op":"next"'):
        return f'{{"now":0,"id":{session.effects},"ok":0}}'
    return '{"now":0,"ok":0}'
