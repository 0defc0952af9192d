"""Random workflows for the machine: what a guest would do, as a generator.

A program is a list of operations. The guest that runs it mixes everything it observes into a
digest and puts the digest into every later request, so that the slightest difference between two
runs (a response, a time, an order) shows in the bytes of a request.

A `pure` guest leaves out what may rightly differ between an undisturbed run and one with crashes:
times, the order of completions, outcomes of effects that happen at most once, which message came,
and what a person decided.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from . import requests

Op = tuple[str, int]

NAMES = ("m0", "m1", "m2")
"""Names of messages."""

_EFFECTS = ("step", "once", "ask", "get", "post", "send", "cancel")
KINDS = (
    *_EFFECTS,
    *(f"start {kind}" for kind in _EFFECTS),
    "sleep",
    "start sleep",
    "start receive",
    "start receive any",
    "start receive some",
    "start child",
    "park",
    "publish",
    "respond",
    "next",
    "next until",
    "poll",
    "gather",
    "drop",
    "log",
    "clock",
    "wasi clock",
    "wasi poll",
    "load",
)

ops = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5)), max_size=18)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of the protocol."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class LookAtClock:
    """WASI's wall clock."""


@dataclass(frozen=True, slots=True)
class Poll:
    """WASI's blocking poll."""

    until_us: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The workflow's end."""

    output: bytes


Turn = Ask | LookAtClock | Poll | Finish


def is_load(turn: Turn) -> bool:
    """Whether this is a question for code, which no journal answers."""
    return isinstance(turn, Ask) and b'"op":"load"' in turn.raw


