"""How a guest's waiting ends: an outcome, a time, a message, a decision, a cancellation."""

from __future__ import annotations

from collections.abc import Callable

from flawless.core import responses
from flawless.core.cancellation import Cancellation
from flawless.core.entries import (
    Arrived,
    Attempt,
    Called,
    CancelObserved,
    Elapsed,
    Entered,
    Observed,
    Resolved,
)
from flawless.core.interruption import WhenInterrupted
from flawless.core.names import Translate
from flawless.core.outstanding import Outstanding, Ready
from flawless.core.protocol import (
    CancelRequest,
    EffectRequest,
    HttpRequest,
    Performable,
    SendRequest,
    StepRequest,
    decode_request,
)
from flawless.core.recorder import Recorder
from flawless.core.signals import ResolveSignal
from flawless.core.waiting import ForEffect, ForNext, ForPoll, ForSleep, Waiting

_TIMED = (ForSleep, ForPoll)


class Waits:
    """What the guest waits for (`waiting`; None while it computes), and what ends that.

    Methods return the response for the guest when it need not wait any longer.
    """

    __slots__ = (
        "_outstanding",
        "_recorder",
        "_translate",
        "_when_interrupted",
        "blocking",
        "cancellation",
        "waiting",
    )

    def __init__(
        self,
        recorder: Recorder,
        outstanding: Outstanding,
        cancellation: Cancellation,
        *,
        when_interrupted: Callable[[EffectRequest], WhenInterrupted],
        translate: Translate,
    ) -> None:
        self.waiting: Waiting | None = None
        self.blocking: Performable | None = None
        """The request behind a `ForEffect`, if the engine performs it."""
        self.cancellation = cancellation
        self._recorder = recorder
        self._outstanding = outstanding
        self._when_interrupted = when_interrupted
        self._translate = translate

    @property
    def wake(self) -> int | None:
        """When `woke` will have something to tell, in microseconds since the beginning."""
        waiting, cancelled = self.waiting, self.cancellation.wake
        kind = type(waiting)
        if waiting is None or kind is ForEffect:
            return None if waiting is None else cancelled
        if isinstance(waiting, ForNext):
            times = (cancelled, waiting.until, self._outstanding.next_timer())
        else:
            assert isinstance(waiting, _TIMED)
            times = (cancelled, waiting.until, None)
        return min((time for time in times if time is not None), default=None)

    # --- times --------------------------------------------------------------------------------

    def wait_until(self, waiting: ForSleep | ForPoll, now_us: int) -> bytes | None:
        """Let the guest sleep; answer at once if the time has come already.

        The guest then sees exactly the time it waited for, so that replay, which does not know
        when it really woke, shows it the same.
        """
        if self._recorder.present(now_us) >= waiting.until:
            self.waiting = None
            return self.woken(waiting)
        self.waiting = waiting
        return self.tell_cancel(now_us)

    def woken(self, waiting: ForSleep | ForPoll) -> bytes:
        """Answer a guest whose sleep is over."""
        self._recorder.reach(waiting.until)
        if isinstance(waiting, ForPoll):
            return b""
        return responses.outcome(self._recorder.now_us, False, responses.NULL)

    def woke(self, now_us: int) -> bytes | None:
        """Answer if a time the guest waits for has come."""
        waiting = self.waiting
        match waiting:
            case ForSleep() | ForPoll():
                return self.wait_until(waiting, now_us)
            case ForNext():
                return self.look(now_us)
            case ForEffect() | None:
                return None

    # --- outcomes -----------------------------------------------------------------------------

    def look(self, now_us: int) -> bytes | None:
        """Answer a guest that waits for completions, if there is one now."""
        waiting = self.waiting
        if not isinstance(waiting, ForNext):
            return None
        response = self.next(waiting.fingerprint, waiting.until, now_us)
        if response is not None:
            self.waiting = None
        return response

    def next(self, mark: int, until: int | None, now_us: int) -> bytes | None:
        """The next completion, if there is one: a timer that is due, then what came, in order."""
        recorder, outstanding = self._recorder, self._outstanding
        present = recorder.present(now_us)
        timer = outstanding.next_timer()
        if timer is not None and present >= timer:
            effect = outstanding.take_timer()
            recorder.append(Observed(recorder.advance(now_us), mark, effect, False, responses.NULL))
            return responses.completion(recorder.now_us, effect, False, responses.NULL)
        ready = outstanding.take_ready()
        if isinstance(ready, Ready):
            effect, failed = ready.effect, ready.failed
            recorder.append(Observed(recorder.advance(now_us), mark, effect, failed, None))
            return responses.completion(recorder.now_us, effect, failed, ready.payload)
        if ready is not None:
            effect, message = ready
            payload = responses.message(message.name, message.payload, message.id)
            recorder.append(Observed(recorder.advance(now_us), mark, effect, False, payload))
            recorder.received(message.number)
            return responses.completion(recorder.now_us, effect, False, payload)
        if until is not None and present >= until:
            recorder.append(Elapsed(recorder.advance(now_us), mark))
            return responses.time_only(recorder.now_us)
        return None

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
                self.keep(Arrived(recorder.present(now_us), effect, failed, payload, attempts))
                return None

    def keep(self, entry: Arrived) -> None:
        """Record an outcome that the guest is not looking at."""
        self._recorder.append(entry)
        self._outstanding.keep(entry)

    # --- decisions ----------------------------------------------------------------------------

    def resolve(self, signal: ResolveSignal, entry: Resolved, now_us: int) -> bytes | None:
        """Act on a decision about a parked effect; `entry`, which records it, is noted already."""
        effect = signal.effect
        match self.waiting:
            case ForEffect(wanted, mark, text) if wanted == effect:
                if entry.payload is None:
                    assert self.blocking is not None, "the guest asked: a retry is its outcome"
                    self.enter(self.blocking, mark, text, now_us)
                    return None
                self.waiting = None
                return self.known(effect, mark, text, now_us)
            case _ if entry.payload is None and effect in self._outstanding.begun:
                request = self._translate(decode_request(self._outstanding.begun[effect].raw))
                assert isinstance(request, StepRequest | HttpRequest | SendRequest | CancelRequest)
                self._outstanding.perform(effect, request)
                return None
            case _:
                return self.look(now_us)

    def known(self, effect: int, mark: int, text: str, now_us: int) -> bytes | None:
        """Answer with an outcome that another entry holds, if there is one."""
        known = self._outstanding.take_outcome(effect)
        if known is None:
            return None
        failed, payload = known
        self._recorder.append(
            Called(self._recorder.advance(now_us), mark, effect, text, failed, None)
        )
        return responses.outcome(self._recorder.now_us, failed, payload)

    def enter(self, request: Performable, mark: int, text: str, now_us: int) -> None:
        """Perform an effect that the guest waits for; one that must not be repeated is marked."""
        if self._when_interrupted(request) is not WhenInterrupted.REPEAT:
            at = self._recorder.present(now_us)
            self._recorder.append(Entered(at, mark, request.id, text))
        self._outstanding.perform(request.id, request)

    # --- cancellation -------------------------------------------------------------------------

    def tell_cancel(self, now_us: int) -> bytes | None:
        """Tell a guest that waits that it is cancelled, if it is to be told."""
        if self.cancellation.asked is None:
            return None
        waiting = self.waiting
        if waiting is None or isinstance(waiting, ForPoll):
            return None
        effect = 0 if isinstance(waiting, ForNext) else waiting.effect
        if isinstance(waiting, ForEffect):
            self._outstanding.drop(effect)
        self.waiting = None
        return self.cancel(waiting.fingerprint, effect, now_us)

    def cancel(self, mark: int, effect: int, now_us: int) -> bytes:
        """Answer a request with the news that the execution is cancelled."""
        at = self._recorder.advance(now_us)
        number = self.cancellation.number
        signal = self.cancellation.tell(at)
        reason, until = signal.reason, self.cancellation.until
        self._recorder.append(CancelObserved(at, mark, effect, reason, until, signal.by))
        if number is not None:
            self._recorder.received(number)
        return responses.cancelled(self._recorder.now_us, reason)
