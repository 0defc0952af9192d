"""What people and programs do to executions that are there: talk, cancel, decide, repair."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from flawless.core.encoding import encode_entry
from flawless.core.entries import (
    Arrived,
    Called,
    Entry,
    Invoked,
    Observed,
    Parked,
    Resolved,
    Retried,
)
from flawless.core.history import (
    NoResumePoint,
    ResumePoint,
    history,
    resume_point,
    taken_back,
)
from flawless.core.protocol import error_object
from flawless.core.signals import (
    CANCEL,
    RESOLVE,
    SIGN,
    TERMINATE,
    CancelSignal,
    ResolveSignal,
    TerminateSignal,
    child_name,
)
from flawless.core.status import Status
from flawless.durations import LONGEST_S
from flawless.engine import attempts, beginnings
from flawless.engine.clock import Clock
from flawless.engine.decisions import as_outcome
from flawless.engine.endings import outcome_for_parent
from flawless.engine.journals import find_end, read_entries, read_messages
from flawless.engine.library import Library
from flawless.engine.mail import check_message_id
from flawless.engine.scheduler import Scheduler
from flawless.errors import (
    ExecutionEnded,
    ExecutionNotFound,
    InputInvalid,
    JournalDamaged,
    NotParked,
    RetryRefused,
    ValueTooLarge,
)
from flawless.ids import ExecutionId, is_earlier_run
from flawless.stores.base import (
    MESSAGE_END,
    Append,
    Chunk,
    Record,
    Records,
    SaveAttempts,
    Send,
    Store,
    Visible,
    Write,
)

BY_CHARS_MAX = 200
REASON_CHARS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class ParkedEffect:
    """An effect that waits for a decision, since `at_us` (microseconds since the epoch).

    `asked` says that the workflow asked for the decision (an undo that keeps failing); else nobody
    knows whether the effect happened.
    """

    effect: int
    label: str
    at_us: int
    asked: bool


class Control:
    """Acts on executions. All methods raise `ExecutionNotFound` for an id that nobody has."""

    def __init__(
        self,
        store: Store,
        library: Library,
        scheduler: Scheduler,
        clock: Clock,
        *,
        value_bytes_max: int,
    ) -> None:
        self._store = store
        self._library = library
        self._scheduler = scheduler
        self._clock = clock
        self._value_bytes_max = value_bytes_max
        self._repairing: set[str] = set()

    # --- talking ------------------------------------------------------------------------------

    async def send(
        self, execution: str, name: str, payload: bytes, message_id: str | None = None
    ) -> bool:
        """Send a message; False when one with this id was sent before. See `Mail.send`."""
        self._scheduler.expect_healthy()
        return await self._scheduler.mail.send(execution, name, payload, message_id)

    async def state(self, execution: str) -> Visible | None:
        """Return what the execution published last, or None."""
        return await self._store.state(ExecutionId(execution))

    async def children(self, execution: str, start: int = 0, count: int | None = None) -> Records:
        """Return the executions that this one has started, in order; see `Store.children`."""
        return await self._store.children(ExecutionId(execution), start, count)

    async def child_count(self, execution: str) -> int:
        """Return how many executions this one has started."""
        return await self._store.child_count(ExecutionId(execution))

    # --- cancelling ---------------------------------------------------------------------------

    async def cancel(
        self,
        execution: str,
        *,
        reason: str = "",
        by: str = "",
        grace_s: float | None = None,
        message_id: str | None = None,
    ) -> bool:
        """Ask the execution to end: its workflow is told where it waits, and may clean up.

        `grace_s` bounds the cleaning up. A second request ends it for good. A request with the same
        `message_id` as an earlier one is that one, and False is returned. Raises `ExecutionEnded`.

        Durability: when this returns, the request is durable.
        """
        if grace_s is not None and not 0 <= grace_s <= LONGEST_S:
            raise InputInvalid("the grace lies between 0 s and 100 years", path="grace_s")
        _check_texts(reason, by)
        check_message_id(message_id)
        signal = CancelSignal(reason, by, grace_s)
        return await self._scheduler.mail.signal(execution, CANCEL, signal, message_id)

    async def terminate(
        self, execution: str, *, reason: str = "", by: str = "", message_id: str | None = None
    ) -> bool:
        """End the execution at once, without cleaning up; else as `cancel`."""
        _check_texts(reason, by)
        check_message_id(message_id)
        signal = TerminateSignal(reason, by)
        return await self._scheduler.mail.signal(execution, TERMINATE, signal, message_id)

    # --- deciding -----------------------------------------------------------------------------

    async def parked(self, execution: str) -> list[ParkedEffect]:
        """Return the effects that wait for a decision, the longest waiting first."""
        entries, _ = await read_entries(self._store, ExecutionId(execution))
        return _parked(entries)

    async def resolve(
        self,
        execution: str,
        *,
        effect: int | None = None,
        ok: bytes | None = None,
        error: str | None = None,
        retry: bool = False,
        by: str = "",
    ) -> ParkedEffect:
        """Decide about a parked effect: its value (JSON), an error, or that it be tried again.

        `effect` may be left out when only one is parked. Raises `NotParked`, `InputInvalid`.

        Durability: when this returns, the decision is durable; the journal keeps it with who (`by`)
        and when.
        """
        if (ok is not None) + (error is not None) + retry != 1:
            raise InputInvalid("decide for one of ok, error and retry", path="ok")
        _check_texts(error or "", by, "error")
        record = await self._get(execution)
        waiting = [] if record.status.final else await self.parked(execution)
        if not waiting:
            raise NotParked(execution, record.status)
        if effect is None and len(waiting) > 1:
            listed = "; ".join(f"{one.effect}: {one.label}" for one in waiting)
            raise InputInvalid(f"several effects are parked, name one of {listed}", path="effect")
        chosen = next((one for one in waiting if effect in (None, one.effect)), None)
        if chosen is None:
            raise NotParked(execution, record.status, effect)
        value = b"null"
        if error is not None:
            told = error or "a person decided that it failed"
            value = error_object("EffectError", told, effect=chosen.label, by=by)
        elif ok is not None:
            value = as_outcome(chosen.label, ok)
        if len(value) > self._value_bytes_max:
            raise ValueTooLarge("the outcome", len(value), self._value_bytes_max)
        signal = ResolveSignal(chosen.effect, retry, error is not None, msgspec.Raw(value), by)
        await self._scheduler.mail.signal(execution, RESOLVE, signal)
        return chosen

    # --- repairing ----------------------------------------------------------------------------

    async def retry(
        self,
        execution: str,
        *,
        from_start: bool = False,
        effect: int | None = None,
        by: str = "",
    ) -> None:
        """Let a failed execution go on from the effect that failed, or begin again.

        `effect` names another effect to go on from: it and all after it are done again.
        `from_start` begins the next run, on the newest code, with the same input; the journal of
        this one is kept under `ID~RUN`. Raises `RetryRefused`, which says why and what to do.

        Durability: when this returns, the retry is durable.
        """
        _check_texts("", by)
        if from_start and effect is not None:
            raise InputInvalid("either from the start or from an effect", path="effect")
        if execution in self._repairing:
            raise RetryRefused(execution, "somebody else does that at this moment")
        self._repairing.add(execution)
        try:
            await self._retry(execution, from_start, effect, by)
        finally:
            self._repairing.discard(execution)

    async def _retry(self, execution: str, from_start: bool, effect: int | None, by: str) -> None:
        record = await self._get(execution)
        if from_start and record.status in (Status.FAILED, Status.CANCELLED):
            await self._begin_again(record)
            return
        plan: dict[ExecutionId, list[Write]] = {}
        await self._plan(record, effect, by, plan)
        writes = [write for one in plan.values() for write in one]
        await self._scheduler.admission.revive(list(plan), writes)

    async def _begin_again(self, record: Record) -> None:
        entries, _ = await read_entries(self._store, record.id)
        first = entries[0]
        assert isinstance(first, Invoked)
        deployment = self._library.latest(record.workflow)
        if deployment is None:
            deployment, _ = await self._library.find(record.deployment)
        now_us = self._clock.now_us()
        write = beginnings.following_run(
            record.id, None, None, first, record.digest, deployment, now_us
        )
        await self._scheduler.admission.revive([record.id], [write])

    async def _plan(
        self,
        record: Record,
        effect: int | None,
        by: str,
        plan: dict[ExecutionId, list[Write]],
    ) -> None:
        """Add the writes by which an execution goes on, with the children that are what failed.

        They are made all together: a parent alone would wait for ever for a child that failed.
        """
        if record.status is not Status.FAILED:
            hint = " (with from_start, a cancelled one begins again too)"
            raise RetryRefused(
                record.id,
                f"it is {record.status}, and only failed ones can be"
                + (hint if record.status is Status.CANCELLED else ""),
            )
        entries, _ = await read_entries(self._store, record.id)
        try:
            point = resume_point(entries, effect)
        except NoResumePoint as problem:
            raise RetryRefused(record.id, str(problem)) from None
        back = taken_back(entries, point)
        seen = {outcome.effect: outcome.failed for outcome in point.outcomes}
        told: list[Record] = []
        repaired: list[Record] = []
        for child in await self._store.children(record.id):
            parent = child.parent
            assert parent is not None
            if parent.run != record.run or parent.effect not in seen.keys() | back.children:
                continue
            completed = child.status is Status.COMPLETED and not seen.get(parent.effect, True)
            if parent.effect in seen and (child.status is Status.CANCELLED or completed):
                raise RetryRefused(
                    record.id,
                    f"its child {child.id!r}, whose end it goes on from, is {child.status}: begin "
                    "again with --from-start",
                )
            if child.status is Status.FAILED and parent.effect in seen:
                repaired.append(child)
            elif child.status.final:
                told.append(child)
        plan[record.id] = await self._going_on(record, entries, point, by, told, repaired)
        plan[record.id] += [
            Send(
                record.id,
                name,
                payload,
                self._clock.now_us(),
                waiting_max=MESSAGE_END,  # it had its place in the inbox before
                bytes_max=2**62,
            )
            for name, payload in back.messages
        ]
        for child in repaired:
            await self._plan(child, None, by, plan)

    async def _going_on(
        self,
        record: Record,
        entries: list[Entry],
        point: ResumePoint,
        by: str,
        told: list[Record],
        repaired: list[Record],
    ) -> list[Write]:
        """The writes by which an execution goes on; it hears (again) how `told` have ended."""
        first = entries[0]
        assert isinstance(first, Invoked)
        now_us = self._clock.now_us()
        at = max(entries[-1].at, now_us - first.began_us)
        also = [outcome.effect for outcome in point.outcomes[1:]]
        entry = Retried(at, point.effect, point.resume, by, also)
        chunk = Chunk(len(entries), 1, encode_entry(len(entries), entry))
        # What it has not read of the ends of these children is told again, or no longer true.
        old = {_signal_of(child) for child in (*told, *repaired)}
        unread = await read_messages(self._store, record.id) if old else []
        stale = tuple(one.number for one in unread if one.name in old)
        going_on = Append(record.id, chunk, Status.RUNNING, None, now_us, received=stale)
        writes: list[Write] = [going_on]
        for outcome in point.outcomes:
            earlier = _earlier(outcome, entries)
            if earlier is not None:
                data = attempts.encode_attempts(earlier)
                writes.append(SaveAttempts(record.id, outcome.effect, data))
        for child in told:
            end = await find_end(self._store, child.id)
            if end is None:
                raise JournalDamaged(child.id, 0, "it has ended, and the end is missing")
            told_end = outcome_for_parent(child.id, end)
            writes.append(Send(record.id, _signal_of(child), told_end, now_us))
        return writes

    async def _get(self, execution: str) -> Record:
        record = await self._store.get(ExecutionId(execution))
        if record is None:
            raise ExecutionNotFound(execution)
        if is_earlier_run(execution):
            raise ExecutionEnded(execution, "an earlier run")
        return record


def _signal_of(child: Record) -> str:
    """The name under which its parent hears of a child's end."""
    assert child.parent is not None
    return child_name(child.parent.run, child.parent.effect)


