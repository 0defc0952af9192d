"""The documents of the HTTP API as types: what the server writes and the client reads.

Names and meanings are fixed for `/api/v1`: fields are only ever added, and readers ignore those
they do not know. Times are RFC 3339 in UTC with microseconds; lengths of time carry their unit in
the name. A value of a workflow (`input`, `result`, `response`, `payload`, `value`) is plain JSON,
as `flawless.codec.plain` gives it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

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
JOURNAL_LIMIT = 1_000
JOURNAL_LIMIT_MAX = 10_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = "9999-12-31T23:59:59.999999Z"


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


class Attempt(msgspec.Struct):
    """A try that failed."""

    at: str
    type: str
    message: str


class InFlight(msgspec.Struct):
    """An effect that is under way, with the tries that failed so far."""

    effect: int
    label: str
    began_at: str
    attempts: list[Attempt] = []


class ParkedEffect(msgspec.Struct):
    """An effect that waits for a person's decision, since `at`.

    `asked` says that the workflow asked for the decision; else nobody knows if the effect happened.
    """

    effect: int
    label: str
    at: str
    asked: bool = False


class Parent(msgspec.Struct):
    """Who started a child, in which run and by which effect; `close` is the parent-close policy."""

    id: str
    run: int
    effect: int
    close: str


class Execution(msgspec.Struct):
    """One execution, as lists show it. `wake_at` is set while it waits for a time.

    `run` counts the runs of one id from 1. `parked` is there in lists of parked executions, and in
    the detail of one: what waits for a decision.
    """

    id: str
    workflow: str
    deployment: str
    status: str
    created_at: str
    updated_at: str
    wake_at: str | None = None
    run: int = 1
    parent: Parent | None = None
    parked: list[ParkedEffect] | UnsetType = UNSET


class ExecutionDetail(Execution, kw_only=True):
    """One execution with the effects under way now, and how many children it has started."""

    in_flight: list[InFlight] = []
    children: int = 0


class StartedExecution(Execution, kw_only=True):
    """The answer to a start. `new` is false when the id was known.

    The workflow's response and the end are there if they came.
    """

    new: bool = True
    response: Any = UNSET
    result: Any = UNSET
    error: dict[str, Any] | UnsetType = UNSET


class ExecutionPage(msgspec.Struct):
    """Executions, newest first; `next` is the `before` of the next page, or null."""

    executions: list[Execution]
    next: str | None = None


class ChildrenPage(msgspec.Struct):
    """Children in the order in which they were started, from some place on.

    `length` is how many there are now, `next` the `from` of the next page, or null.
    """

    children: list[Execution]
    length: int
    next: int | None = None


class Outcome(msgspec.Struct):
    """How an execution stands, with its result or its error once it has ended.

    An earlier run that ended with `continue_as_new` has neither: `continued` is the input of the
    next one.
    """

    id: str
    status: str
    result: Any = UNSET
    error: dict[str, Any] | UnsetType = UNSET
    continued: dict[str, Any] | UnsetType = UNSET


class Reply(Outcome, kw_only=True):
    """What the workflow responded, or, if it ended without that, how."""

    response: Any = UNSET


class State(msgspec.Struct):
    """What an execution published last; all null when it has published nothing.

    `version` counts from 1 with each change.
    """

    id: str
    value: Any = None
    version: int | None = None
    at: str | None = None


class SentMessage(msgspec.Struct):
    """The answer to a message. `new` is false when one with this id was sent before."""

    execution: str
    name: str
    new: bool = True


class ParkedList(msgspec.Struct):
    """What waits for a decision in one execution, the longest waiting first."""

    parked: list[ParkedEffect]


class Resolution(msgspec.Struct):
    """The answer to a decision: about which effect it is."""

    execution: str
    effect: int
    label: str


class JournalPage(msgspec.Struct):
    """Entries from some position on. `next` is the `from` of the next page, or null.

    `length` is the number of entries of the whole journal now, `run` the run whose journal it is.
    """

    entries: list[dict[str, Any]]
    length: int
    next: int | None = None
    run: int = 1


class LogLine(msgspec.Struct):
    """One message an execution logged or printed, and its position in the journal."""

    position: int
    at: str
    elapsed_us: int
    level: int
    level_name: str
    logger: str
    message: str


class LogPage(msgspec.Struct):
    """The messages in a stretch of the journal; `length`, `next` and `run` as in `JournalPage`."""

    logs: list[LogLine]
    length: int
    next: int | None = None
    run: int = 1


class Parameter(msgspec.Struct):
    """A parameter of a workflow; `schema` is JSON Schema."""

    name: str
    kind: str
    required: bool
    annotation: str = ""
    schema: dict[str, Any] = {}


class Returns(msgspec.Struct):
    """What a workflow returns; `schema` is JSON Schema."""

    annotation: str = ""
    schema: dict[str, Any] = {}


class Workflow(msgspec.Struct):
    """A workflow that executions can be started of.

    `messages` are those it declares to receive, by name, each with the JSON Schema of its payload.
    `deadline_s` is how long it may take unless the start says otherwise.
    """

    name: str
    module: str
    function: str
    doc: str = ""
    is_async: bool = False
    parameters: list[Parameter] = []
    returns: Returns = msgspec.field(default_factory=Returns)
    file: str = ""
    line: int = 0
    messages: dict[str, Any] = {}
    deadline_s: float | None = None


class WorkflowList(msgspec.Struct):
    """The workflows of the deployment that new executions run on."""

    workflows: list[Workflow]


class Health(msgspec.Struct):
    """How the engine is. `status` is `ok` or `failing`, `executions` counts by status."""

    status: str
    version: str
    problem: str | None = None
    executions: dict[str, int] = {}
    guests: int = 0
    in_memory: int = 0
    queued: int = 0
    deployment: str = ""


class About(msgspec.Struct):
    """What answers at this address."""

    name: str
    version: str
    api: str


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
