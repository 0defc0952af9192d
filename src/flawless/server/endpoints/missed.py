"""Which lines of a source were not executed: those of statements inside functions."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator

SOURCE_CHARS_MAX = 1_000_000
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def missed_lines(source: str, executed: Container[int]) -> list[int]:
    """Return the lines of the statements in functions of which no line was `executed`.

    A statement of several lines counts as one, and of compound ones the head does. There are none
    for a source that this Python cannot read.
    """
    if len(source) > SOURCE_CHARS_MAX:
        return []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            for statement in _statements(node.body):
                lines = _own_lines(statement)
                if not any(line in executed for line in lines):
                    found.update(lines)
    return sorted(found)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for place, statement in enumerate(body):
        if place == 0 and _is_text(statement):
            continue  # a docstring is nothing to execute
        if isinstance(statement, ast.Global | ast.Nonlocal | ast.ClassDef):
            continue
        yield statement
        if isinstance(statement, _FUNCTIONS):
            continue  # has its own turn
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, []))
        for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
            yield from _statements(part.body)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _own_lines(statement: ast.stmt) -> range:
    """Return the lines of a statement, without those of the statements in it."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if isinstance(statement, ast.Try | ast.TryStar):
        return range(0)  # `try:` is no line that is executed
    last = statement.end_lineno or statement.lineno
    if body:
        inner = getattr(body[0], "lineno", None) or body[0].pattern.lineno
        last = max(statement.lineno, inner - 1)
    return range(statement.lineno, last + 1)
