"""`replay --trace --json`: the path as JSON documents, one on each line, written as they are made.

The first has `kind` "replay", the last "end"; between them are "effect", "line" (with `--trace
lines`, in the order of execution) and, behind those, "counts" for each file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from flawless.cli.replay_output import head, outcome
from flawless.timetravel.whatif.differences import readable

if TYPE_CHECKING:
    from flawless.cli.replay_traces import Tracing
    from flawless.timetravel.model import Frame, Point, Variable
    from flawless.timetravel.path import Line


def write(tracing: Tracing, *, lines: bool) -> None:
    """Write the whole path."""
    write_all(documents(tracing, lines=lines))


def write_all(found: Iterable[dict[str, Any] | bytes]) -> None:
    """Write documents as they come, one on each line."""
    out = sys.stdout.buffer
    for document in found:
        out.write((document if isinstance(document, bytes) else encoded(document)) + b"\n")
    out.flush()


def encoded(document: dict[str, Any]) -> bytes:
    """Return a document on one line."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def documents(tracing: Tracing, *, lines: bool) -> Iterator[dict[str, Any] | bytes]:
    """Yield what is written."""
    path = tracing.path
    yield {"kind": "replay"} | head(tracing.found)
    points = iter(path.points)
    point = next(points, None)
    known: dict[Line, bytes] = {}
    for number, line in enumerate(path.lines()):
        while point is not None and point.lines_before <= number:
            yield effect(tracing, point)
            point = next(points, None)
        rest = known.get(line)
        if rest is None:
            rest = known[line] = _line(tracing, line)
        yield b'{"kind":"line","number":%d,%b' % (number, rest)
    while point is not None:
        yield effect(tracing, point)
        point = next(points, None)
    for file in path.files if lines else ():
        yield {"kind": "counts", "file": file, "counts": path.counts(file)}
    yield _end(tracing, lines=lines)


def _line(tracing: Tracing, line: Line) -> bytes:
    """Return the document of a line as text, without what comes first."""
    text = tracing.sources.line(line.file, line.line).strip()
    rest = {"file": line.file, "line": line.line, "function": line.function, "text": text}
    return encoded(rest).removeprefix(b"{")


def effect(tracing: Tracing, point: Point) -> dict[str, Any]:
    """Return an effect as a document."""
    return {
        "kind": "effect",
        "number": point.position,
        "label": tracing.labels.label(point),
        "outcome": tracing.labels.outcome(point),
        "elapsed_us": None if point.entry is None else point.entry.at,
        "request": readable(point.request),
        "stack": stack(tracing, point.frames, point.variables),
        "tasks": [
            {"name": task.name, "stack": stack(tracing, task.frames, [])} for task in point.tasks
        ],
    }


def stack(
    tracing: Tracing, frames: list[Frame], variables: list[list[Variable]]
) -> list[dict[str, Any]]:
    """Return a stack as a document, innermost frame first, with variables where they are known."""
    found = []
    for number, frame in enumerate(frames):
        document = {
            "file": frame.file,
            "line": frame.line,
            "function": frame.function,
            "user": frame.user,
            "text": tracing.source(frame),
        }
        if number < len(variables) and frame.user:
            document["variables"] = told_variables(variables[number])
        found.append(document)
    return found


def told_variables(variables: list[Variable]) -> list[dict[str, Any]]:
    """Return variables as documents."""
    told: list[dict[str, Any]] = msgspec.to_builtins(variables)
    for one in told:
        one.pop("ref", None)
    return told


def _end(tracing: Tracing, *, lines: bool) -> dict[str, Any]:
    path = tracing.path
    document: dict[str, Any] = {"kind": "end"} | outcome(path.end, path.error)
    if lines:
        document |= {"lines": path.line_count, "truncated": path.truncated}
    if path.raised is not None:
        document["raised"] = stack(tracing, tracing.last_frames, tracing.last_variables)
    return document
