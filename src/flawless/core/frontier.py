"""An execution at the end of its journal: requests that nothing recorded answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import assert_never

from flawless.core import responses
from flawless.core.entries import (
    Arrived,
    Attempt,
    Called,
    ClockRead,
    Dropped,
    Elapsed,
    Entered,
    Logged,
    Observed,
    Slept,
    Started,
)
from flawless.core.limits import Limits
from flawless.core.outstanding import Outstanding
from flawless.core.protocol import (
    ClockRequest,
    DropRequest,
    EffectRequest,
    HttpRequest,
    LoadRequest,
    LogRequest,
    NextRequest,
    Request,
    SleepRequest,
    SourceRequest,
    StepRequest,
    WhereRequest,
    decode_request,
    label,
)
from flawless.core.recorder import Recorder
from flawless.core.waiting import ForEffect, ForNext, ForPoll, ForSleep, Waiting
from flawless.errors import GuestTrapped

_SLEEP_S_MAX = 100 * 366 * 86_400.0
_LOGGER_CHARS_MAX = 200

Performable = StepRequest | HttpRequest


class Frontier:
    """Answers live requests, and outcomes and times when they come.

    `waiting` tells what the guest waits for, or None while it computes.
    """

    __slots__ = ("_limits", "_may_repeat", "_outstanding", "_recorder", "waiting")

    def __init__(
        self,
        recorder: Recorder,
        outstanding: Outstanding,
        *,
        limits: Limits,
        may_repeat: Callable[[EffectRequest], bool],
    ) -> None:
        self.waiting: Waiting | None = None
        self._recorder = recorder
        self._outstanding = outstanding
        self._limits = limits
        self._may_repeat = may_repeat

    @property
    def wake(self) -> int | None:
        """When `woke` will have something to tell, in microseconds since the beginning."""
        match self.waiting:
            case ForSleep(until) | ForPoll(until):
                return until
            case ForNext(until=until):
                timer = self._outstanding.next_timer()
                return min((t for t in (until, timer) if t is not None), default=None)
            case ForEffect() | None:
                return None

    def reach(self, now_us: int) -> None:
        """The journal is used up: deal with what was under way when the process died."""
        for effect, begun in self._outstanding.abandoned():
            request = decode_request(begun.raw)
            if isinstance(request, StepRequest | HttpRequest) and self._may_repeat(request):
                self._outstanding.perform(effect, request)
            else:
                problem = responses.interrupted(begun.label)
                self._keep(Arrived(self._recorder.present(now_us), effect, True, problem))

    # --- what the guest does ------------------------------------------------------------------

    def answer(self, request: Request, raw: bytes, mark: int, now_us: int) -> bytes | None:
        """Answer a request whose fingerprint is `mark`, or return None: the guest waits."""
        at = self._recorder.advance(now_us)
        match request:
            case StepRequest() | HttpRequest() | SleepRequest():
                self._outstanding.use(request.id)
                if isinstance(request, SleepRequest):
                    return self._sleep(request, raw, mark, at)
                if request.start:
                    return self._start(request, raw, mark, at)
                return self._call(request, raw, mark, at)
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
            case ClockRequest():
                self._recorder.append(ClockRead(at))
                return responses.time_only(self._recorder.now_us)
            case WhereRequest():
                raise GuestTrapped("the guest told where it stands without being asked")
            case LoadRequest() | SourceRequest():
                raise AssertionError("questions for code are not journaled")
            case _:
                assert_never(request)

    def wait_until(self, waiting: ForSleep | ForPoll, now_us: int) -> bytes | None:
        """Let the guest sleep; answer at once if the time has come already.

        The guest then sees exactly the time it waited for, so that replay, which does not know
        when it really woke, shows it the same.
        """
        if self._recorder.present(now_us) < waiting.until:
            self.waiting = waiting
            return None
        self.waiting = None
        return self.woken(waiting)

    def woken(self, waiting: ForSleep | ForPoll) -> bytes:
        """Answer a guest whose sleep is over."""
        self._recorder.reach(waiting.until)
        if isinstance(waiting, ForPoll):
            return b""
        return responses.outcome(self._recorder.now_us, False, responses.NULL)

    # --- what the world does ------------------------------------------------------------------

    def arrived(
        self, effect: int, failed: bool, payload: bytes, attempts: list[Attempt], now_us: int
    ) -> bytes | None:
        """Take an effect's outcome; answer if the guest waits for just this."""
        recorder = self._recorder
        match self.waiting:
            case ForEffect(wanted, mark, text) if wanted == effect:
                self.waiting = None
                at = recorder.advance(now_us)
                recorder.append(Called(at, mark, effect, text, failed, payload, attempts))
                return responses.outcome(recorder.now_us, failed, payload)
            case ForNext(mark) if effect in self._outstanding.begun:
                self.waiting = None
                self._outstanding.observe(effect)
                at = recorder.advance(now_us)
                recorder.append(Observed(at, mark, effect, failed, payload, attempts))
                return responses.completion(recorder.now_us, effect, failed, payload)
            case _:
                self._keep(Arrived(recorder.present(now_us), effect, failed, payload, attempts))
                return None

    def woke(self, now_us: int) -> bytes | None:
        """Answer if a time the guest waits for has come."""
        waiting = self.waiting
        match waiting:
            case ForSleep() | ForPoll():
                return self.wait_until(waiting, now_us)
            case ForNext(mark, until):
                response = self._next(mark, until, now_us)
                if response is not None:
                    self.waiting = None
                return response
            case ForEffect() | None:
                return None

    # --- effects ------------------------------------------------------------------------------

    def _call(self, request: Performable, raw: bytes, mark: int, at: int) -> bytes | None:
        effect, text = request.id, label(request)
        recorder, outstanding = self._recorder, self._outstanding
        known = outstanding.take_outcome(effect)
        if known is not None:
            failed, payload = known
            recorder.append(Called(at, mark, effect, text, failed, None))
            return responses.outcome(recorder.now_us, failed, payload)
        if effect not in outstanding.in_flight:
            problem = None
            if outstanding.entered == effect:
                problem = responses.interrupted(text)
            elif len(raw) > self._limits.value_bytes_max:
                problem = self._arguments_too_large(raw)
            if problem is not None:
                recorder.append(Called(at, mark, effect, text, True, problem))
                return responses.outcome(recorder.now_us, True, problem)
            if not self._may_repeat(request):
                recorder.append(Entered(at, mark, effect, text))
            outstanding.perform(effect, request)
        self.waiting = ForEffect(effect, mark, text)
        return None

    def _start(self, request: Performable, raw: bytes, mark: int, at: int) -> bytes:
        effect, text = request.id, label(request)
        if len(raw) > self._limits.value_bytes_max:
            return self._refuse_start(effect, text, mark, at, self._arguments_too_large(raw))
        if self._full:
            problem = responses.too_many(self._limits.effects_in_flight_max)
            return self._refuse_start(effect, text, mark, at, problem)
        self._recorder.append(Started(at, mark, effect, text))
        self._outstanding.begin(effect, raw, text, None)
        self._outstanding.perform(effect, request)
        return responses.EMPTY

    def _sleep(self, request: SleepRequest, raw: bytes, mark: int, at: int) -> bytes | None:
        effect, text, seconds = request.id, label(request), request.seconds
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
        self._recorder.append(Slept(at, mark, effect, until))
        return self.wait_until(ForSleep(until), self._recorder.now_us)

    def _refuse_start(self, effect: int, text: str, mark: int, at: int, problem: bytes) -> bytes:
        """Begin an effect that has failed already: its error comes as a completion, as for any."""
        self._recorder.append(Started(at, mark, effect, text))
        self._outstanding.begin(effect, b"", text, None)
        self._keep(Arrived(at, effect, True, problem))
        return responses.EMPTY

    def _keep(self, entry: Arrived) -> None:
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
        until = None
        if request.poll:
            until = 0
        elif request.until is not None:
            until = max(0, request.until - self._recorder.began_us)
        response = self._next(mark, until, now_us)
        if response is None:
            if until is None and not self._outstanding.begun:
                raise GuestTrapped(
                    "the workflow waits for something that can never happen: no effect is under "
                    "way and no timer is set"
                )
            self.waiting = ForNext(mark, until)
        return response

    def _next(self, mark: int, until: int | None, now_us: int) -> bytes | None:
        """The next completion, if there is one: a timer that is due, then outcomes in order."""
        recorder, outstanding = self._recorder, self._outstanding
        present = recorder.present(now_us)
        timer = outstanding.next_timer()
        if timer is not None and present >= timer:
            effect = outstanding.take_timer()
            recorder.append(Observed(recorder.advance(now_us), mark, effect, False, responses.NULL))
            return responses.completion(recorder.now_us, effect, False, responses.NULL)
        if (ready := outstanding.take_ready()) is not None:
            effect, failed, payload = ready
            recorder.append(Observed(recorder.advance(now_us), mark, effect, failed, None))
            return responses.completion(recorder.now_us, effect, failed, payload)
        if until is not None and present >= until:
            recorder.append(Elapsed(recorder.advance(now_us), mark))
            return responses.time_only(recorder.now_us)
        return None
