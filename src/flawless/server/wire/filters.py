"""The parameters by which lists of executions, and the stream of their changes, are narrowed."""

from __future__ import annotations

from typing import Final

from flawless.engine.selections import select
from flawless.errors import InputInvalid
from flawless.server.wire.requests import Query
from flawless.stores.base import Selection

PARAMETERS: Final = frozenset(
    {"workflow", "prefix", "created_after", "created_before", "attribute", "runs"}
)
"""All but `status`, which a stream of changes does not take."""
REPEATABLE: Final = frozenset({"attribute"})


def selection(query: Query, status: str | None = None) -> Selection:
    """Return what a query selects; raises `InputInvalid` naming the parameter."""
    return select(
        status=status,
        workflow=query.text("workflow"),
        prefix=query.text("prefix") or "",
        created_after_us=query.moment_us("created_after"),
        created_before_us=query.moment_us("created_before"),
        attributes=_attributes(query.texts("attribute")),
        runs=query.flag("runs"),
    )


def _attributes(texts: list[str]) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise InputInvalid(f"attribute is NAME=VALUE, not {text!r}", path="attribute")
        if attributes.setdefault(name, value) != value:
            raise InputInvalid(
                f"the attribute {name} cannot have two values at once", path="attribute"
            )
    return attributes
