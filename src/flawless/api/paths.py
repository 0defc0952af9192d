"""The path that an execution took: where it asked for what, which lines it ran, what it knew."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

PATH_POINTS: Final = 1_000
PATH_POINTS_MAX: Final = 10_000
PATH_LINES: Final = 20_000
PATH_LINES_MAX: Final = 200_000
PATH_DEPTH_MAX: Final = 3


class PathFrame(msgspec.Struct):
    """One level of a stack; `user` says whether it is the user's own code."""

    file: str
    line: int
    function: str
    user: bool


class PathFunction(msgspec.Struct):
    """A function (or body) that was executed, by the number that `PathLines` call it by."""

    number: int
    file: str
    function: str
    line: int


class PathFile(msgspec.Struct):
    """A file of which lines were executed. `module` is its name in the deployment.

    `counts` is `[line, times, line, times, ...]`. `missed` are the lines of statements inside
    functions that were not executed once.
    """

    file: str
    module: str | None
    counts: list[int]
    missed: list[int]


class PathPoint(msgspec.Struct):
    """A place where the workflow asked for something that the journal's entry `position` answers.

    `kind` and `at` are that entry's, and null at the last point of an execution that waits there.
    `stack` is a place in `stacks`; where no code runs but tasks of asyncio wait, it is that of the
    first `task`. It is null where the guest asked below any code. `tasks` counts other tasks.
    `lines_before` are the lines executed until then, where lines were asked for.
    """

    number: int
    position: int
    label: str
    kind: str | None
    at: str | None
    stack: int | None
    tasks: int = 0
    task: str | None = None
    lines_before: int = 0


class PathRaised(msgspec.Struct):
    """Where the error was raised that ended the workflow, and how many points came before."""

    stack: int
    points: int


class PathError(msgspec.Struct):
    """Why a replay could not show all: it left the journal, or broke."""

    type: str
    message: str


class ExecutionPath(msgspec.Struct):
    """The path of an execution until now, and a page of its points.

    `entries` is the length of the journal that was replayed, `length` the number of points, `next`
    the `from` of the page behind this one, or null. Points name a stack by its place in `stacks`,
    innermost frame first; stacks name frames by their places in `frames`. `traced` is false for
    guests that are not Python. `line_count` lines were executed; of more than `lines_kept` only the
    first are kept in order. `end` is the status it ended with, `error` why the replay broke off.

    `placed` is true for guests in Rust, which tell where their effects are: a stack is that one
    place, the counts of `files` are effects, and there are no variables.
    """

    execution: str
    run: int
    status: str
    deployment: str
    workflow: str
    entries: int
    traced: bool
    length: int
    points: list[PathPoint]
    stacks: list[list[int]]
    frames: list[PathFrame]
    files: list[PathFile]
    functions: list[PathFunction]
    line_count: int
    lines_kept: int
    next: int | None = None
    raised: PathRaised | None = None
    end: str | None = None
    error: PathError | None = None
    placed: bool = False


class PathLines(msgspec.Struct):
    """Executed lines in order, `from` some number on: `[function, line, function, line, ...]`.

    `functions` tell what the numbers mean. `length` is how many are kept, `next` the `from` of the
    page behind this one, or null. `entries` is the length of the journal that was replayed.
    """

    lines: list[int]
    functions: list[PathFunction]
    length: int
    entries: int
    run: int
    next: int | None = None


class PathVariable(msgspec.Struct, omit_defaults=True):
    """A value in one line of bounded length, made without calling what the user wrote.

    `size` is how many parts it has, `children` the first of them, to the depth that was asked for.
    `change` tells what is different from the place before, and `before` the text there.
    """

    name: str
    type: str
    text: str
    size: int = 0
    children: list[PathVariable] = []
    change: Literal["new", "changed"] | None = None
    before: str | None = None


class PathLevel(msgspec.Struct):
    """A frame, and its local variables; null where they are not shown."""

    file: str
    line: int
    function: str
    user: bool
    variables: list[PathVariable] | None


class PathTask(msgspec.Struct):
    """Another task of asyncio, and where it waits, innermost frame first."""

    name: str
    stack: list[PathLevel]


class PathPlace(msgspec.Struct):
    """What is to be seen at a place: `lines` executed lines behind the point with a number.

    The point -1 is the beginning of the workflow. `compared` says whether changes are told, from
    the point before, or from the line before where a line was asked for.
    """

    execution: str
    run: int
    entries: int
    point: int | None
    lines: int
    raised: bool
    compared: bool
    stack: list[PathLevel]
    tasks: list[PathTask]
