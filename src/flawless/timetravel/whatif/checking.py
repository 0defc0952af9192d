"""The compatibility check: would recorded executions take the same path on other code?

    with Checker(code, jobs=4) as checker:
        for found in checker.check(exports):
            found.verdict, found.execution

An execution stays on the deployment that it began with, so new code breaks none that is under way.
The check tells what is found out otherwise only afterwards: whether the new code does what the old
one did in every case that there was, and whether executions could be forked to it.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from flawless.core.entries import Completed, Continued, End, Slept, describe
from flawless.engine.deployment import Deployment
from flawless.engine.endings import full_type
from flawless.errors import EngineError, FlawlessError
from flawless.timetravel.code import Code, load_component
from flawless.timetravel.files.importing import open_export
from flawless.timetravel.labels import ending, users_line
from flawless.timetravel.recording import Recording
from flawless.timetravel.whatif.differences import told_difference
from flawless.timetravel.whatif.patching import WhatIf, WorkflowGone, hold_against
from flawless.wasm import Component

Compatibility: TypeAlias = Literal["compatible", "diverges", "fails", "skipped", "unknown"]
"""What a check says of an execution.

- `compatible`: the new code takes the recorded path, to its end. It may return another result.
- `diverges`: it asks for something else. `fails`: it raises an error that there was not.
- `skipped`: the new code has no workflow of that name.
- `unknown`: it could not be found out: the recording is damaged, or takes too long.
"""

SECONDS_MAX: Final = 120.0
"""How long the replay of one execution may take."""
DIFFERENCES_TOLD: Final = 3
AHEAD: Final = 2
"""Recordings that wait for each process: they are all that is in memory."""


class Checked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check says of one execution."""

    execution: str
    workflow: str
    status: str
    verdict: Compatibility
    text: str
    """The rest of the sentence, for people."""
    entries: int = 0
    position: int | None = None
    """The number of the entry at which they part."""
    recorded: str = ""
    requested: str = ""
    where: str = ""
    """File and line of the new code."""
    error: dict[str, str] | None = None
    """Type and message of the error it fails with."""
    note: str = ""
    """What is different though it is compatible."""


def check(recording: Recording, code: Code, *, seconds_max: float = SECONDS_MAX) -> Checked:
    """Hold other code against a recording; nothing is performed, and nothing raised."""
    common: dict[str, Any] = {
        "execution": recording.execution,
        "workflow": recording.workflow,
        "status": recording.status,
        "entries": len(recording.entries),
    }
    try:
        found = hold_against(recording, code, traced=False, seconds_max=seconds_max)
        alike = _is_alike(found)
        if alike or _is_nowhere(found):  # clocks and ends do not tell their lines by themselves
            found = hold_against(
                recording, code, traced=True, original=alike, seconds_max=seconds_max
            )
    except WorkflowGone:
        return Checked(**common, verdict="skipped", text="(workflow gone)")
    except FlawlessError as error:
        return Checked(**common, verdict="unknown", text=f": {error}")
    return Checked(**common, **_verdict(found))


def _is_alike(found: WhatIf) -> bool:
    """Whether both ask for the same by name: then only their arguments tell them apart."""
    at = found.divergence
    if at is None:
        return False
    if isinstance(found.recording.entries[at.position], Slept):
        return at.requested.what.startswith("sleep ")
    return at.recorded.what == at.requested.what


def _is_nowhere(found: WhatIf) -> bool:
    if found.divergence is not None:
        return not found.divergence.where
    return found.verdict == "goes on" and _returned(found.recorded_end)


