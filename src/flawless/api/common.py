"""What all documents share: paths, limits, and how times are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

PREFIX = "/api/v1"
VERSION_HEADER = "Flawless-Version"
PROBLEM_TYPE = "urn:flawless:problem:"
"""A problem's `type` is this and the name of its class in `flawless.errors`, as in
`urn:flawless:problem:execution-not-found`."""
PROBLEM_FIELDS = {"status": "execution_status"}
"""Fields of errors whose own name means something else in a problem."""
WAIT_S_MAX = 60.0
"""The longest a request waits for a result; who asks for more waits this long."""
LIST_LIMIT = 50
LIST_LIMIT_MAX = 500
PARKED_LIMIT_MAX = 100
"""Parked executions on one page: the journal of each has to be read."""
DEPLOYMENTS_LIMIT_MAX = 100
"""Deployments on one page: the manifest of each has to be read."""
COMPONENT_BYTES_MAX = 64 * 1024 * 1024
"""The largest component that a server takes."""
JOURNAL_LIMIT = 1_000
JOURNAL_LIMIT_MAX = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = "9999-12-31T23:59:59.999999Z"


def slug(name: str) -> str:
    """Return the name of a class as problems write it: `execution-not-found`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def timestamp(us: int) -> str:
    """Return a moment in microseconds since the epoch as RFC 3339, in UTC.

    What lies behind the year 9999, such as the end of a very long sleep, becomes its last moment.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        return _LAST
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}Z"


def microseconds(text: str) -> int:
    """Return microseconds since the epoch for what `timestamp` gave."""
    moment = datetime.fromisoformat(text)
    return (moment - _EPOCH) // timedelta(microseconds=1)
