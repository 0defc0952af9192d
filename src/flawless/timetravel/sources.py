"""The sources of a deployment: what a line says, if it can be stopped at, where it is on disk."""

from __future__ import annotations

import ast
import os
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Final

from flawless.engine.deployment import Deployment
from flawless.timetravel.problems import NoSuchPlace

SOURCE_BYTES_MAX: Final = 4_000_000
"""A file on disk that is larger is none of the deployment's."""

CodeLines = Callable[[str, str], list[int]]
"""Returns the lines of functions that a file and its text have; only a guest knows."""


class Sources:
    """The user's sources in a deployment, by the names that stack frames have for them."""

    def __init__(self, deployment: Deployment, code_lines: CodeLines) -> None:
        modules = deployment.manifest.modules
        self._texts = {one.file: one.source for one in modules if one.source}
        self.files = [one.file for one in modules if one.user]
        self._code_lines = code_lines
        self._known: dict[str, list[int]] = {}
        self._steps: dict[str, list[range]] = {}

    def text(self, file: str) -> str | None:
        """Return a file's text; None where the deployment has none."""
        return self._texts.get(file)

    def lines(self, file: str) -> list[str]:
        """Return a file's lines, as Python counts them."""
        text = self._texts.get(file, "")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return lines if lines[-1] else lines[:-1]

    def line(self, file: str, line: int) -> str:
        """Return a line's text; empty where there is none."""
        found = self.lines(file)
        return found[line - 1] if 0 < line <= len(found) else ""

    def find(self, name: str) -> str:
        """Return the file that somebody means by `name`: all of its name, or the end of it.

        A path on disk means the file whose name it ends with. Raises `NoSuchPlace`.
        """
        wanted = PurePath(name.replace("\\", "/")).parts
        found = [file for file in self.files if _ends_alike(PurePath(file).parts, wanted)]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            exact = [file for file in found if file == name] or _longest(found, wanted)
            if len(exact) == 1:
                return exact[0]
            raise NoSuchPlace(f"{name} may be {' or '.join(found)}: write more of the name")
        raise NoSuchPlace(
            f"no file {name} is in the deployment: it has {', '.join(self.files[:20])}"
        )

    def code_lines(self, file: str) -> list[int]:
        """Return the lines of a file at which the execution can be stopped."""
        if file not in self._known:
            self._known[file] = self._code_lines(file, self._texts.get(file, ""))
        return self._known[file]

    def check_line(self, file: str, line: int) -> str:
        """Return a remark about a line that can be stopped at; empty: it is an ordinary one.

        Raises `NoSuchPlace` for one that cannot, and names the nearest that can.
        """
        lines = self.code_lines(file)
        if line in lines:
            return self._remark(file, line)
        last = len(self.lines(file))
        if not lines:
            raise NoSuchPlace(f"{file} has no function, so there is no line to stop at")
        at = bisect_left(lines, line)
        nearest = min(lines[max(0, at - 1) : at + 1], key=lambda one: (abs(one - line), -one))
        if not 0 < line <= last:
            what = f"there is no line {line} in {file}, which has {last}"
        else:
            what = f"line {line} of {file} is none that a function executes"
        raise NoSuchPlace(f"{what}; the nearest that a function executes is {nearest}")

    def _remark(self, file: str, line: int) -> str:
        if file not in self._steps:
            self._steps[file] = _step_bodies(self._texts.get(file, ""))
        if any(line in body for body in self._steps[file]):
            return "the body of a step runs outside of the workflow: no replay comes here"
        return ""

    def on_disk(self, file: str, roots: list[Path]) -> Path | None:
        """Return the file below one of the folders that has the same text as was deployed."""
        text = self._texts.get(file)
        if text is None or PurePath(file).is_absolute():
            return None
        for root in roots:
            path = Path(os.path.normpath(root / file))
            if same_text(path, text):
                return path
        return None

    def same_as(self, file: str, path: str) -> bool:
        """Whether a file on disk has the text that was deployed."""
        text = self._texts.get(file)
        return text is not None and same_text(Path(path), text)


def same_text(path: Path, text: str) -> bool:
    """Whether a file on disk holds this text."""
    try:
        if path.stat().st_size > SOURCE_BYTES_MAX:
            return False
        return path.read_bytes().decode("utf-8-sig").splitlines() == text.splitlines()
    except (OSError, ValueError):
        return False


def _ends_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    length = min(len(one), len(other))
    return length > 0 and one[-length:] == other[-length:]


def _longest(found: list[str], wanted: tuple[str, ...]) -> list[str]:
    """Return those of the files of which the most is in `wanted`: a path names one at most."""
    inside = [file for file in found if len(PurePath(file).parts) <= len(wanted)]
    most = max((len(PurePath(file).parts) for file in inside), default=0)
    return [file for file in inside if len(PurePath(file).parts) == most]


def _step_bodies(text: str) -> list[range]:
    """Return the lines of the bodies of steps, if this Python can read the source."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [
        range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(_names_step(one) for one in node.decorator_list)
    ]


def _names_step(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr == "step"
    return isinstance(decorator, ast.Name) and decorator.id == "step"
