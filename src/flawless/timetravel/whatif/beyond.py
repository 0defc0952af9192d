"""The host of a "what if": changed code on the recorded path, and what it does beyond its end.

Beyond the journal nothing is performed. Clocks, logs and states are answered by the machine, as in
an engine that is live; time is simulated and passes at once; an effect that something else would
have to answer is answered from the answers file. The first one that the guest waits for and nothing
answers is refused: there the guest is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from flawless.core import responses
from flawless.core.entries import Entry, Started
from flawless.core.inbox import Message
from flawless.core.limits import Limits
from flawless.core.outstanding import Cancel, Perform
from flawless.core.protocol import (
    EffectRequest,
    ExecuteRequest,
    LoadRequest,
    ParkRequest,
    Performable,
    PublishRequest,
    ReceiveRequest,
    RespondRequest,
    SecretRequest,
    SleepRequest,
    SourceRequest,
    WhereRequest,
    decode_request,
    label,
)
from flawless.core.signals import RESOLVE, ResolveSignal, child_name
from flawless.core.waiting import ForEffect, ForNext
from flawless.engine.deployment import Deployment
from flawless.errors import Divergence
from flawless.timetravel.model import Frame, Point
from flawless.timetravel.whatif.answers import Answers, AnswersInvalid, message_name
from flawless.timetravel.whatif.differences import describe_question
from flawless.timetravel.world import TracedWorld

BEYOND_MAX: Final = 1_000
"""Points beyond the journal's end after which the guest is left: it may go on for ever."""

Came: TypeAlias = Literal["done", "answered", "passed", "under way", "refused"]
"""What came of something that was asked for beyond the journal.

- `done`: the engine alone does it: a log message, a state, the beginning of an effect.
- `answered`: from the answers file. `passed`: a time, which was passed at once.
- `under way`: begun, and not waited for until the end. `refused`: waited for, and nothing answers.
"""

_NO_POINTS = (LoadRequest, SourceRequest, SecretRequest, WhereRequest)
_ROUNDS_MAX: Final = 10_000


@dataclass(slots=True)
class Beyond:
    """Something the guest asked for beyond the journal, or had begun and waits for there."""

    number: int
    """The number its entry would have, were it the next one."""
    what: str
    came: Came = "done"
    point: Point | None = None
    """None where it was begun in the journal."""
    failed: bool = False
    payload: bytes = b""
    """JSON: what an effect was answered with; the value of a state or response."""

    @property
    def frames(self) -> list[Frame]:
        """The guest's stack there, innermost first."""
        return [] if self.point is None else self.point.frames


