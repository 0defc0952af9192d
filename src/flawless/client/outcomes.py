"""What became of an execution, as a value or an error."""

from __future__ import annotations

from typing import Any

import msgspec

from flawless import api
from flawless.errors import ExecutionCancelled, ExecutionFailed, UsageError
from flawless.ids import latest_run

_FINAL = {"completed", "failed", "cancelled"}


def value(outcome: api.Outcome | api.StartedExecution) -> Any:
    """Return the result of an execution that has ended.

    Raises `ExecutionFailed`, `ExecutionCancelled`, and `UsageError` for an earlier run that ended
    with `continue_as_new`.
    """
    if isinstance(outcome, api.Outcome) and outcome.continued is not msgspec.UNSET:
        execution = latest_run(outcome.id)
        raise UsageError(
            f"{outcome.id} has no result, it went on as the next run: ask for that of {execution}"
        )
    if outcome.status == "completed":
        return outcome.result
    error = outcome.error if isinstance(outcome.error, dict) else {}
    if outcome.status == "cancelled":
        raise ExecutionCancelled(outcome.id, str(error.get("message", "")))
    type_ = f"{error.get('module', '')}.{error.get('type', '')}".removeprefix("builtins.")
    raise ExecutionFailed(
        outcome.id,
        type_.strip("."),
        str(error.get("message", outcome.status)),
        str(error.get("traceback", "")),
        error,
    )


def ended(outcome: api.Outcome) -> api.Outcome | None:
    """Return `outcome` if it is one already."""
    return outcome if outcome.status in _FINAL else None


def replied(reply: api.Reply) -> api.Reply | None:
    """Return `reply` if there is a response or an end."""
    return reply if reply.response is not msgspec.UNSET or reply.status in _FINAL else None