def _verdict(found: WhatIf) -> dict[str, Any]:
    if found.failure is not None:
        return _failing(found)
    if found.divergence is not None:
        at = found.divergence
        where = users_line(at.requested.frames) or at.where.partition(" ")[0]
        requested = at.requested.what
        if _is_alike(found):
            told = [told_difference(one) for one in at.differences[:DIFFERENCES_TOLD]]
            requested = f"the same with {', '.join(told) or 'other arguments'}"
        return _diverging(at.position, at.recorded.what, requested, where)
    if found.verdict == "goes on" and _returned(found.recorded_end):
        assert found.recorded_end is not None
        more = found.beyond[-1]
        return _diverging(
            found.passed, describe(found.recorded_end), more.what, users_line(more.frames)
        )
    note = ""
    if found.recorded_end is None and found.end is not None:
        note = f"where it waits, the new code ends: {ending(found.end)}"
    elif found.verdict == "ends otherwise":
        note = f"recorded: {ending(found.recorded_end)}, now: {ending(found.end)}"
    elif found.verdict == "goes on":
        note = f"goes on where it {ending(found.recorded_end)}"
    text = f"({note})" if note else ""
    return {"verdict": "compatible", "text": text, "note": note}


def _diverging(position: int, recorded: str, requested: str, where: str) -> dict[str, Any]:
    at = f" ({where})" if where else ""
    return {
        "verdict": "diverges",
        "text": f"at {position}: recorded {recorded}, requested {requested}{at}",
        "position": position,
        "recorded": recorded,
        "requested": requested,
        "where": where,
    }


def _failing(found: WhatIf) -> dict[str, Any]:
    failure = found.failure
    assert failure is not None
    if failure.end is not None:
        error = msgspec.json.decode(failure.end.payload)
        told = {"type": full_type(error), "message": str(error.get("message", ""))}
        frames = error.get("frames") or []
        where = f"{frames[-1]['file']}:{frames[-1]['line']}" if frames else ""
    else:
        told = {"type": type(failure.error).__name__, "message": str(failure.error)}
        where = users_line(failure.frames)
    at = f" ({where})" if where else ""
    return {
        "verdict": "fails",
        "text": f"with {told['type']}: {told['message']}{at}",
        "position": failure.position,
        "where": where,
        "error": told,
    }


def _returned(end: End | None) -> bool:
    return isinstance(end, Completed | Continued)


class Export(msgspec.Struct, frozen=True):
    """An execution to check: what a list says of it, and its export file."""

    execution: str
    workflow: str
    status: str
    content: bytes


class Checker:
    """Checks many executions, in `jobs` processes; with one job in this one."""

    def __init__(self, code: Code, jobs: int, *, seconds_max: float = SECONDS_MAX) -> None:
        self._code = code
        self._jobs = jobs
        self._seconds_max = seconds_max
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Checker:
        if self._jobs > 1:
            manifest = self._code.deployment.manifest
            self._pool = ProcessPoolExecutor(
                self._jobs,
                multiprocessing.get_context("spawn"),
                _begin,
                (self._code.deployment.encoded, manifest.component, self._seconds_max),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def check(self, exports: Iterable[Export]) -> Iterator[Checked]:
        """Yield what is found, in the order of the exports, of which few are asked for ahead."""
        pool = self._pool
        if pool is None:
            for export in exports:
                yield check_export(export, self._code, self._seconds_max)
            return
        waiting: deque[Future[Checked]] = deque()
        try:
            for export in exports:
                waiting.append(pool.submit(_work, export))
                if len(waiting) >= self._jobs * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise EngineError(
                "a process of the check has died: out of memory, perhaps. Try fewer with --jobs"
            ) from error


def check_export(export: Export, code: Code, seconds_max: float = SECONDS_MAX) -> Checked:
    """Check one execution, as it was exported."""
    try:
        recording = open_export(export.content, name=f"the export of {export.execution}").recording
    except FlawlessError as error:
        return Checked(
            execution=export.execution,
            workflow=export.workflow,
            status=export.status,
            verdict="unknown",
            text=f": {error}",
        )
    return check(recording, code, seconds_max=seconds_max)


_code: Code | None = None
_seconds_max = SECONDS_MAX


def _begin(manifest: bytes, sha256: str, seconds_max: float) -> None:
    """Begin a process: what follows is checked against this code."""
    global _code, _seconds_max
    component: Component = load_component(sha256, b"")
    _code, _seconds_max = Code(Deployment.decode(manifest), component), seconds_max


def _work(export: Export) -> Checked:
    assert _code is not None, "the process was begun"
    return check_export(export, _code, _seconds_max)
