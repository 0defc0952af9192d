"""The store's SQL, loaded from the `.sql` files beside this module."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

_HERE = files("flawless.stores.sqlite")
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


def _queries() -> dict[str, str]:
    """Return every statement of `queries.sql` by its name, on one line and without comments."""
    parts = _NAME.split((_HERE / "queries.sql").read_text(encoding="utf-8"))[1:]
    bodies = (_COMMENT.sub("", body) for body in parts[1::2])
    found = {
        name: " ".join(body.split()).rstrip(";")
        for name, body in zip(parts[::2], bodies, strict=True)
    }
    return {name: body.replace("{records}", found["records"]) for name, body in found.items()}


QUERIES: Final = _queries()


def schema() -> str:
    """Return `schema.sql`: what all migrations together must result in."""
    return (_HERE / "schema.sql").read_text(encoding="utf-8")


def migrations() -> dict[int, str]:
    """Return the migrations by their number, in ascending order. Released ones never change."""
    found = {
        int(entry.name[:4]): entry.read_text(encoding="utf-8")
        for entry in (_HERE / "migrations").iterdir()
        if entry.name.endswith(".sql")
    }
    assert sorted(found) == [*range(1, len(found) + 1)], "migrations are numbered without gaps"
    return dict(sorted(found.items()))
