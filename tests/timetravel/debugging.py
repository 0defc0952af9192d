"""What the tests of the debugger share: places in the recorded workflow, and what is seen there."""

from __future__ import annotations

from collections.abc import Callable

from flawless.timetravel.stepping.debugger import Debugger
from stepping import line

Open = Callable[[str], Debugger]
LOAD = line("total = load(total, number)")
WEIGHT = line("weight = weigh(number)")
RETURN = line("return total + weight")
CLOCK = line("began = time.time()")


def here(debugger: Debugger) -> tuple[str, int]:
    """Return function and line of the chosen frame."""
    frame = debugger.frames[debugger.frame]
    return frame.function, frame.line


def value(debugger: Debugger, text: str) -> str:
    """Return the value of an expression, as it is shown."""
    told = debugger.evaluate(text)
    assert told.value is not None, told.raised
    return told.value.text
