"""Which executions a list shows, and how it is cut into pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from flawless.core.status import Status
from flawless.stores.records import Record

SCANNED_MAX: Final = 5_000
"""How many executions one call of `Store.list` looks at, however few of them match."""

_SIGN: Final = "_"  # no id begins with it


class Selection(msgspec.Struct, frozen=True):
    """Conditions, all of which must hold.

    `prefix` is how the id begins (case matters), `created_after_us` the first moment that counts,
    `created_before_us` the first that does not count any more. An execution has all `attributes`.
    Earlier runs are left out unless `runs` is true.
    """

    status: Status | None = None
    workflow: str | None = None
    prefix: str = ""
    created_after_us: int | None = None
    created_before_us: int | None = None
    attributes: Mapping[str, str] = {}
    runs: bool = False

    def matches(self, record: Record) -> bool:
        """Whether an execution fulfils the conditions; `runs` is not looked at."""
        return (
            (self.status is None or record.status is self.status)
            and (self.workflow is None or record.workflow == self.workflow)
            and record.id.startswith(self.prefix)
            and (self.created_after_us is None or record.created_us >= self.created_after_us)
            and (self.created_before_us is None or record.created_us < self.created_before_us)
            and (not self.attributes or self.attributes.items() <= record.attributes.items())
        )


class Page(msgspec.Struct, frozen=True):
    """Some of the records that were asked for. With a `next` there may be more: see `Store.list`.

    A page may have fewer records than were asked for, or none, and yet a `next`.
    """

    records: list[Record]
    next: str | None = None


def cursor(place: int) -> str:
    """Return what stands for a place in the order of creation: all before it comes next."""
    return f"{_SIGN}{place}"


def place(text: str) -> int | None:
    """Return the place that a cursor stands for; None when it is none."""
    digits = text.removeprefix(_SIGN)
    plain = digits.isascii() and digits.isdigit() and len(digits) < 19
    return int(digits) if plain and text.startswith(_SIGN) else None
