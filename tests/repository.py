"""The repository as the structural tests see it: which files there are, and what they import."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "flawless"


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is, or would be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = (ROOT / name for name in listed.split("\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


def python_files(*folders: str) -> list[Path]:
    """Return the Python files, of `folders` only when some are named."""
    roots = [ROOT / folder for folder in folders] or [ROOT]
    return [
        path
        for path in files()
        if path.suffix == ".py" and any(path.is_relative_to(root) for root in roots)
    ]


def shown(path: Path) -> str:
    """Return `path` as people write it, relative to the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(path.read_text())


def module_name(path: Path) -> str:
    """Return the dotted name of a module below `src/`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> list[tuple[int, str]]:
    """Return (line, absolute dotted name) of everything a file imports, wherever it does so.

    `from a import b` counts as `a.b`, for `b` may be a module.
    """
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                source = ".".join(filter(None, (package(path, node.level), source)))
            found += [(node.lineno, f"{source}.{alias.name}") for alias in node.names]
    return found


def package(path: Path, level: int) -> str:
    """Return the package that a relative import with so many dots starts from."""
    folder = path.parent
    for _ in range(level - 1):
        folder = folder.parent
    root = PACKAGE.parent if folder.is_relative_to(PACKAGE.parent) else ROOT
    return ".".join(folder.relative_to(root).parts)


def uses(path: Path) -> list[tuple[int, str]]:
    """Return (line, dotted name) of every attribute chain and name, with imports resolved.

    After `from datetime import datetime as d`, `d.now()` is reported as `datetime.datetime.now`.
    """
    known = aliases(path)
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name | ast.Attribute):
            head, *rest = dotted(node).split(".")
            if head in known:
                found.append((node.lineno, ".".join((known[head], *rest))))
    return found


def aliases(path: Path) -> dict[str, str]:
    """Return what each imported local name of a file stands for."""
    known = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                head = alias.name.split(".")[0]
                known[alias.asname or head] = alias.name if alias.asname else head
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for an attribute chain on a name, and an empty name for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""
