"""What can be asked about executions, and how they are started."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from flawless import api
from flawless.client.call import Call, get, moment, path_of, post, present
from flawless.ids import new_execution_id

FORK_S_MAX: Final = 60.0
"""How long a fork may take to be made: its code goes along the shared entries first."""
EXPORT_S: Final = 60.0
"""What a server may take for an export: the first one of a component takes a moment."""


def start(
    workflow: str,
    input: Any = None,  # noqa: A002 (the word of the API)
    *,
    id: str | None = None,  # noqa: A002 (the word of the API)
    wait_s: float = 0.0,
    deadline_s: float | None = None,
    attributes: Mapping[str, str] | None = None,
    start_at: datetime | None = None,
    delay_s: float | None = None,
) -> Call[api.StartedExecution]:
    """Start an execution, and wait up to `wait_s` (60 at most) for its response or its end.

    With an id the start may be repeated: it gives the same execution, or raises
    `ExecutionConflict` when the id is taken by another one. Without one the client makes one up
    before it asks, so that what it repeats itself is the same execution too. It begins at
    `start_at`, or after `delay_s`, or at once. After `deadline_s` it is cancelled. `attributes` are
    what lists find it by. When this returns, the execution is durable.
    """
    body = {
        "workflow": workflow,
        "input": input,
        "id": new_execution_id() if id is None else id,
        "wait_s": wait_s,
        **present(
            deadline_s=deadline_s,
            attributes=None if attributes is None else dict(attributes),
            start_at=moment(start_at, "start_at"),
            delay_s=delay_s,
        ),
    }
    call = post("/executions", body, api.StartedExecution, wait_s=wait_s, repeatable=True)
    # Where the id was made up, one that is known already was started by an earlier attempt.
    return call if id is not None else call.then(_as_new)


def fork(
    execution: str,
    at: int,
    *,
    id: str | None = None,  # noqa: A002 (the word of the API)
    deployment: str | None = None,
) -> Call[api.ForkedExecution]:
    """Start an execution that shares the journal entries before position `at` of another one.

    It runs on the same code, unless `deployment` names other code, by its id or as `"latest"`. The
    ids are as in `start`. Raises `InputInvalid` when the journal cannot be cut there, `Divergence`
    when the code does not go along the shared entries, `DeploymentNotFound`, and
    `ExecutionConflict`. When this returns, the fork is durable.
    """
    known = new_execution_id() if id is None else id
    body = {"at": at, "id": known, **present(deployment=deployment)}
    path = path_of(execution, "/fork")
    call = post(path, body, api.ForkedExecution, wait_s=FORK_S_MAX, repeatable=True)
    return call if id is not None else call.then(_as_new_fork)


def get_execution(id: str) -> Call[api.ExecutionDetail]:  # noqa: A002 (the word of the API)
    """Return how an execution stands and what it has under way."""
    return get(path_of(id), api.ExecutionDetail)


def list_executions(
    *,
    status: str | None = None,
    workflow: str | None = None,
    prefix: str = "",
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    attributes: Mapping[str, str] | None = None,
    limit: int = api.LIST_LIMIT,
    before: str | None = None,
    runs: bool = False,
) -> Call[api.ExecutionPage]:
    """Return a page of executions, newest first; earlier runs (`ID~1`) only with `runs`.

    They fulfil all conditions. The page's `next` is the `before` of the next one; a page may be
    short, or empty, and yet have a `next`. See `executions`, which reads all pages.
    """
    query = [
        *filters(workflow, prefix, created_after, created_before, attributes),
        *present(status=status, limit=limit, before=before, runs="true" if runs else None).items(),
    ]
    return get("/executions", api.ExecutionPage, *query)


def filters(
    workflow: str | None,
    prefix: str,
    created_after: datetime | None,
    created_before: datetime | None,
    attributes: Mapping[str, str] | None,
) -> list[tuple[str, str]]:
    """Return what lists and streams of changes are narrowed by, as parameters."""
    query = present(
        workflow=workflow,
        prefix=prefix or None,
        created_after=moment(created_after, "created_after"),
        created_before=moment(created_before, "created_before"),
    )
    pairs = [("attribute", f"{name}={value}") for name, value in (attributes or {}).items()]
    return [*query.items(), *pairs]


def outcome(id: str, wait_s: float = 0.0) -> Call[api.Outcome]:  # noqa: A002 (the word of the API)
    """Return how an execution stands, waiting up to `wait_s` (60 at most) for its end."""
    return get(path_of(id, "/result"), api.Outcome, ("wait", wait_s), wait_s=wait_s)


def reply(id: str, wait_s: float = 0.0) -> Call[api.Reply]:  # noqa: A002 (the word of the API)
    """Return what an execution responded, waiting up to `wait_s` (60 at most) for it."""
    return get(path_of(id, "/response"), api.Reply, ("wait", wait_s), wait_s=wait_s)


def state(id: str) -> Call[api.State]:  # noqa: A002 (the word of the API)
    """Return what the workflow published last; `version` is None if it has not."""
    return get(path_of(id, "/state"), api.State)


def export(id: str, *, component: bool = True) -> Call[bytes]:  # noqa: A002 (the word of the API)
    """Return an export file: the journal of an execution and the code that it runs on.

    `flawless.timetravel.read_export` reads it, and `flawless replay FILE` replays it, on any
    machine. Without the `component` it is small, and of use where that component is known. The file
    holds what the workflow saw: treat it as you treat that data. The token needs the role `read`.
    """
    query = ("component", "true" if component else "false")
    return Call("GET", path_of(id, "/export"), bytes, (query,), wait_s=EXPORT_S, repeatable=True)


def parked(id: str) -> Call[list[api.ParkedEffect]]:  # noqa: A002 (the word of the API)
    """Return the effects that wait for a decision, the longest waiting first."""
    return get(path_of(id, "/parked"), api.ParkedList).then(lambda found: found.parked)


def _as_new_fork(forked: api.ForkedExecution) -> api.ForkedExecution:
    return msgspec.structs.replace(forked, new=True)


def _as_new(started: api.StartedExecution) -> api.StartedExecution:
    return msgspec.structs.replace(started, new=True)
