"""What there is to say about one method of one path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}


def whole(least: int, most: int, default: int) -> Schema:
    """Return the schema of a whole number between bounds."""
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query."""

    name: str
    schema: Schema
    description: str
    repeated: bool = False
    most: int = 1
    """How often a repeated one may be given."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path below `/api/v1`, or of one that begins with it (`root`).

    `answers` are the documents it may answer with by status: structs, media types of texts, or None
    where there is nothing. `problems` are the statuses of its own problems. Those that any request
    may meet (401, 403, 429, 503) need not be named, nor those that a query, a body or an id brings.
    """

    method: str
    path: str
    summary: str
    answers: dict[int, type | str | None]
    tag: str
    description: str = ""
    body: type | None = None
    needs_body: bool = True
    """Whether a request without a body is refused; else it is an empty object."""
    media: tuple[str, ...] = ()
    """Media types of other bodies, which are taken as they are."""
    rule: Schema | None = None
    """What else holds for the body, such as fields that exclude each other."""
    query: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = ()
    root: bool = False
    headers: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Headers of its answers, by status."""
