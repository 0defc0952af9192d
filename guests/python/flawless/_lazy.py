"""Finds the modules that functions import when they are called.

A trial import executes only what stands at a module's top level. A deployment must hold the rest as
well, so this reads the syntax trees and follows: from the user's code, any import inside a
function; from a library's, those within the library itself. Modules that were not executed are
followed at their top level, too.
"""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Iterator

from flawless import _loader, _standins
from flawless._loader import Unit
from flawless._loader import units as loaded

MODULES_MAX = 3_000


def units() -> list[Unit]:
    """Return modules that may be imported later, compiled but not executed."""
    found: dict[str, Unit] = {}
    refused: set[str] = set()
    queue = deque((unit, False) for unit in loaded.values())
    while queue and len(found) < MODULES_MAX:
        unit, whole = queue.popleft()
        text = unit.source if unit.source is not None else _loader.source(unit.name)
        if not text:
            continue
        for name in _imports(unit, ast.parse(text), whole):
            if not whole and not unit.user and _top(name) != _top(unit.name):
                continue
            for candidate in _with_parents(name):
                if candidate in loaded or candidate in found or candidate in refused:
                    continue
                made = _ask(candidate)
                if made is None:
                    refused.add(candidate)
                    break
                found[candidate] = made
                queue.append((made, True))
    return list(found.values())


def _ask(name: str) -> Unit | None:
    if name in sys.modules or _top(name) in sys.stdlib_module_names | {"flawless"}:
        return None
    if any(_standins.covers(parent) for parent in _with_parents(name)):
        return None
    answer = _loader.ask(name)
    if answer["kind"] not in {"source", "code"}:
        return None
    try:
        unit = _loader.unit(name, answer)
    except (SyntaxError, ValueError):
        return None  # for another version of Python, say: the import will fail as natively
    if answer["kind"] == "source":
        unit.source = answer["source"]
    return unit


def _imports(unit: Unit, tree: ast.Module, whole: bool) -> Iterator[str]:
    """Yield the absolute names imported in functions, or anywhere if `whole`."""
    package = unit.name if unit.package else unit.name.rpartition(".")[0]
    stack: list[tuple[ast.AST, bool]] = [(tree, whole)]
    while stack:
        node, counts = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            stack += [(child, counts) for child in node.orelse]
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            counts = True
        if counts and isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif counts and isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            if base:
                yield base
                for alias in node.names:
                    yield f"{base}.{alias.name}"
        stack += [(child, counts) for child in ast.iter_child_nodes(node)]


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    if node.level > len(parts):
        return ""
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _top(name: str) -> str:
    return name.partition(".")[0]
