"""What is to be seen at a place of a path as a document, and what is different there."""

from __future__ import annotations

from flawless import api
from flawless.timetravel.model import Variable
from flawless.timetravel.studies.observatory import View
from flawless.timetravel.studies.study import RAISED, Level


def place(view: View) -> api.PathPlace:
    """Return a view as a document."""
    now, before = view.sight, view.before
    known = [] if before is None else [before.stack, *before.tasks.values()]
    at = view.place
    raised = at is RAISED
    recording = view.recording
    return api.PathPlace(
        recording.execution,
        recording.run,
        len(recording.entries),
        None if raised else at.point,
        at.lines,
        raised,
        before is not None,
        _levels(now.stack, _same(now.stack, known)),
        [
            api.PathTask(
                name,
                _levels(
                    stack, [] if before is None else before.tasks.get(name) or _same(stack, known)
                ),
            )
            for name, stack in now.tasks.items()
        ],
    )


def _same(stack: list[Level], known: list[list[Level]]) -> list[Level]:
    """Return which of the stacks there were is this one, judged by the outermost function."""
    if not stack:
        return []
    for other in known:
        if other and _where(other[-1]) == _where(stack[-1]):
            return other
    return []


def _where(level: Level) -> tuple[str, str]:
    return level.frame.file, level.frame.function


def _levels(stack: list[Level], before: list[Level]) -> list[api.PathLevel]:
    found = []
    for number, level in enumerate(stack):
        out = len(stack) - number  # counted from the outermost, which stays
        old = before[-out] if out <= len(before) else None
        known = old.variables if old is not None and _where(old) == _where(level) else None
        frame = level.frame
        found.append(
            api.PathLevel(
                frame.file,
                frame.line,
                frame.function,
                frame.user,
                None if level.variables is None else _variables(level.variables, known),
            )
        )
    return found


def _variables(now: list[Variable], before: list[Variable] | None) -> list[api.PathVariable]:
    known = None if before is None else {one.name: one for one in before}
    return [_variable(one, known) for one in now]


def _variable(now: Variable, known: dict[str, Variable] | None) -> api.PathVariable:
    old = None if known is None else known.get(now.name)
    children = _variables(now.children, None if old is None else old.children)
    shown = api.PathVariable(now.name, now.type, now.text, now.size, children)
    if known is None:
        return shown
    if old is None:
        shown.change = "new"
    elif (old.text, old.type, old.size) != (now.text, now.type, now.size) or any(
        one.change for one in children
    ):
        shown.change = "changed"
        shown.before = old.text if old.text != now.text else None
    return shown
