"""Carries out batches of writes on a memory store, and undoes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import assert_never

import msgspec

from flawless.core.signals import CANCEL, CHILD, SIGN, child_name
from flawless.core.status import Status
from flawless.errors import StoreConflict
from flawless.ids import ExecutionId, earlier_run
from flawless.stores.base import (
    MESSAGE_END,
    OPENINGS_MAX,
    PARENT_ENDED,
    Append,
    Chunk,
    Create,
    Deployment,
    Message,
    NextRun,
    NoteOpening,
    Opening,
    Record,
    Result,
    Results,
    SaveActive,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Send,
    Sent,
    Visible,
    Write,
)
from flawless.stores.memory.content import Content, Inbox, Run

_WAKEABLE = frozenset({Status.WAITING, Status.PARKED})


class Batch:
    """One batch: every change leaves behind how to undo it."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._undo: list[Callable[[], object]] = []
        self._taken: set[ExecutionId] = set()

    def commit(self, writes: Sequence[Write]) -> Results:
        """Carry out all writes, or none."""
        try:
            return [self._apply(write) for write in writes]
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise

    def _apply(self, write: Write) -> Result:
        match write:
            case Create():
                return self._create(write)
            case Append():
                return None if write.id in self._taken else self._append(write)
            case Send():
                return self._send(write)
            case NextRun():
                if write.id not in self._taken:
                    self._next_run(write)
            case SaveAttempts():
                if write.id not in self._taken:
                    self._save_attempts(write)
            case SaveDeployment():
                self._save_deployment(write)
            case SaveActive():
                self._set(self._content, "active", write.deployments)
            case NoteOpening():
                content = self._content
                opening = Opening(write.at_us, write.version, content.clean)
                latest = [*content.openings[1 - OPENINGS_MAX :], opening]
                self._set(content, "openings", latest)
                self._set(content, "clean", True)
            case SaveBlob():
                self._save_blob(write)
            case _:
                assert_never(write)
        return None

    # --- executions -----------------------------------------------------------------------------

    def _create(self, write: Create) -> Record | None:
        parent = write.parent
        if parent is not None and parent.id in self._taken:
            return None
        family = None if parent is None else self._writable(parent.id)
        existing = self._content.runs.get(write.id)
        if existing is not None:
            if parent is None:
                self._taken.add(write.id)
            record = existing.record
            if family is not None and parent is not None and not _is_child(record, write):
                name = child_name(parent.run, parent.effect)
                self._signal(family, name, write.refusal, write.at_us)
            return record
        record = Record(
            id=write.id,
            workflow=write.workflow,
            deployment=write.deployment,
            status=Status.RUNNING if write.wake_us is None else Status.WAITING,
            created_us=write.at_us,
            updated_us=write.at_us,
            wake_us=write.wake_us,
            digest=write.digest,
            run=1,
            parent=parent,
            depth=write.depth,
            start_us=write.wake_us,
            attributes=dict(write.attributes),
        )
        run = Run(self._content.next_number(), record, write.chunk)
        for chunk in write.more:
            self._add_chunk(run, chunk)
        self._add(run)
        if family is not None:
            children = family.lasting.children
            children.append(run.lasting)
            self._undo.append(children.pop)
        return None

    def _append(self, write: Append) -> tuple[ExecutionId, ...] | None:
        run = self._writable(write.id)
        self._add_chunk(run, write.chunk)
        self._receive(run, write.received)
        lasting = run.lasting
        if write.state is not None:
            version = 1 if lasting.state is None else lasting.state.version + 1
            self._set(lasting, "state", Visible(write.state, version, write.at_us))
        if write.response is not None and lasting.response is None:
            self._set(lasting, "response", Visible(write.response, 1, write.at_us))
        if write.status is None:
            return None
        self._set(run, "listening", write.listening)
        wake_us = write.wake_us
        if write.status in _WAKEABLE and (wake_us is None or wake_us > write.at_us):
            inbox = lasting.inbox.messages.values()
            if any(
                one.number > write.seen and (write.listening or one.name.startswith(SIGN))
                for one in inbox
            ):
                wake_us = write.at_us
        self._set_record(run, status=write.status, wake_us=wake_us, updated_us=write.at_us)
        return self._end(run, write) if write.status.final else None

    def _end(self, run: Run, write: Append) -> tuple[ExecutionId, ...] | None:
        self._set(run, "attempts", {})
        inbox = run.lasting.inbox
        if write.status is Status.FAILED:
            kept = {n: one for n, one in inbox.messages.items() if not _is_order(one.name)}
            self._set(inbox, "messages", kept)
        else:
            self._set(inbox, "messages", {})
            self._set(inbox, "waiting", 0)
            self._set(inbox, "waiting_bytes", 0)
        told: list[ExecutionId] = []
        parent = run.record.parent
        if parent is not None:
            name = child_name(parent.run, parent.effect)
            family = self._content.find(parent.id)
            if self._signal(family, name, write.outcome, write.at_us, also_failed=True):
                told.append(parent.id)
        for child in run.lasting.children:
            link = child.run.record.parent
            if link is None or link.close != "cancel":
                continue
            if self._signal(child.run, CANCEL, PARENT_ENDED, write.at_us):
                told.append(child.run.record.id)
        return tuple(told) or None

    def _next_run(self, write: NextRun) -> None:
        old = self._writable(write.id)
        self._add_chunk(old, write.last)
        self._receive(old, write.received)
        before = old.record
        if write.status is None and not before.status.final:
            raise StoreConflict(
                f"execution {write.id!r}: the next run was to begin while it is {before.status}"
            )
        old_id = earlier_run(write.id, before.run)
        if old_id in self._content.runs:
            raise StoreConflict(f"execution {write.id!r}: there is an execution {old_id!r} already")
        self._set(old, "attempts", {})
        self._set(old, "listening", False)
        ended = before.updated_us if write.status is None else write.at_us
        status = write.status or before.status
        self._set_record(old, id=old_id, status=status, wake_us=None, updated_us=ended)
        runs = self._content.runs
        runs[old_id] = old
        self._undo.append(lambda: runs.pop(old_id))
        record = Record(
            id=write.id,
            workflow=write.workflow,
            deployment=write.deployment,
            status=Status.RUNNING,
            created_us=write.at_us,
            updated_us=write.at_us,
            wake_us=None,
            digest=write.digest,
            run=before.run + 1,
            parent=before.parent,
            depth=before.depth,
            attributes=before.attributes,
        )
        self._undo.append(lambda: runs.__setitem__(write.id, old))
        new = Run(self._content.next_number(), record, write.chunk, old.lasting)
        self._add(new)
        self._set(old.lasting, "run", new)

    def _save_attempts(self, write: SaveAttempts) -> None:
        run = self._writable(write.id)
        attempts = {k: v for k, v in run.attempts.items() if k != write.effect}
        if write.data is not None:
            attempts[write.effect] = write.data
        self._set(run, "attempts", attempts)

    # --- inboxes --------------------------------------------------------------------------------

    def _send(self, write: Send) -> Sent:
        run = self._content.runs.get(write.id)
        if run is None:
            return Sent("unknown")
        inbox = run.lasting.inbox
        if run.is_earlier:
            return Sent("ended")
        if write.message_id is not None and write.message_id in inbox.known:
            return Sent("duplicate")
        if run.record.status.final:
            return Sent("ended")
        if inbox.last + 1 >= MESSAGE_END:
            return Sent("full")
        if not write.name.startswith(SIGN) and (
            inbox.waiting >= write.waiting_max
            or inbox.waiting_bytes + len(write.payload) > write.bytes_max
        ):
            return Sent("full")
        number = self._put(run, write.name, write.payload, write.at_us, write.message_id)
        return Sent("sent", number)

    def _signal(
        self, run: Run, name: str, payload: bytes, at_us: int, *, also_failed: bool = False
    ) -> bool:
        """Put a signal of the store itself into an inbox; return whether that was possible."""
        status = run.record.status
        ended = status.final and not (also_failed and status is Status.FAILED)
        if ended or run.lasting.inbox.last + 1 >= MESSAGE_END:
            return False
        self._put(run, name, payload, at_us, None)
        return True

    def _put(self, run: Run, name: str, payload: bytes, at_us: int, id_: str | None) -> int:
        inbox = run.lasting.inbox
        number = inbox.last + 1
        self._set(inbox, "last", number)
        inbox.messages[number] = Message(number, name, payload, at_us, id_)
        self._undo.append(lambda: inbox.messages.pop(number))
        if id_ is not None:
            inbox.known.add(id_)
            self._undo.append(lambda: inbox.known.discard(id_))
        is_signal = name.startswith(SIGN)
        if not is_signal:
            self._set(inbox, "waiting", inbox.waiting + 1)
            self._set(inbox, "waiting_bytes", inbox.waiting_bytes + len(payload))
        record = run.record
        if (
            record.status in _WAKEABLE
            and (is_signal or run.listening)
            and (record.wake_us is None or record.wake_us > at_us)
        ):
            self._set_record(run, wake_us=at_us)
        return number

    def _receive(self, run: Run, numbers: Sequence[int]) -> None:
        inbox = run.lasting.inbox
        for number in numbers:
            message = inbox.messages.pop(number, None)
            if message is None:
                continue
            self._undo.append(partial(_put_back, inbox, message))
            if not message.name.startswith(SIGN):
                self._set(inbox, "waiting", inbox.waiting - 1)
                self._set(inbox, "waiting_bytes", inbox.waiting_bytes - len(message.payload))

    # --- deployments ----------------------------------------------------------------------------

    def _save_deployment(self, write: SaveDeployment) -> None:
        deployments = self._content.deployments
        if write.id in deployments:
            return
        deployments[write.id] = Deployment(
            id=write.id,
            label=write.label,
            kind=write.kind,
            manifest=write.manifest,
            component=write.component,
            created_us=write.created_us,
        )
        self._undo.append(lambda: deployments.pop(write.id))

    def _save_blob(self, write: SaveBlob) -> None:
        blobs = self._content.blobs
        if write.sha256 not in blobs:
            blobs[write.sha256] = write.data
            self._undo.append(lambda: blobs.pop(write.sha256))

    # --- what they share ------------------------------------------------------------------------

    def _writable(self, id_: ExecutionId) -> Run:
        run = self._content.find(id_)
        if run.is_earlier:
            raise StoreConflict(f"{id_!r} is an earlier run, to which nothing is written any more")
        return run

    def _add(self, run: Run) -> None:
        runs, in_order = self._content.runs, self._content.in_order
        runs[run.record.id] = run
        in_order[run.number] = run
        self._undo.append(lambda: in_order.pop(run.number))
        self._undo.append(lambda: runs.pop(run.record.id))

    def _add_chunk(self, run: Run, chunk: Chunk | None) -> None:
        if chunk is None:
            return
        if chunk.first_seq != run.length:
            raise StoreConflict(
                f"execution {run.record.id!r}: entry {chunk.first_seq} was to be appended to a "
                f"journal of {run.length} entries: is another engine writing to it?"
            )
        run.chunks.append(chunk)
        self._undo.append(run.chunks.pop)
        self._set(run, "length", run.length + chunk.count)

    def _set_record(self, run: Run, **changes: object) -> None:
        self._set(run, "record", msgspec.structs.replace(run.record, **changes))

    def _set(self, owner: object, name: str, value: object) -> None:
        before = getattr(owner, name)
        setattr(owner, name, value)
        self._undo.append(lambda: setattr(owner, name, before))


def _put_back(inbox: Inbox, message: Message) -> None:
    inbox.messages = dict(sorted([*inbox.messages.items(), (message.number, message)]))


def _is_child(record: Record, write: Create) -> bool:
    """Whether a record is that of the child which is to be created."""
    there, here = record.parent, write.parent
    return (
        there is not None
        and here is not None
        and (there.id, there.run, there.effect) == (here.id, here.run, here.effect)
        and record.digest == write.digest
    )


def _is_order(name: str) -> bool:
    """Whether this tells an execution what to do, and not of a child's end."""
    return name.startswith(SIGN) and not name.startswith(f"{CHILD}:")
