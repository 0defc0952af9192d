"""Threads, frames and values with the numbers by which an editor asks for more of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from flawless.timetravel.dap.paths import SourcePaths
from flawless.timetravel.model import Frame, Variable
from flawless.timetravel.problems import NoSuchFrame
from flawless.timetravel.stepping.debugger import Debugger

MAIN = 1
"""The thread that is always there: the workflow, or the task that runs it."""
_MAIN_NAMES = ("main", "Task-1")


class FrameAt(NamedTuple):
    """A frame of this stop."""

    thread: int
    frame: int


class Holder(NamedTuple):
    """Something that holds variables: a scope of a frame, or a value."""

    kind: Literal["locals", "globals", "value"]
    thread: int
    number: int
    """Of the frame, or the value's own."""


@dataclass(slots=True)
class Shapes:
    """What an editor was told at this stop. Numbers are given once, so old ones mean nothing."""

    debugger: Debugger
    paths: SourcePaths
    line_first: int = 1
    """What the editor calls the first line."""
    _threads: dict[str, int] = field(default_factory=dict)
    _frames: dict[int, FrameAt] = field(default_factory=dict)
    _holders: dict[int, Holder] = field(default_factory=dict)
    _given: int = 0

    def forget(self) -> None:
        """Begin a new stop."""
        self._frames.clear()
        self._holders.clear()

    def forget_values(self) -> None:
        """Forget values, of which the guest is gone; frames are the same in the next one."""
        self._holders = {n: one for n, one in self._holders.items() if one.kind != "value"}

    # --- threads and frames -------------------------------------------------------------------

    def threads(self) -> list[dict[str, Any]]:
        """Return the protocol's threads; there is always one."""
        found = [
            {"id": self._thread_id(one.name), "name": one.name} for one in self.debugger.threads
        ]
        if not any(one["id"] == MAIN for one in found):
            found.append({"id": MAIN, "name": "main"})
        return sorted(found, key=lambda one: str(one["id"]).rjust(9))

    def current_thread(self) -> int:
        """Return the id of the thread that the debugger has chosen."""
        chosen = self.debugger.thread
        return MAIN if chosen is None else self._thread_id(chosen.name)

    def frames(self, thread: int, first: int, count: int) -> dict[str, Any]:
        """Return some of a thread's stack frames, and how many there are."""
        for number, one in enumerate(self.debugger.threads):
            if self._thread_id(one.name) == thread:
                shown = list(enumerate(one.frames))[first : first + count if count else None]
                return {
                    "stackFrames": [self._frame(number, n, frame) for n, frame in shown],
                    "totalFrames": len(one.frames),
                }
        return {"stackFrames": [], "totalFrames": 0}

    def frame_at(self, number: Any) -> FrameAt:
        """Return the frame that an editor means. Raises `NoSuchFrame`."""
        found = self._frames.get(number) if isinstance(number, int) else None
        if found is None:
            raise NoSuchFrame(
                f"there is no frame {number!r} at this place: ask for the stack again"
            )
        return found

    def _thread_id(self, name: str) -> int:
        if name in _MAIN_NAMES:
            return MAIN
        return self._threads.setdefault(name, len(self._threads) + MAIN + 1)

    def _frame(self, thread: int, number: int, frame: Frame) -> dict[str, Any]:
        identifier = self._new()
        self._frames[identifier] = FrameAt(thread, number)
        shown: dict[str, Any] = {
            "id": identifier,
            "name": frame.function,
            "line": frame.line - 1 + self.line_first,
            "column": self.line_first,
            "source": self.paths.source(frame.file),
        }
        return shown if frame.user else shown | {"presentationHint": "subtle"}

    # --- values -------------------------------------------------------------------------------

    def scopes(self, at: FrameAt) -> list[dict[str, Any]]:
        """Return the scopes of a frame; none where nothing is known of variables."""
        if not self.debugger.has_lines:
            return []
        return [
            {
                "name": "Locals",
                "presentationHint": "locals",
                "variablesReference": self._holder(Holder("locals", at.thread, at.frame)),
                "expensive": False,
            },
            {
                "name": "Globals",
                "variablesReference": self._holder(Holder("globals", at.thread, at.frame)),
                "expensive": True,
            },
        ]

    def variables(self, reference: Any) -> list[dict[str, Any]]:
        """Return what a scope or a value holds. Raises `NoSuchFrame`."""
        holder = self._holders.get(reference) if isinstance(reference, int) else None
        if holder is None:
            raise NoSuchFrame(f"there is no value {reference!r} at this place: ask for it again")
        match holder.kind:
            case "locals":
                found = self.debugger.variables(holder.number, holder.thread)
            case "globals":
                found = self.debugger.module_variables(holder.number, holder.thread)
            case "value":
                found = self.debugger.children(holder.number)
        return [self.variable(one) for one in found]

    def variable(self, variable: Variable) -> dict[str, Any]:
        """Return a variable, with a number to ask for its parts by if it has any."""
        reference = 0
        if variable.ref is not None:
            reference = self._holder(Holder("value", 0, variable.ref))
        return {
            "name": variable.name,
            "value": variable.text,
            "type": variable.type,
            "variablesReference": reference,
        }

    def _holder(self, holder: Holder) -> int:
        number = self._new()
        self._holders[number] = holder
        return number

    def _new(self) -> int:
        self._given += 1
        return self._given
