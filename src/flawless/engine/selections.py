"""What callers ask lists for, checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from flawless.core.attributes import checked_attributes
from flawless.core.status import Status
from flawless.errors import InputInvalid
from flawless.stores.base import Selection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_US_MAX = 1 << 62


def select(
    *,
    status: str | None = None,
    workflow: str | None = None,
    prefix: str = "",
    created_after_us: int | None = None,
    created_before_us: int | None = None,
    attributes: Mapping[str, str] | None = None,
    runs: bool = False,
) -> Selection:
    """Return which executions a list is to show; see `Selection`.

    Raises `InputInvalid` when there is no such status, or no attribute can be so.
    """
    return Selection(
        status=_status(status),
        workflow=workflow,
        prefix=prefix,
        created_after_us=_time(created_after_us),
        created_before_us=_time(created_before_us),
        attributes=checked_attributes(attributes or {}),
        runs=runs,
    )


def moment_us(moment: datetime | None, path: str) -> int | None:
    """Return a moment as microseconds since the epoch; raises `InputInvalid` without a zone."""
    if moment is None:
        return None
    given: object = moment
    if not isinstance(given, datetime) or given.utcoffset() is None:
        raise InputInvalid(
            f"{path} is a datetime with a time zone, such as datetime.now(UTC), not {moment!r}",
            path=path,
        )
    return (given - _EPOCH) // timedelta(microseconds=1)


def _status(text: str | None) -> Status | None:
    try:
        return None if text is None else Status(text)
    except ValueError:
        known = ", ".join(Status)
        raise InputInvalid(f"{text!r} is no status; there are {known}", path="status") from None


def _time(us: int | None) -> int | None:
    """Keep a time within what a store can hold: none is outside of it."""
    return None if us is None else max(-_TIME_US_MAX, min(us, _TIME_US_MAX))