class WhatIfWorld(TracedWorld):
    """Answers a guest along the journal `entries`, which has no end, and beyond it.

    Without `answers` it refuses the first thing that the guest asks for beyond the journal. `ended`
    tells whether the recorded run has ended there.
    """

    def __init__(
        self,
        execution: str,
        entries: Sequence[Entry],
        deployment: Deployment,
        limits: Limits,
        seconds_max: float,
        answers: Answers | None,
        *,
        ended: bool,
    ) -> None:
        super().__init__(execution, entries, deployment, limits, seconds_max)
        self.beyond: list[Beyond] = []
        self.cut = False
        """Whether the guest was left because it went on and on."""
        self.mismatch: bytes | None = None
        """The request that did not fit, once one has not; it is the last point."""
        self._stay = answers is None
        self._ended = ended
        self._answers = answers or Answers()
        self._live = False
        self._pending: dict[int, Performable] = {}
        self._by_effect: dict[int, Beyond] = {}
        self._settled: set[int] = set()
        """Receivers and children that were answered."""
        self._messages = 0
        self._name = ""
        self._request: EffectRequest | None = None
        """The effect that was asked for last."""
        self._finishing = False
        self._before = 0

    # --- where the path is left ---------------------------------------------------------------

    @property
    def position(self) -> int:
        """The number of the entry that the guest passed last, or would have."""
        if self.machine.position != self._before:  # a recorded sleep leads beyond the end as well
            return self._positions[self.machine.position - 1]
        if self.machine.live:
            return len(self._entries) + sum(one.number >= len(self._entries) for one in self.beyond)
        return super().position if self.mismatch is None else self.recorded_position

    @property
    def recorded_position(self) -> int:
        """The number of the first recorded entry that the guest has not passed."""
        position = self.machine.position
        return self._positions[position] if position < len(self._positions) else len(self._entries)

    def call(self, request: bytes) -> bytes | None:
        """See `TracedWorld`."""
        self._before = self.machine.position
        return super().call(request)

    def clock_ns(self) -> int:
        """See `TracedWorld`; a look at the clock may be what leaves the path."""
        self._before = self.machine.position
        try:
            return super().clock_ns()
        except Divergence:
            self._left_at(b"clock")
            raise

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """See `TracedWorld`; a wait may be what leaves the path."""
        self._before = self.machine.position
        try:
            return super().sleep_until_ns(deadline_ns)
        except Divergence:
            self._left_at(b"sleep %d" % deadline_ns)
            raise

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """See `TracedWorld`."""
        self._before = self.machine.position
        super().write(stream, data)

    def _left_at(self, question: bytes) -> None:
        self.mismatch = question
        self._passed_silently(question)

    def _is_point(self, request: bytes, before: int, answer: bytes | None) -> bool:
        if self.mismatch is not None:
            return False
        if answer == responses.WHERE:
            self.mismatch = request
            return True
        return super()._is_point(request, before, answer) or self._is_beyond(request)

    def _is_beyond(self, request: bytes) -> bool:
        return self.machine.live and not isinstance(decode_request(request), _NO_POINTS)

    @property
    def _wanted(self) -> bool:
        return self._live or self.mismatch is not None or super()._wanted

    # --- beyond the end -----------------------------------------------------------------------

    def _passed(self, request: bytes) -> None:
        """Add a point; the one beyond the end was made when the machine answered it."""
        super()._passed(request)
        if self.machine.live and self.beyond and self.beyond[-1].point is None:
            self.beyond[-1].point = self.points[-1]
            self.points[-1].position = self.beyond[-1].number

    def _unless_over(self, response: bytes | None) -> bytes | None:
        """Answer what the machine cannot; None leaves the guest for good."""
        if self.over or not self.machine.live:
            return None if self.over else response
        if not self._live:
            self._go_beyond()
        if self._ended and self.machine.position != self._before:
            return self._slept(response)
        if self._finishing or not self._note_beyond():
            return response
        if self._stay:
            self.beyond[-1].came = "refused"
            self.over = True
            return None
        self._take_actions()
        rounds = 0
        while response is None and not self.over:
            response = self._answer_one()
            if response is None:
                response = self._pass_time()
            self._take_actions()
            rounds += 1
            if rounds > _ROUNDS_MAX:
                self.over = self.cut = True
        if len(self.beyond) >= BEYOND_MAX:
            self.over = self.cut = True
        return None if self.over else response

    def finish_output(self) -> None:
        """See `RecordedWorld`: it is no point of the path."""
        self._finishing = True
        super().finish_output()

    def _go_beyond(self) -> None:
        self._live = True
        last_us = self.machine.invoked.began_us + self._entries[-1].at
        self._now_us = max(last_us, self._answers.now_us or 0)

    def _slept(self, response: bytes | None) -> bytes | None:
        """Wake the guest from a sleep that was the last entry: its end shows that it was over."""
        while response is None and (wake_us := self.machine.wake_us) is not None:
            self._now_us = max(self._now_us, wake_us)
            response = self.machine.woke(self._now_us)
        self._take_actions()
        return response

    def _note_beyond(self) -> bool:
        """Note what was asked just now; False when it is a question for code, say."""
        question = self.questions[-1]
        noted = Beyond(self.position, describe_question(question))
        if question.startswith(b"{"):
            request = decode_request(question)
            if isinstance(request, _NO_POINTS):
                return False
            if isinstance(request, PublishRequest | RespondRequest):
                noted.payload = bytes(request.value)
            elif isinstance(request, EffectRequest):
                self._by_effect[request.id] = noted
                self._request = request
                noted.came = "done" if isinstance(request, SleepRequest) else "under way"
        self.beyond.append(noted)
        return True

    def _take_actions(self) -> None:
        for action in self.machine.take_actions():
            if isinstance(action, Perform):
                self._pending[action.effect] = action.request
            elif isinstance(action, Cancel):
                self._pending.pop(action.effect, None)
        self.machine.take_chunk()

    # --- answers ------------------------------------------------------------------------------

    def _answer_one(self) -> bytes | None:
        """Hand over outcomes from the file, until the guest has what it waits for."""
        machine = self.machine
        for effect, request in list(self._pending.items()):
            if (found := self._outcome(request)) is not None:
                del self._pending[effect]
                response = machine.arrived(effect, *found, [], self._now_us)
                if response is not None:
                    return response
        for effect, awaited in self._awaited():
            if (found := self._outcome(awaited)) is not None:
                self._settled.add(effect)
                response = machine.deliver(self._message(awaited, *found), self._now_us)
                if response is not None:
                    return response
        waiting = machine.waiting
        if isinstance(waiting, ForEffect) and waiting.effect in machine.parked:
            assert isinstance(self._request, ParkRequest)
            if (found := self._outcome(self._request)) is not None:
                return machine.deliver(self._message(self._request, *found), self._now_us)
        return None

    def _outcome(self, request: EffectRequest) -> tuple[bool, bytes] | None:
        """Return the outcome that the file has for an effect, and note it."""
        noted = self._noted(request)
        answer = self._answers.take(request, noted.number)
        if answer is None:
            return None
        failed, payload = answer.outcome(request)
        noted.came, noted.failed, noted.payload = "answered", failed, payload
        if isinstance(request, ReceiveRequest):
            self._name = message_name(answer, request)
        return failed, payload

    def _message(self, request: EffectRequest, failed: bool, payload: bytes) -> Message:
        self._messages += 1
        name, told = self._name, payload
        if isinstance(request, ExecuteRequest):
            name = child_name(self.machine.invoked.run, request.id)
            told = b'{"error":%b}' % payload if failed else b'{"ok":%b}' % payload
        elif isinstance(request, ParkRequest):
            name = RESOLVE
            value = msgspec.Raw(payload)
            told = msgspec.json.encode(ResolveSignal(request.id, failed=failed, value=value))
        elif failed:
            raise AnswersInvalid(
                f"the answer for {label(request)}", "a message is no error: say ok"
            )
        return Message(self._messages, name, told)

    def _awaited(self) -> list[tuple[int, ReceiveRequest | ExecuteRequest]]:
        """Return the receivers and children that nothing was said of, in order of start."""
        found = []
        for effect, begun in self.machine.begun.items():
            if effect not in self._settled and begun.raw:
                request = decode_request(begun.raw)
                if isinstance(request, ReceiveRequest | ExecuteRequest):
                    found.append((effect, request))
        return found

    def _noted(self, request: EffectRequest) -> Beyond:
        """Return what is noted of an effect; one of the journal's is noted at its first mention."""
        noted = self._by_effect.get(request.id)
        if noted is None:
            number = next(
                n
                for n, entry in enumerate(self._entries)
                if isinstance(entry, Started) and entry.effect == request.id
            )
            noted = Beyond(number, label(request), "under way")
            self._by_effect[request.id] = noted
            self.beyond.append(noted)
        return noted

    # --- time ---------------------------------------------------------------------------------

    def _pass_time(self) -> bytes | None:
        """Go to the next moment that means something to the guest, or refuse what it waits for."""
        machine = self.machine
        if machine.end is not None:  # its deadline, and the time for cleaning up
            self.over = True
            return None
        waiting, wake_us = machine.waiting, machine.wake_us
        blocked: list[EffectRequest] = []
        if isinstance(waiting, ForEffect):
            blocked = [self._request] if self._request is not None else []
        elif isinstance(waiting, ForNext):
            children = [one for _, one in self._awaited() if isinstance(one, ExecuteRequest)]
            blocked = [one for key, one in self._pending.items() if key in machine.begun]
            blocked += children
            if not blocked and wake_us is None:
                blocked = [one for _, one in self._awaited()]
        if blocked or wake_us is None:
            for request in blocked:
                self._noted(request).came = "refused"
            self.over = True
            return None
        self._now_us = max(self._now_us, wake_us)
        if self.beyond[-1].came == "done":
            self.beyond[-1].came = "passed"
        return machine.woke(self._now_us)
