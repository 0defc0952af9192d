"""The path of an execution: what it asked for and where, which lines it ran, what it knew.

path = trace(recording, lines=True)
for point in path.points:
    print(point.position, point.frames[0].line if point.frames else "")
path.counts("app.py")          # {12: 1, 13: 40, ...}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from flawless.core.entries import End
from flawless.errors import FlawlessError
from flawless.timetravel.model import CodeBlock, Frame, Point, Stop, Variable, Watch
from flawless.timetravel.problems import ReplayTooLong, TracingChangesPath
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import SECONDS_MAX, Replayer
from flawless.timetravel.world import LINES_MAX

LAYOUTS_MAX: Final = 12
"""How many arrangements of memory are tried where tracing changes the path."""


class Line(NamedTuple):
    """An executed line, and the function it is in."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class ExecutionPath:
    """What a replay has shown, from the beginning to the end of the journal, or to an error."""

    recording: Recording
    points: list[Point]
    blocks: dict[int, CodeBlock]
    end: End | None
    """How the workflow ended; None when the journal does not say, or the replay left it."""
    error: FlawlessError | None
    """What stopped the replay: a `Divergence`, or a trap that the journal does not hold."""
    raised: Raised | None
    """The error that ended the workflow, and where it came from."""
    questions: list[bytes]
    """Everything the guest asked its host, in order, without what the tracer told."""
    line_count: int
    """Lines executed, if lines were traced."""
    truncated: bool
    """Whether only the first of those lines are kept in order."""
    line_pairs: memoryview | None = None
    line_counts: Counter[tuple[int, int]] | None = None
    traced: bool = True
    """Whether the guest could be traced: it is Python, and its deployment holds its modules."""
    placed: bool = False
    """Whether the guest told where its effects are, and no more: it is Rust, say."""
    padding: int = 0
    """The `padding` of the replay that kept to the path."""

    def lines(self, first: int = 0, last: int | None = None) -> Iterator[Line]:
        """Yield the executed lines in order; `first` and `last` count executed lines from 0."""
        pairs = self.line_pairs
        if pairs is None:
            return
        stop = len(pairs) // 2 if last is None else min(last, len(pairs) // 2)
        for n in range(first, stop):
            block = self.blocks[pairs[2 * n]]
            yield Line(block.file, pairs[2 * n + 1], block.function)

    def counts(self, file: str) -> dict[int, int]:
        """Return how often each executed line of a file was executed.

        Where lines are not seen, it is how many effects were asked for there.
        """
        found: Counter[int] = Counter(frame.line for frame in self._places() if frame.file == file)
        for (number, line), count in (self.line_counts or {}).items():
            if self.blocks[number].file == file:
                found[line] += count
        return dict(sorted(found.items()))

    @property
    def files(self) -> list[str]:
        """The user's files that were executed, in the order in which they were first."""
        if self.placed:
            return list(dict.fromkeys(frame.file for frame in self._places()))
        return list(dict.fromkeys(block.file for block in self.blocks.values()))

    def _places(self) -> Iterator[Frame]:
        """Yield where effects were asked for that are all that is seen of the user's code."""
        for point in self.points if self.placed else ():
            yield from point.frames[:1]


@dataclass(frozen=True, slots=True)
class Raised:
    """Where the error that ended a workflow came from."""

    frames: list[Frame]
    variables: list[list[Variable]]
    """By frame, if variables were traced."""
    points: int
    """Points passed before it."""


def trace(
    recording: Recording,
    *,
    stacks: bool = True,
    lines: bool = False,
    variables: bool = False,
    seconds_max: float = SECONDS_MAX,
) -> ExecutionPath:
    """Replay a recording and return its path. Nothing is performed or recorded.

    It blocks for as long as the guest computes. A replay that leaves the recorded path, or breaks,
    is no exception here: `error` tells, and the path is what came before. Raises `UsageError`,
    `DeploymentInvalid`, `WorkflowNotFound`, `ReplayTooLong`.
    """
    for padding in range(LAYOUTS_MAX):
        with Replayer(recording, seconds_max=seconds_max, padding=padding) as replay:
            path = follow(replay, stacks=stacks, lines=lines, variables=variables)
        if not isinstance(path.error, TracingChangesPath):
            break
    return path


def follow(
    replay: Replayer, *, stacks: bool = True, lines: bool = False, variables: bool = False
) -> ExecutionPath:
    """Let a replay that has not begun go to its end, and return its path; see `trace`."""
    world = replay.world
    raised = None
    try:
        stop = replay.go(Watch(stacks=stacks, record=lines, variables=variables))
        if stop.reason == "raised":
            raised = _raised(replay, stop, variables=variables)
            replay.go()
    except FlawlessError as error:
        if replay.error is not error or isinstance(error, ReplayTooLong):
            raise
    if not lines:
        pairs, counts = None, None
    else:
        pairs, counts = memoryview(world.lines).toreadonly(), world.counts
    return ExecutionPath(
        replay.recording,
        world.points,
        world.blocks,
        replay.end,
        None if replay.end is not None else replay.error,
        raised,
        world.questions,
        world.lines_seen,
        world.lines_seen > LINES_MAX,
        pairs,
        counts,
        world.traced,
        world.whereabouts is not None,
        world.padding,
    )


def _raised(replay: Replayer, stop: Stop, *, variables: bool) -> Raised:
    shown = replay.variables_of(stop.frames) if variables else []
    return Raised(stop.frames, shown, stop.points)
