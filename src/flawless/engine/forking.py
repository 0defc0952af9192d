"""Forks: new executions that share the first entries of another one, and then live on their own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from flawless.core.encoding import encode_entries
from flawless.core.entries import Entry, Invoked, Origin
from flawless.core.history import end_of
from flawless.core.limits import Limits
from flawless.core.names import known_as
from flawless.core.protocol import CancelRequest, SendRequest
from flawless.core.signals import CANCEL
from flawless.core.status import Status
from flawless.engine import beginnings
from flawless.engine.admission import Admission
from flawless.engine.children import Children
from flawless.engine.clock import Clock
from flawless.engine.deployment import Deployment
from flawless.engine.journals import read_entries
from flawless.engine.library import Library
from flawless.engine.mail import cancel_signal, id_of
from flawless.engine.telemetry import Telemetry
from flawless.engine.trial import try_out
from flawless.errors import (
    DeploymentNotFound,
    ExecutionConflict,
    ExecutionNotFound,
    InputInvalid,
    WorkflowNotFound,
)
from flawless.ids import DeploymentId, ExecutionId, execution_id, latest_run, new_execution_id
from flawless.stores.base import Append, Chunk, Create, Record, Send, Store, Write
from flawless.wasm import Component

LATEST: Final = "latest"
"""In place of a deployment's id: the one that new executions of the workflow run on."""
TRIALS_MAX: Final = 2
"""Forks that are tried out at the same time: each has a guest, which computes without a pause."""
CHUNK_ENTRIES: Final = 200
"""Shared entries in one chunk: who reads one of them reads them all."""


