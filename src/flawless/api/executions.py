"""Executions, how they stand and how they ended."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from flawless.api.monitoring import Replay


class Attempt(msgspec.Struct):
    """A try that failed, and how long the engine waits before the next one, if that is known."""

    at: str
    type: str
    message: str
    pause_us: int | None = None


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

    `run` counts the runs of one id from 1. `attributes` are what was said at the start, to find it
    by. `start_at` is when it begins, until it has begun. `parked` is there in lists of parked
    executions, and in the detail of one: what waits for a decision.
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
    attributes: dict[str, str] = {}
    start_at: str | None = None
    parked: list[ParkedEffect] | UnsetType = UNSET


class ForkedFrom(msgspec.Struct):
    """Where a fork comes from: it shares the first `entries` entries of a run of `execution`."""

    execution: str
    run: int
    entries: int


class ExecutionDetail(Execution, kw_only=True):
    """One execution with the effects under way now, and how many children it has started.

    `replays` are the latest in this process, the earliest first. `forked_from` is null unless it is
    a fork, in its first run.
    """

    in_flight: list[InFlight] = []
    children: int = 0
    replays: list[Replay] = []
    forked_from: ForkedFrom | None = None


class StartedExecution(Execution, kw_only=True):
    """The answer to a start. `new` is false when the id was known.

    The workflow's response and the end are there if they came.
    """

    new: bool = True
    response: Any = UNSET
    result: Any = UNSET
    error: dict[str, Any] | UnsetType = UNSET


class ForkedExecution(Execution, kw_only=True):
    """The answer to a fork. `new` is false when this very fork was there."""

    forked_from: ForkedFrom
    new: bool = True


class ExecutionPage(msgspec.Struct):
    """Executions, newest first; `next` is the `before` of the next page, or null.

    There may be fewer than were asked for, or none, and yet a `next`.
    """

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
