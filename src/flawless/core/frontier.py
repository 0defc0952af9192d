"""An execution at the end of its journal: requests that nothing recorded answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias, assert_never

from flawless.core import responses
from flawless.core.cancellation import Cancellation
from flawless.core.entries import (
    Arrived,
    Called,
    ClockRead,
    Dropped,
    Logged,
    Parked,
    Published,
    Repeated,
    Responded,
    Slept,
    Started,
)
from flawless.core.interruption import WhenInterrupted
from flawless.core.limits import Limits
from flawless.core.names import Translate
from flawless.core.outstanding import Begun, Outstanding
from flawless.core.protocol import (
    CancelRequest,
    ClockRequest,
    DropRequest,
    EffectRequest,
    ExecuteRequest,
    HttpRequest,
    LoadRequest,
    LogRequest,
    NextRequest,
    ParkRequest,
    Performable,
    PublishRequest,
    ReceiveRequest,
    Request,
    RespondRequest,
    SecretRequest,
    SendRequest,
    SleepRequest,
    SourceRequest,
    StepRequest,
    WhereRequest,
    decode_request,
    label,
)
from flawless.core.recorder import Recorder
from flawless.core.values import no_call, unreadable
from flawless.core.waiting import ForEffect, ForNext, ForSleep
from flawless.core.waits import Waits
from flawless.errors import GuestTrapped
from flawless.ids import can_be_child

Refuses: TypeAlias = Callable[[ExecuteRequest], bytes | None]
"""Says why a child cannot be started, as an error object, or None: it can."""

_SLEEP_S_MAX = 100 * 366 * 86_400.0
_LOGGER_CHARS_MAX = 200


class Frontier:
    """Answers live requests. `waits` knows what the guest waits for.

    `retried` are effects that are performed again because the execution was retried, `shared` those
    that only the origin of a fork has begun; `refuses` says why a child cannot be started (None: it
    may be any). `translate` gives names as the world has them.
    """

    __slots__ = (
        "_depth",
        "_limits",
        "_outstanding",
        "_recorder",
        "_refuses",
        "_responded",
        "_retried",
        "_shared",
        "_translate",
        "_when_interrupted",
        "waits",
    )

    def __init__(
        self,
        recorder: Recorder,
        outstanding: Outstanding,
        cancellation: Cancellation,
        *,
        limits: Limits,
        when_interrupted: Callable[[EffectRequest], WhenInterrupted],
        responded: bool,
        retried: frozenset[int],
        shared: frozenset[int],
        depth: int,
        refuses: Refuses | None,
        translate: Translate,
    ) -> None:
        self.waits = Waits(
            recorder,
            outstanding,
            cancellation,
            when_interrupted=when_interrupted,
            translate=translate,
        )
        self._recorder = recorder
        self._outstanding = outstanding
        self._limits = limits
        self._when_interrupted = when_interrupted
        self._responded = responded
        self._retried = retried
        self._shared = shared
        self._translate = translate
        self._depth = depth
        self._refuses = refuses

    def reach(self, now_us: int) -> None:
        """The journal is used up: deal with what was under way when the process died."""
        for effect, begun in self._outstanding.abandoned():
            match self._translate(decode_request(begun.raw)):
                case ReceiveRequest(names=names):
                    self._outstanding.listen(effect, names)
                case ExecuteRequest() as request:
                    # It was created with the entry that tells of it, unless that was refused.
                    again = effect in self._retried and effect not in self._outstanding.repeated
                    if again or effect in self._shared:
                        self._start_again(request, now_us)
                case (StepRequest() | HttpRequest() | SendRequest() | CancelRequest()) as request:
                    self._reach_interrupted(request, begun, now_us)
                case other:  # a journal from elsewhere, whose checksums somebody has made
                    raise GuestTrapped(f"{type(other).__name__} was never started by an engine")

    def _start_again(self, request: ExecuteRequest, now_us: int) -> None:
        """Start a child once more, or as the fork's own, unless it cannot be started now."""
        at = self._recorder.present(now_us)
        if (problem := self._unfit(request)) is not None:
            self._note(Arrived(at, request.id, True, problem))
            return
        self._note(Repeated(at, request.id))
        self._outstanding.start_child(request.id, request)

    def _reach_interrupted(self, request: Performable, begun: Begun, now_us: int) -> None:
        effect, outstanding = request.id, self._outstanding
        policy = self._when_interrupted(request)
        at = self._recorder.present(now_us)
        if policy is not WhenInterrupted.PARK:
            outstanding.parked.pop(effect, None)  # the policy has changed meanwhile
        if policy is WhenInterrupted.REPEAT or effect in outstanding.decided:
            outstanding.perform(effect, request)
        elif effect in self._retried and effect not in outstanding.repeated:
            self._note(Repeated(at, effect))
            outstanding.perform(effect, request)
        elif policy is WhenInterrupted.RAISE:
            self._note(Arrived(at, effect, True, responses.interrupted(begun.label)))
        elif effect not in outstanding.parked:
            self._note(Parked(at, effect, begun.label))

    # --- what the guest does ------------------------------------------------------------------

    def answer(self, request: Request, raw: bytes, mark: int, now_us: int) -> bytes | None:
        """Answer a request whose fingerprint is `mark`, or return None: the guest waits."""
        at = self._recorder.advance(now_us)
        match request:
            case StepRequest() | HttpRequest() | SendRequest() | CancelRequest():
                self._outstanding.use(request.id)
                if request.start:
                    return self._start(request, raw, mark, at)
                return self._call(request, raw, mark, now_us)
            case SleepRequest():
                self._outstanding.use(request.id)
                return self._sleep(request, raw, mark, now_us)
            case ReceiveRequest() | ExecuteRequest():
                self._outstanding.use(request.id)
                return self._start(request, raw, mark, at)
            case ParkRequest():
                self._outstanding.use(request.id)
                return self._park(request, mark, now_us)
            case NextRequest():
                return self._wait_next(request, mark, now_us)
            case DropRequest():
                self._recorder.append(Dropped(at, mark, request.id))
                self._outstanding.drop(request.id)
                return responses.EMPTY
            case LogRequest():
                logger, message = request.logger[:_LOGGER_CHARS_MAX], self._cut(request.message)
                self._recorder.append(Logged(at, mark, request.level, logger, message))
                return responses.EMPTY
            case PublishRequest() | RespondRequest():
                return self._show(request, mark, at)
            case ClockRequest():
                self._recorder.append(ClockRead(at))
                return responses.time_only(self._recorder.now_us)
            case WhereRequest():
                raise GuestTrapped("the guest told where it stands without being asked")
            case LoadRequest() | SourceRequest() | SecretRequest():
                raise AssertionError("questions for code are not journaled")
            case _:
                assert_never(request)

    def _show(self, request: PublishRequest | RespondRequest, mark: int, at: int) -> bytes:
        """Make a value visible."""
        value, limit = bytes(request.value), self._limits.value_bytes_max
        problem = None
        if len(value) > limit:
            problem = responses.too_large("a visible value", len(value), limit)
        elif (why := unreadable(value)) is not None:
            problem = responses.cannot_be_read("a visible value", why)
        if isinstance(request, PublishRequest):
            self._recorder.append(Published(at, mark, problem))
            if problem is None:
                self._recorder.publish(value)
        else:
            if self._responded:
                problem = responses.no_second_response()
            self._recorder.append(Responded(at, mark, problem))
            if problem is None:
                self._responded = True
                self._recorder.respond(value)
        return responses.EMPTY if problem is None else responses.problem(problem)

    # --- effects ------------------------------------------------------------------------------

    def _call(self, request: Performable, raw: bytes, mark: int, now_us: int) -> bytes | None:
        effect, text = request.id, label(request)
        recorder, outstanding, waits = self._recorder, self._outstanding, self.waits
        if (response := waits.known(effect, mark, text, now_us)) is not None:
            return response
        waits.waiting, waits.blocking = ForEffect(effect, mark, text), request
        if effect in outstanding.in_flight:
            return waits.tell_cancel(now_us)
        interrupted = outstanding.entered == effect
        policy = self._when_interrupted(request) if interrupted else None
        problem = None
        if policy is WhenInterrupted.RAISE:
            problem = responses.interrupted(text)
        elif len(raw) > self._limits.value_bytes_max:
            problem = self._arguments_too_large(raw)
        if problem is not None:
            waits.waiting = None
            recorder.append(Called(recorder.at, mark, effect, text, True, problem))
            return responses.outcome(recorder.now_us, True, problem)
        if (response := waits.tell_cancel(now_us)) is not None:
            return response
        if policy is WhenInterrupted.PARK:
            if effect not in outstanding.parked:
                self._note(Parked(recorder.at, effect, text))
        else:
            outstanding.parked.pop(effect, None)  # the policy may have changed meanwhile
            waits.enter(request, mark, text, now_us)
        return None

    def _start(
        self, request: Performable | ReceiveRequest | ExecuteRequest, raw: bytes, mark: int, at: int
    ) -> bytes:
        effect, text = request.id, label(request)
        problem = None
        if len(raw) > self._limits.value_bytes_max:
            problem = self._arguments_too_large(raw)
        elif self._full:
            problem = responses.too_many(self._limits.effects_in_flight_max)
        elif isinstance(request, ExecuteRequest):
            problem = self._unfit(request)
        if problem is not None:
            return self._refuse_start(effect, text, mark, at, problem)
        self._recorder.append(Started(at, mark, effect, text))
        self._outstanding.begin(effect, raw, text, None)
        if isinstance(request, ReceiveRequest):
            self._outstanding.listen(effect, request.names)
        elif isinstance(request, ExecuteRequest):
            self._outstanding.start_child(effect, request)
        else:
            self._outstanding.perform(effect, request)
        return responses.EMPTY

    def _unfit(self, request: ExecuteRequest) -> bytes | None:
        """Why a child cannot be started, or None."""
        deadline_s = request.deadline_s
        if self._depth >= self._limits.child_depth_max:
            return responses.too_deep(self._limits.child_depth_max)
        if not can_be_child(request.child):
            return responses.bad_child_id(request.child)
        if deadline_s is not None and not 0 <= deadline_s <= _SLEEP_S_MAX:
            return responses.bad_duration(deadline_s, "have a deadline of")
        if self._refuses is not None and (problem := self._refuses(request)) is not None:
            return problem
        why = no_call(bytes(request.args))
        return None if why is None else responses.cannot_be_read("the input of a child", why)

    def _sleep(self, request: SleepRequest, raw: bytes, mark: int, now_us: int) -> bytes | None:
        effect, text, seconds = request.id, label(request), request.seconds
        at = self._recorder.at
        problem = None
        if not math.isfinite(seconds) or not 0 <= seconds <= _SLEEP_S_MAX:
            problem = responses.bad_duration(seconds)
        elif request.start and self._full:
            problem = responses.too_many(self._limits.effects_in_flight_max)
        if problem is not None and request.start:
            return self._refuse_start(effect, text, mark, at, problem)
        if problem is not None:
            self._recorder.append(Called(at, mark, effect, text, True, problem))
            return responses.outcome(self._recorder.now_us, True, problem)
        until = at + round(seconds * 1_000_000)
        if request.start:
            self._recorder.append(Started(at, mark, effect, text, until))
            self._outstanding.begin(effect, raw, text, until)
            return responses.EMPTY
        if self.waits.cancellation.asked is not None:
            return self.waits.cancel(mark, effect, now_us)
        self._recorder.append(Slept(at, mark, effect, until))
        return self.waits.wait_until(ForSleep(until, effect, mark), self._recorder.now_us)

    def _park(self, request: ParkRequest, mark: int, now_us: int) -> bytes | None:
        """Wait for a decision that the guest asks for."""
        effect, text, waits = request.id, label(request), self.waits
        if (response := waits.known(effect, mark, text, now_us)) is not None:
            return response
        waits.waiting, waits.blocking = ForEffect(effect, mark, text), None
        if (response := waits.tell_cancel(now_us)) is not None:
            return response
        if effect not in self._outstanding.parked:
            self._note(Parked(self._recorder.at, effect, text, asked=True))
        return None

    def _refuse_start(self, effect: int, text: str, mark: int, at: int, problem: bytes) -> bytes:
        """Begin an effect that has failed already: its error comes as a completion, as for any."""
        self._recorder.append(Started(at, mark, effect, text))
        self._outstanding.begin(effect, b"", text, None)
        self._note(Arrived(at, effect, True, problem))
        return responses.EMPTY

    def _note(self, entry: Arrived | Parked | Repeated) -> None:
        self._recorder.append(entry)
        self._outstanding.keep(entry)

    @property
    def _full(self) -> bool:
        return len(self._outstanding.begun) >= self._limits.effects_in_flight_max

    def _arguments_too_large(self, raw: bytes) -> bytes:
        what = "the arguments of an effect"
        return responses.too_large(what, len(raw), self._limits.value_bytes_max)

    def _cut(self, message: str) -> str:
        limit = self._limits.log_chars_max
        if len(message) <= limit:
            return message
        return f"{message[:limit]}... ({len(message) - limit:,} more characters)"

    # --- completions --------------------------------------------------------------------------

    def _wait_next(self, request: NextRequest, mark: int, now_us: int) -> bytes | None:
        if self.waits.cancellation.asked is not None:
            return self.waits.cancel(mark, 0, now_us)
        until = None
        if request.poll:
            until = 0
        elif request.until is not None:
            until = max(0, request.until - self._recorder.began_us)
        response = self.waits.next(mark, until, now_us)
        if response is None:
            if until is None and not self._outstanding.begun:
                raise GuestTrapped(
                    "the workflow waits for something that can never happen: no effect is under "
                    "way and no timer is set"
                )
            self.waits.waiting = ForNext(mark, until)
        return response