class Forking:
    """Makes forks."""

    def __init__(
        self,
        store: Store,
        library: Library,
        admission: Admission,
        children: Children,
        clock: Clock,
        *,
        limits: Limits,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._library = library
        self._admission = admission
        self._children = children
        self._clock = clock
        self._limits = limits
        self._telemetry = telemetry
        self._trials = asyncio.Semaphore(TRIALS_MAX)

    async def fork(
        self,
        execution: str,
        at: int,
        id: str | None = None,  # noqa: A002 (the public word)
        *,
        deployment: str | None = None,
    ) -> tuple[str, bool]:
        """Fork an execution, or an earlier run (`ID~1`); return the fork's id and if it is new.

        The fork shares the entries before position `at`, and has the attributes of the other; both
        go on independently. What was under way at that place is treated as after a crash, with the
        fork's own idempotency keys; children whose ends are not among the shared entries are
        started anew, as the fork's own. It runs on the same deployment, on another one, or on the
        `LATEST` of its workflow. An id that is this very fork's gives that fork, anything else
        raises `ExecutionConflict`.

        Raises `ExecutionNotFound`, `DeploymentNotFound`, `InputInvalid` when the journal cannot be
        cut there or the deployment does not have the workflow, and `Divergence` when the code does
        not go along the shared entries. Nothing was done then.

        Durability: when this returns, the fork is durable and will be run to its end.
        """
        new = new_execution_id() if id is None else execution_id(id)
        record, entries = await self._read(execution)
        _check_cut(execution, entries, at)
        found, component = await self._deployment(record, deployment)
        digest = _digest(record, at, found.id)
        existing = None if id is None else await self._store.get(new)
        if existing is None:
            writes = await self._writes(new, record, entries[:at], found, component, digest)
            existing = await self._admission.fork(digest, writes, self._store)
            if existing is None:
                return new, True
        if existing.digest != digest:
            raise _conflict(existing, f"{record.id!r} at {at} on deployment {found.id}")
        return new, False

    async def origin(self, record: Record) -> Origin | None:
        """Return where a fork comes from in its first run; None if it is none."""
        if record.start_us is None:
            return None  # that of a fork is when the shared entries began
        entries, _ = await read_entries(self._store, record.id, 1)
        return _first(entries).origin

    # --- inside -------------------------------------------------------------------------------

    async def _read(self, execution: str) -> tuple[Record, list[Entry]]:
        """Return record and journal of the same run: the next one may begin between two looks."""
        while True:
            record = await self._store.get(ExecutionId(execution))
            if record is None:
                raise ExecutionNotFound(execution)
            entries, _ = await read_entries(self._store, record.id)
            if _first(entries).run == record.run:
                return record, entries

    async def _deployment(self, record: Record, wanted: str | None) -> tuple[Deployment, Component]:
        if wanted is None:
            wanted = record.deployment
        elif wanted == LATEST:
            latest = self._library.latest(record.workflow)
            if latest is None:
                raise WorkflowNotFound(record.workflow, list(self._library.workflows))
            wanted = latest.id
        elif await self._store.deployment(DeploymentId(wanted)) is None:
            raise DeploymentNotFound(wanted)
        found, component = await self._library.find(wanted)
        if record.workflow not in found.workflows:
            has = ", ".join(sorted(found.workflows))
            raise InputInvalid(
                f"{record.id!r} runs {record.workflow}, which deployment {found.id} does not have; "
                f"it has {has}: module and function need the same names",
                path="deployment",
            )
        return found, component

    async def _writes(
        self,
        new: ExecutionId,
        record: Record,
        shared: list[Entry],
        deployment: Deployment,
        component: Component,
        digest: bytes,
    ) -> list[Write]:
        """Return what creates the fork, once its code has been seen to go along `shared`."""
        now_us = self._clock.now_us()
        first = _forked(record, shared, deployment.id, now_us, self._telemetry.caller())
        entries = [first, *shared[1:]]
        async with self._trials:
            trial = await asyncio.to_thread(
                try_out, new, record.id, entries, deployment, component, self._limits
            )
            chunks = await asyncio.to_thread(_chunks, entries)
        create = Create(
            new,
            record.workflow,
            deployment.id,
            digest,
            now_us,
            chunks[0],
            wake_us=first.began_us,  # the zero of the times in its journal
            attributes=record.attributes,
            more=tuple(chunks[1:]),
        )
        if first.began_us > now_us:
            return [create]  # the other one has not begun either
        begin = Append(
            new, None, Status.RUNNING, None, now_us, state=trial.state, response=trial.response
        )
        children = [
            beginnings.child(new, first, 0, child, self._found(deployment, child.workflow), now_us)
            for child in trial.children
        ]
        sent = [_sent(new, request, now_us, self._limits) for request in trial.sent]
        return [create, begin, *children, *sent]

    def _found(self, deployment: Deployment, workflow: str) -> Deployment:
        """Return what a child of the fork runs on."""
        found = self._children.deployment(deployment, workflow)
        if found is None:
            raise WorkflowNotFound(workflow, list(self._library.workflows))
        return found


def _check_cut(execution: str, entries: Sequence[Entry], at: int) -> None:
    """Raise `InputInvalid` unless the entries before `at` are a journal to go on from."""
    most = len(entries) - (end_of(entries) is not None)
    if at < 1:
        raise InputInvalid(
            f"a fork shares entry 0 at least, so it is made at 1 or later, not at {at}", path="at"
        )
    if at > most:
        ended = "" if most == len(entries) else ", the last of which is its end"
        raise InputInvalid(
            f"a fork at {at} is beyond the end: {execution!r} has {len(entries)} entries{ended}, "
            f"so {most} is the last place to fork at",
            path="at",
        )
    if end_of(entries[:at]) is not None:
        raise InputInvalid(
            f"entry {at - 1} of {execution!r} is the end it had before it was retried: fork at "
            f"{at - 1}, before that end, or at {at + 1}, where it goes on",
            path="at",
        )


def _forked(
    record: Record, shared: Sequence[Entry], deployment: str, now_us: int, trace: str | None
) -> Invoked:
    """Return entry 0 of a fork that is made now."""
    first = _first(shared)
    name, known_run = known_as(record.id, first)
    at = max(now_us - first.began_us, shared[-1].at)
    origin = Origin(latest_run(record.id), len(shared), at, name, record.run, known_run)
    return msgspec.structs.replace(first, deployment=deployment, run=1, trace=trace, origin=origin)


def _sent(
    new: ExecutionId, request: SendRequest | CancelRequest, now_us: int, limits: Limits
) -> Send:
    """Return the write of a message that was sent in a shared entry."""
    if isinstance(request, SendRequest):
        to, name, payload = request.to, request.name, bytes(request.payload)
    else:
        to, name, payload = request.execution, CANCEL, cancel_signal(new, request)
    return Send(
        ExecutionId(to),
        name,
        payload,
        now_us,
        id_of(new, request),
        limits.inbox_messages_max,
        limits.inbox_bytes_max,
    )


def _chunks(entries: Sequence[Entry]) -> list[Chunk]:
    """Return a journal as chunks; entry 0 stands alone, for those who want to know only that."""
    starts = [0, *range(1, len(entries), CHUNK_ENTRIES), len(entries)]
    return [
        Chunk(start, end - start, encode_entries(start, entries[start:end]))
        for start, end in pairwise(starts)
    ]


def _conflict(taken: Record, fork: str) -> ExecutionConflict:
    """Return the error for an id that is taken by anything but the fork that is wanted."""
    error = ExecutionConflict(taken.id, taken.workflow)  # which tells of starts: of their inputs
    text = f"execution {taken.id!r} exists already, as another fork or as none, not as that of"
    error.args = (f"{text} {fork}; use another id, or none to get a new one",)
    return error


def _digest(record: Record, at: int, deployment: str) -> bytes:
    """Return what tells one fork from another, and from executions that were started."""
    text = f"fork\n{latest_run(record.id)}\n{record.run}\n{at}\n{deployment}"
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"flawless fork").digest()


def _first(entries: Sequence[Entry]) -> Invoked:
    first = entries[0]
    assert isinstance(first, Invoked)
    return first
