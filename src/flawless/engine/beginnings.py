"""How executions begin: by a caller, as a child, and as the next run of themselves."""

from __future__ import annotations

import hashlib

import msgspec

from flawless.core.encoding import encode_entry
from flawless.core.entries import FORMAT, Continued, Invoked
from flawless.core.protocol import ExecuteRequest, error_object
from flawless.core.recorder import NewEntries
from flawless.core.status import Status
from flawless.durations import LONGEST_S
from flawless.engine.deployment import Deployment
from flawless.engine.resting import chunk_of
from flawless.errors import InputInvalid
from flawless.ids import ExecutionId, derived_seed, run_key
from flawless.stores.base import Chunk, Create, NextRun, Parent


def digest(workflow: str, args: bytes) -> bytes:
    """Return what tells one call from another: the workflow and its input, however written."""
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(args), order="deterministic")
    except (msgspec.MsgspecError, RecursionError):  # 1e999, say: a guest may write what it likes
        canonical = args
    return hashlib.blake2b(workflow.encode() + b"\n" + canonical, digest_size=16).digest()


def start_us(now_us: int, start_at_us: int | None, delay_s: float | None) -> int | None:
    """Return when an execution is to begin; None for now, and for a time that has passed.

    Raises `InputInvalid` when both are given, or the delay is longer than 100 years.
    """
    if start_at_us is not None and delay_s is not None:
        raise InputInvalid("give either a time to start at or a delay", path="start_at")
    if delay_s is not None:
        if not 0 <= delay_s <= LONGEST_S:
            raise InputInvalid("a delay lies between 0 s and 100 years", path="delay_s")
        start_at_us = now_us + round(delay_s * 1_000_000)
    return None if start_at_us is None or start_at_us <= now_us else start_at_us


def invoked(
    workflow: str,
    deployment: Deployment,
    args: bytes,
    now_us: int,
    seed: bytes,
    *,
    run: int = 1,
    deadline_s: float | None = None,
    trace: str | None = None,
) -> Invoked:
    """Return entry 0 of a new journal. Without a deadline the workflow's own holds."""
    if deadline_s is None:
        deadline_s = deployment.workflows[workflow].deadline_s
    deadline = None if deadline_s is None else round(deadline_s * 1_000_000)
    return Invoked(FORMAT, workflow, deployment.id, now_us, seed, args, run, deadline, trace)


def first_chunk(first: Invoked) -> Chunk:
    """Return the beginning of a journal."""
    return Chunk(0, 1, encode_entry(0, first))


def child(
    parent: ExecutionId,
    parents: Invoked,
    depth: int,
    request: ExecuteRequest,
    deployment: Deployment,
    now_us: int,
) -> Create:
    """Return the write that creates a child on `deployment`, which has its workflow.

    `parents` is entry 0 of the parent's journal.
    """
    args = bytes(request.args)
    seed = derived_seed(parents.seed, request.child)
    first = invoked(request.workflow, deployment, args, now_us, seed, deadline_s=request.deadline_s)
    refusal = error_object(
        "ExecutionConflict",
        f"execution {request.child!r} exists already and is no child of this effect: give the "
        "child another id (an execution cannot be its own ancestor either)",
        execution=request.child,
        workflow=request.workflow,
    )
    return Create(
        ExecutionId(request.child),
        request.workflow,
        deployment.id,
        digest(request.workflow, args),
        now_us,
        first_chunk(first),
        parent=Parent(parent, parents.run, request.id, request.close),
        depth=depth + 1,
        refusal=b'{"error":%b}' % refusal,
    )


def following_run(
    execution: ExecutionId,
    last: NewEntries | None,
    end: Continued | None,
    previous: Invoked,
    digest: bytes,
    deployment: Deployment,
    now_us: int,
) -> NextRun:
    """Return the write that begins the next run: with the input of `end`, or the same again.

    `digest` is that of the first run: by it somebody who starts the execution once more is known.
    """
    args = previous.input if end is None else end.payload
    deadline_s = None if previous.deadline is None else previous.deadline / 1_000_000
    first = invoked(
        previous.workflow,
        deployment,
        args,
        now_us,
        derived_seed(previous.seed, run_key(execution, previous.run + 1)),
        run=previous.run + 1,
        deadline_s=deadline_s,
    )
    return NextRun(
        execution,
        previous.workflow,
        deployment.id,
        digest,
        now_us,
        first_chunk(first),
        last=chunk_of(last),
        received=() if last is None else last.received,
        status=None if end is None else Status.COMPLETED,
    )
