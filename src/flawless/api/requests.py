"""The bodies of requests."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from flawless.api.fields import (
    Attributes,
    By,
    DeploymentName,
    ForkPlace,
    Lifetime,
    MessageId,
    MessageName,
    Moment,
    NewId,
    Reason,
    Seconds,
)


class StartRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions`. `wait` is another name of `wait_s`.

    `attributes` are what lists find it by. It begins at `start_at` or after `delay_s`, else at
    once.
    """

    workflow: str
    input: Any = None
    id: NewId | None = None
    wait: Seconds = 0.0
    wait_s: Seconds = 0.0
    deadline_s: Lifetime | None = None
    attributes: Attributes = {}
    start_at: Moment | None = None
    delay_s: Lifetime | None = None


class MessageRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/messages`. With an `id` it may be sent twice."""

    name: MessageName
    payload: Any = None
    id: MessageId | None = None


class CancelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/cancel`. With an `id` it may be sent twice."""

    reason: Reason = ""
    grace_s: Lifetime | None = None
    by: By = ""
    id: MessageId | None = None


class TerminateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/terminate`. With an `id` it may be sent twice."""

    reason: Reason = ""
    by: By = ""
    id: MessageId | None = None


class RetryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/retry`."""

    from_start: bool = False
    effect: int | None = None
    by: By = ""


class ForkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/fork`. With an `id` it may be sent twice.

    The fork shares the journal's entries before position `at`. `deployment` is an id, or `latest`;
    without it the fork runs on the same one.
    """

    at: ForkPlace
    id: NewId | None = None
    deployment: DeploymentName | None = None


class ResolveRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/resolve`: one of `ok`, `error` and `retry`."""

    effect: int | None = None
    ok: Any = UNSET
    error: Reason | UnsetType = UNSET
    retry: bool = False
    by: By = ""
