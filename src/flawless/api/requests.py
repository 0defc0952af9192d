"""The bodies of requests."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class StartRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions`. `wait` is another name of `wait_s`."""

    workflow: str
    input: Any = None
    id: str | None = None
    wait: float = 0.0
    wait_s: float = 0.0
    deadline_s: float | None = None


class MessageRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/messages`. With an `id` it may be sent twice."""

    name: str
    payload: Any = None
    id: str | None = None


class CancelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/cancel`. With an `id` it may be sent twice."""

    reason: str = ""
    grace_s: float | None = None
    by: str = ""
    id: str | None = None


class TerminateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/terminate`."""

    reason: str = ""
    by: str = ""


class RetryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/retry`."""

    from_start: bool = False
    effect: int | None = None
    by: str = ""


class ResolveRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/resolve`: one of `ok`, `error` and `retry`."""

    effect: int | None = None
    ok: Any = UNSET
    error: str | UnsetType = UNSET
    retry: bool = False
    by: str = ""