class Guest:
    """Runs a program; `turn` gives it the answer to its last question and returns the next one."""

    def __init__(self, program: list[Op], *, pure: bool = False, began_us: int) -> None:
        self.asked: list[tuple[Turn, Any]] = []
        """Everything asked that a journal answers, with the answers."""
        self.performable: dict[int, bytes] = {}
        """The bytes of each request for an effect, by effect."""
        self.open: set[int] = set()
        self.told = False
        """Whether the guest knows that it is cancelled."""
        self.published: list[int] = []
        self.responded: list[int] = []
        self._pure = pure
        self._digest = hashlib.sha256()
        self._now_us = began_us
        self._effects = 0
        self._last: Turn | None = None
        self._run = self._main(program)

    def turn(self, answer: Any) -> Turn:
        """Hand in the answer (None at first) and get the next question."""
        if self._last is not None and not is_load(self._last):
            self.asked[-1] = (self._last, answer)
        self._last = self._run.send(answer)
        if not is_load(self._last):
            self.asked.append((self._last, None))
        return self._last

    # --- the program --------------------------------------------------------------------------

    def _main(self, program: list[Op]) -> Generator[Turn, Any, None]:
        for kind, number in program:
            yield from self._operation(kind, number)
        if self._pure:
            yield from self._gather()
        word = {0: "error", 1: "continue"}.get(len(program) % 5, "ok")
        digest = self._digest.hexdigest()
        kinds: dict[str, Any] = {"error": {"message": digest}, "continue": {"a": [digest], "k": {}}}
        result: dict[str, Any] = {word: kinds.get(word, digest)}
        if self.told and word == "error":
            result["cancelled"] = True
        yield Finish(json.dumps(result).encode())

    def _operation(self, kind: str, number: int) -> Generator[Turn, Any, None]:
        start = kind.startswith("start ")
        name = kind.removeprefix("start ")
        if self._pure and name in ("next", "next until", "poll"):
            name = "gather"
        match name:
            case "step" | "once" | "ask" | "get" | "post" | "send" | "cancel" | "sleep" | "park":
                yield from self._effect(name, number, start)
            case "receive" | "receive any" | "receive some" | "child":
                yield from self._effect(name, number, True)
            case "publish":
                self.published.append(number)
                assert (yield Ask(requests.publish(number))) == b"{}"
            case "respond":
                refused = json.loads((yield Ask(requests.respond(number))))
                assert bool(refused) == bool(self.responded)
                self.responded.append(number)
            case "next" if self.open:
                yield from self._wait(None, poll=False)
            case "next until":
                yield from self._wait(self._now_us + number * 700_000, poll=False)
            case "poll":
                yield from self._wait(None, poll=True)
            case "gather":
                yield from self._gather()
            case "drop" if self.open:
                effect = sorted(self.open)[number % len(self.open)]
                self.open.discard(effect)
                assert (yield Ask(requests.drop(effect))) == b"{}"
            case "log":
                message = f"{number} {self._digest.hexdigest()}"
                assert (yield Ask(requests.log(message))) == b"{}"
            case "clock":
                self._see(json.loads((yield Ask(requests.ask(op="clock")))))
            case "wasi clock":
                self._see({"now": (yield LookAtClock())})
            case "wasi poll":
                until_us = self._now_us + number * 900_000
                yield Poll(until_us)
                now_us = yield LookAtClock()
                assert now_us >= until_us
                self._see({"now": now_us})
            case "load":
                raw = requests.ask(op="load", name=f"m{number}")
                assert b"missing" in (yield Ask(raw))
            case "next" | "drop":
                pass
            case _:
                raise AssertionError(kind)

    def _effect(self, name: str, number: int, start: bool) -> Generator[Turn, Any, None]:
        self._effects += 1
        effect = self._effects
        seen = self._digest.hexdigest()[:12]
        match name:
            case "step":
                raw = requests.step(effect, f"app.s{number}", start=start, arg=seen)
            case "once":
                raw = requests.step(effect, f"app.s{number}.once", start=start, arg=seen)
            case "ask":
                raw = requests.step(effect, f"app.s{number}.ask", start=start, arg=seen)
            case "send":
                raw = requests.send(effect, start=start, payload=seen)
            case "cancel":
                raw = requests.cancel(effect, start=start)
            case "receive":
                raw = requests.receive(effect, NAMES[number % len(NAMES)])
            case "receive any":
                raw = requests.receive(effect)
            case "receive some":
                raw = requests.receive(effect, NAMES[number % len(NAMES)], NAMES[0])
            case "child":
                raw = requests.child(effect, f"order-1.{effect}")
            case "park":
                raw = requests.park(effect, f"undo {seen}")
            case "get" | "post":
                raw = requests.http(effect, name.upper(), start=start, body={"text": seen})
            case _:
                raw = requests.sleep(effect, number / 2, start=start)
        self.performable[effect] = raw
        before_us = self._now_us
        answer = json.loads((yield Ask(raw)))
        if start:
            assert answer == {}
            self.open.add(effect)
            return
        if name == "sleep" and not self._hear(answer):
            assert answer["ok"] is None
            assert answer["now"] >= before_us + number * 500_000
        elif name != "sleep":
            self._hear(answer)
        self._see(answer, effect)

    def _hear(self, answer: dict[str, Any]) -> bool:
        """Note that the guest was told that it is cancelled, if it was."""
        if "cancel" not in answer:
            return False
        assert not self.told, "told twice"
        self.told = True
        return True

    def _wait(self, until_us: int | None, *, poll: bool) -> Generator[Turn, Any, Any]:
        if self._pure:
            until_us = None
        answer = json.loads((yield Ask(requests.wait(until_us, poll=poll))))
        effect = answer.get("id")
        if self._hear(answer):
            pass
        elif effect is None:
            assert poll or (until_us is not None and answer["now"] >= until_us)
        else:
            assert effect in self.open, "a completion of something not under way"
            self.open.discard(effect)
        if not self._pure:
            self._see(answer, effect)
        return answer

    def _gather(self) -> Generator[Turn, Any, None]:
        answers = {}
        while self.open:
            answer = yield from self._wait(None, poll=False)
            if "id" in answer:
                answers[answer["id"]] = answer
        if self._pure:
            for effect in sorted(answers):
                self._see(answers[effect], effect)

    def _see(self, answer: dict[str, Any], effect: int | None = None) -> None:
        assert self._pure or answer["now"] >= self._now_us, "time ran backwards"
        self._now_us = max(self._now_us, answer["now"])
        if self._pure:
            raw = self.performable.get(effect or 0, b"")
            signs = (b".once", b".ask", b'"POST"', b'"receive"', b'"park"')
            differs = any(sign in raw for sign in signs)
            answer = {"differs": effect} if differs else {**answer, "now": 0}
        self._digest.update(json.dumps(answer, sort_keys=True).encode())
