"""JSON Schemas that nobody needs to trust: values are checked against them in bounded time.

They come from components. Three things keep the work within bounds: a schema only refers to
definitions of its own (what else may refer is not followed, and refused), a schema that looks at
too many subschemas is refused, and so is a value that is too large for the number of them, or
that is deeper than values may be.

A definition may contain itself. The validator remembers what it has found out about a value and a
reference that comes back to itself, as long as it is only asked whether the value is valid: so it
is asked that first. What is wrong is looked for without memory, and only where that is cheap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from flawless.codec import DEPTH_MAX
from flawless.errors import InputInvalid

MESSAGE_CHARS_MAX: Final = 500
"""What is shown of what a validator says; it quotes the value, which may be large."""
EVALUATIONS_MAX: Final = 10_000
"""Subschemas that are looked at for one value, as far as definitions do not contain themselves."""
WORK_MAX: Final = 2_000_000_000
"""Evaluations times the bytes of a value: two seconds in the worst case, mostly far less."""
EXPLAINING_MAX: Final = 5_000_000
"""The same, for telling what is wrong: the validator then copies a value for each alternative."""

DIALECTS: Final = (
    "https://json-schema.org/draft/2020-12/schema",
    "http://json-schema.org/draft-07/schema",
)
_ELSEWHERE: Final = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
_LEFT_OVER: Final = ("unevaluatedProperties", "unevaluatedItems")
"""Keywords that look at everything beside them once more, and do not remember what they found."""
_OWN: Final = ("properties",)
"""What those only look at the names of."""
_DEFINITIONS: Final = ("$defs", "definitions")


class SchemaInvalid(ValueError):
    """A JSON Schema that is none, or that no value can be checked against in bounded time."""


class Schema:
    """A JSON Schema, compiled. Raises `SchemaInvalid`.

    Nothing is fetched for it from anywhere, and its patterns are matched in linear time.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        import jsonschema_rs  # who has Python workflows alone need not load it

        try:
            _check_keywords(schema)
            counted = _Count(schema)
            self._evaluations = counted.evaluations
            self._returns = counted.returns
            self._validator = jsonschema_rs.validator_for(
                schema,
                offline=True,
                validate_formats=True,
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except RecursionError as error:
            raise SchemaInvalid("it is nested too deep") from error
        except ValueError as error:
            text = getattr(error, "message", None) or str(error)
            raise SchemaInvalid(_cut(text)) from error

    def check(self, value: Any, path: str) -> None:
        """Raise `InputInvalid` naming the place unless a plain JSON value fits."""
        size = len(msgspec.json.encode(value))
        if size * self._evaluations > WORK_MAX:
            raise InputInvalid(
                f"{path}: has {size:,} bytes, and its schema is so large that "
                f"{WORK_MAX // self._evaluations:,} are the limit",
                path=path,
            )
        if self._returns and _depth(value) > DEPTH_MAX:
            # The validator calls itself for each level, and for what it looks at on each.
            raise InputInvalid(
                f"{path}: is nested more than {DEPTH_MAX} levels deep: flatten it", path=path
            )
        if self._validator.is_valid(value):
            return
        problem = self._problem(value, size)
        if problem is None:
            raise InputInvalid(
                f"{path}: does not fit its schema, and is too large or too deep to tell where",
                path=path,
            )
        where = path + "".join(map(_member, problem.instance_path))
        raise InputInvalid(f"{where}: {_cut(problem.message)}", path=where)

    def _problem(self, value: Any, size: int) -> Any:
        """Return what is wrong with a value, or None if it would take long to find that out."""
        work = size * self._evaluations
        if self._returns:
            depth = _depth(value)
            work *= depth * self._returns**depth
        if work > EXPLAINING_MAX:
            return None
        try:
            return next(iter(self._validator.iter_errors(value)), None)
        except ValueError:  # it does not tell of values that are nested too deep
            return None


class _Count:
    """Counts the subschemas for one value. Raises `SchemaInvalid` if there are too many.

    `returns` is how many references lead back to a definition that they are part of: so many times
    over a value may be looked at, for each of its levels.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._known: dict[str, tuple[int, int]] = {}
        self._open: set[str] = {"#"}
        self.returns = 0
        self.evaluations = self._count(schema)

    def _count(self, part: Any) -> int:
        total = 1
        if isinstance(part, list):
            total += sum(map(self._count, part))
        elif isinstance(part, dict):
            total += self._count_object(part)
        if total > EVALUATIONS_MAX:
            raise SchemaInvalid(f"a value would be held to more than {EVALUATIONS_MAX:,} schemas")
        return total

    def _count_object(self, part: dict[str, Any]) -> int:
        skipped = _DEFINITIONS if part is self._schema else ()
        own = sum(self._count(part[name]) for name in _OWN if name in part)
        before = self.returns
        total = sum(
            self._count(item)
            for name, item in part.items()
            if name not in skipped and name not in _OWN
        )
        pointer = part.get("$ref")
        if isinstance(pointer, str):
            total += self._referred(pointer)
        if self.returns > before:
            for keyword in _LEFT_OVER:
                if keyword in part:
                    raise SchemaInvalid(
                        f"it has a {keyword!r} beside what contains itself: that cannot be checked "
                        "in bounded time"
                    )
        return own + total

    def _referred(self, pointer: str) -> int:
        if pointer in self._open:
            self.returns += 1
            return 1  # it ends where the value does
        if pointer in self._known:
            total, returns = self._known[pointer]
            self.returns += returns
            return total
        before = self.returns
        self._open.add(pointer)
        total = self._count(_definition(self._schema, pointer))
        self._open.discard(pointer)
        self._known[pointer] = total, self.returns - before
        return total


def _check_keywords(schema: Any) -> None:
    """Raise `SchemaInvalid` for what can refer in a way that is not counted."""
    for part in _objects(schema):
        dialect = part.get("$schema")
        if isinstance(dialect, str) and dialect.removesuffix("#") not in DIALECTS:
            raise SchemaInvalid(f"it is of {dialect!r}: known are {' and '.join(DIALECTS)}")
        for keyword in _ELSEWHERE:
            if isinstance(part.get(keyword), str):
                raise SchemaInvalid(
                    f"it has a {keyword!r}: refer with '$ref' to '#/$defs/NAME' instead"
                )


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _definition(schema: dict[str, Any], pointer: str) -> Any:
    """Return what a reference of a schema refers to: itself, or a definition of its own."""
    if pointer == "#":
        return schema
    start, _, name = pointer.rpartition("/")
    group = start.removeprefix("#/")
    if start.startswith("#/") and group in _DEFINITIONS:
        definitions = schema.get(group)
        name = unquote(name).replace("~1", "/").replace("~0", "~")
        if isinstance(definitions, dict) and name in definitions:
            return definitions[name]
    raise SchemaInvalid(
        f"its reference {pointer!r} is not to one of its own definitions, '#/$defs/NAME'"
    )


def _depth(value: Any) -> int:
    depth = 0
    level = [value]
    while level:
        depth += 1
        level = [
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
    return depth


def _member(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if part.isidentifier() else f"[{part!r}]"


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_CHARS_MAX else f"{text[:MESSAGE_CHARS_MAX]}..."
