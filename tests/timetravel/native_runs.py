"""Native runs of recorded workflows, and what makes their paths comparable with a guest's."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flawless.core.limits import Limits
from flawless.engine.replay import RecordedWorld, recorded_input
from flawless.timetravel.recording import Recording
from flawless.wasm import python_runtime

HERE = Path(__file__).resolve().parent
FOLDED = (".<listcomp>", ".<setcomp>", ".<dictcomp>")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)

Where = tuple[str, int, str]
"""File, line, function."""


@dataclass(frozen=True, slots=True)
class NativeRun:
    """What a workflow did outside of any guest."""

    output: dict[str, Any]
    path: list[Where]
    stacks: list[tuple[str, list[Where]]]
    """Of the workflow's module, innermost frame first, at each request."""
    questions: list[bytes]
    """As `replay` tells them, without the loading of modules."""


def unpack_guest(folder: Path) -> Path:
    """Write the guest's `flawless` package into a folder."""
    for name, content in python_runtime.guest_files().items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def run_natively(recording: Recording, package: Path, module: Path) -> NativeRun:
    """Run a recorded workflow in a process of its own, and answer it from the journal.

    Raises `Divergence` when it asks for something else than was recorded.
    """
    world = RecordedWorld(
        recording.execution, recording.entries, recording.deployment, Limits()
    )  # the journal, with nothing of a guest or a tracer
    given = recorded_input(recording.execution, recording.invoked, recording.deployment)
    with subprocess.Popen(
        [sys.executable, "-I", HERE / "native.py", package, module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            answer: Any = json.loads(given)
            while True:
                process.stdin.write(json.dumps(answer) + "\n")
                process.stdin.flush()
                said = json.loads(process.stdout.readline() or '{"died": true}')
                if "output" in said:
                    break
                answer = _answer(world, said)
        except BaseException:
            process.kill()
            raise
    return NativeRun(
        json.loads(said["output"]),
        [(file, line, function) for file, line, function in said["path"]],
        [(text, [(f, line, name) for f, line, name in stack]) for text, stack in said["stacks"]],
        world.questions,
    )


def _answer(world: RecordedWorld, said: dict[str, Any]) -> Any:
    match said:
        case {"call": text}:
            answer = world.call(text.encode())
            assert answer is not None, "the workflow goes on where its journal ends"
            return answer.decode()
        case {"random": size}:
            return world.random(size).hex()
        case {"clock": True}:
            return world.clock_ns()
    raise AssertionError(f"the native run said {said}")


# --- comparable paths -----------------------------------------------------------------------------


@dataclass(slots=True)
class Canonical:
    """Paths of one module, without what Python 3.12 and later do differently from Python 3.11.

    There are three such places in the source, called regions here:

    - Comprehensions (PEP 709) have no frames of their own any more. The old one has a line event
      for each turn of a comprehension, in a function `<listcomp>`; the new one has events of the
      function itself, and only where a line begins.
    - A generator expression over several lines begins on another of them.
    - The head of a `with` over several lines is entered and left by way of other lines.

    So the lines of a region count as one, its first, in the function around it; and what comes of
    that region until the function goes on outside of it counts as this one visit. Nothing else
    is left out or changed: outside of regions, paths are compared as they are.
    """

    source: str
    regions: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        found = sorted(_regions(ast.parse(self.source)))
        self.regions = [
            one
            for one in found
            if not any(a <= one[0] and one[1] <= b and (a, b) != one for a, b in found)
        ]

    def region(self, where: Where) -> tuple[int, int] | None:
        """Return the region that an executed line is in; what a lambda does is none of it."""
        _, line, function = where
        if function.endswith("<lambda>"):
            return None
        found = next(((a, b) for a, b in self.regions if a <= line <= b), None)
        alone = found is not None and found[0] == found[1]
        return None if alone and function.endswith("<genexpr>") else found

    def path(self, path: Iterable[Where]) -> list[Where]:
        """Return a path in its comparable form."""
        inside: dict[str, tuple[int, int] | None] = {}
        found = []
        for file, line, name in path:
            function = _folded(name)
            region = self.region((file, line, function))
            if region is None:
                found.append((file, line, function))
            elif inside.get(function) != region:
                found.append((file, region[0], function))
            inside[function] = region
        return found

    def stack(self, stack: Iterable[Where]) -> list[Where]:
        """Return a stack in its comparable form, in which comprehensions have no frames."""
        found = []
        for file, line, name in stack:
            if not name.endswith(FOLDED):
                region = self.region((file, line, name))
                found.append((file, line if region is None else region[0], _folded(name)))
        return found


def _folded(function: str) -> str:
    for part in FOLDED:
        function = function.replace(part, "")
    return function.removesuffix(".<locals>")


def _regions(tree: ast.Module) -> Iterable[tuple[int, int]]:
    for node in ast.walk(tree):
        several = isinstance(node, ast.GeneratorExp) and node.end_lineno != node.lineno
        if several or isinstance(node, COMPREHENSIONS):
            assert isinstance(node, ast.expr)
            yield node.lineno, node.end_lineno or node.lineno
        elif isinstance(node, ast.With | ast.AsyncWith):
            last = max(item.context_expr.end_lineno or 0 for item in node.items)
            if last > node.lineno:
                yield node.lineno, last