def _parked(entries: list[Entry]) -> list[ParkedEffect]:
    first = entries[0]
    assert isinstance(first, Invoked)
    past = history(entries)
    waiting = past.parked
    return [
        ParkedEffect(entry.effect, entry.label, first.began_us + entry.at, entry.asked)
        for entry in past.entries
        if isinstance(entry, Parked) and waiting.pop(entry.effect, None) is not None
    ]


def _earlier(outcome: Called | Observed, entries: list[Entry]) -> attempts.SavedAttempts | None:
    """The history of an effect that is performed again; its retries are given to it anew."""
    if not outcome.failed:
        return None
    tries, payload = outcome.attempts, outcome.payload
    for entry in entries if payload is None else ():
        if isinstance(entry, Arrived | Resolved) and entry.effect == outcome.effect:
            payload = entry.payload
            tries = entry.attempts if isinstance(entry, Arrived) else []
    if payload is None:
        return None
    latest = attempts.failed_attempt(outcome.at, payload)
    return attempts.SavedAttempts(attempts.history(tries, latest))


def _check_texts(reason: str, by: str, name: str = "reason") -> None:
    for path, text, chars_max in ((name, reason, REASON_CHARS_MAX), ("by", by, BY_CHARS_MAX)):
        if not isinstance(text, str):
            raise InputInvalid(f"{path} is a text, not {type(text).__name__}", path=path)
        if len(text) > chars_max:
            raise InputInvalid(f"{path} has at most {chars_max:,} characters", path=path)
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise InputInvalid(f"{path} is no valid text: it has a lone surrogate", path=path)
    if by.startswith(SIGN):
        raise InputInvalid(f"names that begin with {SIGN!r} are the engine's own", path="by")
