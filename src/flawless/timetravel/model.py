"""What a replay shows: frames, variables, points, lines. Data only, the same for all readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from flawless.core.entries import Entry


class Frame(msgspec.Struct, frozen=True):
    """One level of the guest's stack. Innermost comes first in a list of them."""

    file: str
    line: int
    function: str
    user: bool = True
    """Whether it is the user's own code."""


class Task(msgspec.Struct, frozen=True):
    """Another task of the workflow's asyncio loop, and where it waits."""

    name: str
    frames: list[Frame]


class Variable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value, shown in one line of bounded length; nothing of the user's was called for it."""

    name: str
    type: str
    text: str
    ref: int | None = None
    """What to ask for its parts by, as long as the guest stays stopped; None: it has none."""
    size: int = 0
    """How many parts it has."""
    children: list[Variable] = []
    """The first of its parts, where they were asked for."""


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A code object of the user's that was executed: a function, or a body."""

    number: int
    file: str
    function: str
    line: int
    """Its first line."""


@dataclass(slots=True)
class Point:
    """A place of the path where the guest asked something that the journal answers, or would.

    `position` is the number of the answering entry. At the last point of an execution that has not
    ended it is the number that the next entry will have, and `entry` is None: nothing is recorded.
    """

    number: int
    position: int
    entry: Entry | None
    request: bytes
    """As the guest asked, or `clock`, `sleep NANOSECONDS`, `stdout`, `stderr`."""
    lines_before: int
    """Lines executed before it, as far as lines were recorded."""
    frames: list[Frame] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    variables: list[list[Variable]] = field(default_factory=list)
    """By frame, for the frames that are the user's; empty for others."""


StopReason: TypeAlias = Literal[
    "begin", "request", "clock", "count", "step", "breakpoint", "raised", "end"
]
"""Why a replay has stopped.

- `begin`: before the workflow's first line.
- `request`, `clock`: at the wanted point, before the guest has its answer.
- `count`: at a line, after so many; `step`: at the next line; `breakpoint`: at one of those lines.
- `raised`: the workflow has raised an error; the stack is where it was raised.
- `end`: there is nothing further, and the guest is gone.
"""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a replay stands."""

    reason: str
    """A `StopReason`."""
    frames: list[Frame]
    tasks: list[Task]
    points: int
    """Points passed, the one it stands at included."""
    position: int
    lines: int
    task: str = ""
    """The asyncio task that runs; empty where there is none."""
    call: int = 0
    """The number of the innermost call of the user's, where `Watch.calls` was asked for."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a replay records on its way, and where it stops."""

    point: int | None = None
    """Stop at the point with this number."""
    stacks: bool = False
    """Note the stack at each point."""
    variables: bool = False
    """Note the variables at each point."""
    record: bool = False
    """Note each executed line of the user's code."""
    calls: bool = False
    """Note also which call each of those lines belongs to."""
    stop: Literal["lines", "over", "out"] | None = None
    """Stop at the next line: anywhere, of this frame, or after this frame."""
    count: int = 0
    """Stop at the line with this number from here; 1 is the next."""
    breakpoints: dict[str, list[int]] = field(default_factory=dict)
    """Lines to stop at, by file."""
    skip: int = 0
    """How many of them to pass first."""
    hits: bool = False
    """Note them as if they were all the lines there are, instead of stopping there."""
    clocks: bool = False
    """Stop also where the guest looks at the clock below any Python code."""
