"""A hostile guest against the machine of its execution: any requests, in any order.

The input is a script, a line for each thing that happens. Most lines are what the guest asks for,
as it would send them. Lines with `!` are the world:

    !ok 3 {"n":1}     effect 3 ends well; `!fail 3 {}` badly, with 0 for the one that began first
    !tick 500000      so many microseconds pass; the clock may go backwards
    !wake             the time comes that the guest waits for
    !mail name {...}  a message, or a signal: `:cancel`, `:resolve`, `:terminate`, `:child:1:2`
    !clock  !poll US  WASI's clock and its blocking poll
    !crash N          the last N chunks were not durable yet; the guest is replayed
    !other N          the same, but then the guest does something else
    !end {...}        the guest's last word
    !retry N          somebody retries from effect N on (0: where it failed)

What must hold: the machine answers with a JSON object, lets the guest wait, or refuses with an
error of ours, after which the execution can be failed. The journal is always whole, its times never
run backwards, and whoever reads it can. The guest that is replayed is given the same answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from readers import read_everything

from core import requests
from flawless.core.encoding import decode_entries, encode_entries, encode_entry
from flawless.core.entries import ASIDES, End, Entry, Retried
from flawless.core.history import NoResumePoint, end_of, resume_point, taken_back
from flawless.core.inbox import Message
from flawless.core.machine import Cancel, Machine, NewEntries, Perform, StartChild
from flawless.core.waiting import ForEffect
from flawless.engine.endings import error_of
from flawless.errors import FlawlessError

LIMITS = {
    "value_bytes_max": 2_000,
    "journal_entries_max": 60,
    "journal_bytes_max": 20_000,
    "log_chars_max": 50,
    "effects_in_flight_max": 5,
    "child_depth_max": 3,
}
LINES_MAX = 80
FEW = 30
"""What is done at most to let a waiting guest go on."""
SECOND_US = 1_000_000

WORDS = (
    *('{"op":"step","id":1,"name":"app.a","args":{"a":[],"k":{}}}', '"start":true', '"id":'),
    *('{"op":"http","id":2,"method":"POST","url":"http://a/"}', '"idempotent":true', ".once"),
    *('{"op":"sleep","id":3,"seconds":1}', '{"op":"receive","id":4,"names":["m"]}', ".ask"),
    *('{"op":"send","id":5,"to":"b","name":"m","payload":1}', '{"op":"cancel","id":6,"execution":'),
    *('{"op":"execute","id":7,"workflow":"w","args":{},"child":"c"}', '"close":"abandon"'),
    *('{"op":"park","id":8,"label":"l"}', '{"op":"publish","value":', '{"op":"respond","value":'),
    *('{"op":"next"}', '{"op":"next","until":0}', '"poll":true', '{"op":"drop","id":'),
    *('{"op":"log","level":20,"logger":"l","message":"m"}', '{"op":"clock"}', '{"op":"where"}'),
    *('{"op":"load","name":"m"}', '{"op":"secret","name":"K"}', '"deadline_s":', "1e999"),
    *("\n!ok 0 1", "\n!fail 0 {}", "\n!tick 1000000", "\n!wake", "\n!mail m 1"),
    "\n!mail :cancel {}",
    *('\n!mail :resolve {"effect":', '"retry":true', '"failed":true', "\n!mail :terminate {}"),
    *('\n!mail :child:1:7 {"ok":1}', "\n!clock", "\n!poll 5", "\n!crash 1", "\n!other 1"),
    *('\n!end {"ok":1}', '{"error":{"type":"E"}}', '"cancelled":true', '{"continue":{}}'),
    *("\n!retry 0", "\\ud800", "NaN", "[[[[[[", "9007199254740993", '{"$":"float","v":"nan"}'),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Something the guest did, and the answer; None while it waits for one."""

    kind: str
    argument: bytes
    answer: bytes | None


class Play:
    """Plays one script, and looks at everything after each line."""

    def __init__(self) -> None:
        self.now_us = requests.BEGAN_US
        self.machine = requests.create(self.now_us, depth=1, **LIMITS)
        self.chunks: list[NewEntries] = []
        self.asked: list[Asked] = []
        self.mail: list[Message] = []
        self.running: set[int] = set()
        self.children: set[int] = set()
        self.waits = False

    @property
    def entries(self) -> list[Entry]:
        """The journal, as it is durable."""
        found: list[Entry] = []
        for chunk in self.chunks:
            assert chunk.first_seq == len(found), "chunks follow each other"
            found += decode_entries("order-1", chunk.first_seq, chunk.data, chunk.count)
        return found

    # --- lines ------------------------------------------------------------------------------------

    def line(self, line: bytes) -> None:
        """Let one thing happen."""
        if line.startswith(b"!"):
            word, _, rest = line[1:].partition(b" ")
            act = _ACTS.get(word.decode("latin-1"))
            if act is not None:
                act(self, rest)
        else:
            self.guest("ask", line)

    def guest(self, kind: str, argument: bytes) -> None:
        """The guest does something, once it has been answered."""
        if self.waits:
            self._let_go_on()
        if self.machine.end is not None or self.waits:
            return
        if kind == "end":
            self._attempt(lambda: self._end(argument))
            return
        self.asked.append(Asked(kind, argument, None))
        self.waits = True
        self._attempt(lambda: do(self.machine, kind, argument, self.now_us))

    def _end(self, output: bytes) -> None:
        end = self.machine.finished(output, self.now_us)
        assert self.machine.end is end

    def _attempt(self, act: Callable[[], bytes | None]) -> None:
        """Do something to the machine; what it refuses ends the execution, as in the engine."""
        try:
            answer = act()
        except FlawlessError as error:
            if self.machine.end is None:
                self.machine.failed(error_of(error), self.now_us)
            self.waits = False
        else:
            if answer is not None:
                self._answered(answer)
        self._settle()

    def _answered(self, answer: bytes) -> None:
        assert self.waits, "only a guest that waits is answered"
        last = self.asked[-1]
        if last.kind == "ask":
            assert isinstance(json.loads(answer), dict)
        self.asked[-1] = Asked(last.kind, last.argument, answer)
        self.waits = False

    def _settle(self) -> None:
        """Make durable what there is, and look at the books."""
        machine = self.machine
        chunk, actions = machine.take_chunk(), machine.take_actions()
        if chunk is not None:
            self.chunks.append(chunk)
            entries = decode_entries("order-1", chunk.first_seq, chunk.data, chunk.count)
            assert encode_entries(chunk.first_seq, entries) == chunk.data
            self.mail = [one for one in self.mail if one.number not in chunk.received]
        for action in actions:
            match action:
                case Perform(effect):
                    assert effect not in self.running, "an effect is performed twice at once"
                    self.running.add(effect)
                case StartChild(effect):
                    assert chunk is not None, "a child begins with the entry that tells of it"
                    self.children.add(effect)
                case Cancel(effect):
                    self.running.discard(effect)
        assert not machine.dirty
        assert machine.end is not None or set(machine.in_flight) == self.running
        if machine.end is not None:
            assert not machine.in_flight
            self.waits = False
        elif self.waits and machine.live:
            assert machine.waiting is not None

    # --- the world --------------------------------------------------------------------------------

    def outcome(self, failed: bool, rest: bytes) -> None:
        """An effect ends."""
        number, _, payload = rest.partition(b" ")
        effect = whole(number)
        if effect not in self.running:
            effect = min(self.running, default=0)
        value = is_json(payload) and (payload.strip()[:1] == b"{" or not failed)
        if value and effect in self.running and self.machine.end is None:
            self.running.discard(effect)
            machine = self.machine
            self._attempt(lambda: machine.arrived(effect, failed, payload, [], self.now_us))

    def tick(self, rest: bytes) -> None:
        """Time passes, or is set back."""
        self.now_us += max(-(2**50), min(whole(rest), 2**50))

    def wake(self, _: bytes = b"") -> None:
        """The time has come that the guest waits for."""
        wake_us = self.machine.wake_us
        if self.machine.end is None and wake_us is not None:
            self.now_us = max(self.now_us, wake_us)
            self._attempt(lambda: self.machine.woke(self.now_us))

    def post(self, rest: bytes) -> None:
        """Something comes to the inbox; the engine writes signals, and messages are JSON."""
        name, _, payload = rest.partition(b" ")
        told = name.decode("utf-8", "replace")
        fits = re.fullmatch(r":(child:\d{1,3}:\d{1,18}|cancel|resolve|terminate)", told)
        if is_json(payload) and (fits or not told.startswith(":")):
            latest = max((one.number for one in self.mail), default=self.machine.messages_seen)
            self.mail.append(Message(max(latest, self.machine.messages_seen) + 1, told, payload))
            self.deliver()

    def deliver(self) -> None:
        """The machine reads what is new in the inbox."""
        for message in list(self.mail):
            if self.machine.end is None and message.number > self.machine.messages_seen:
                self._attempt(lambda one=message: self.machine.deliver(one, self.now_us))

    def crash(self, rest: bytes, *, same: bool = True) -> None:
        """The process dies; another one replays what is durable."""
        left = len(self.chunks) - min(whole(rest), 5)
        if left < 1 or not self.chunks:
            return
        before, self.chunks = self.chunks, self.chunks[:left]
        if end_of(self.entries) is not None:
            self.chunks = before  # engines leave what has ended alone
            return
        self.reload()
        if same:
            self.replay()

    def reload(self) -> None:
        """A new machine for the journal, without a guest."""
        entries = self.entries
        self.machine = requests.rebuild(
            entries, depth=1, bytes_recorded=sum(len(c.data) for c in self.chunks), **LIMITS
        )
        self.running.clear()
        self.waits = False

    def replay(self) -> None:
        """The guest does what it did before, and is given the same answers."""
        before, self.asked = self.asked, []
        for one in before:
            if self.machine.end is not None or self.waits or self.machine.live:
                break
            replayed = self.machine.replayed
            self.guest(one.kind, one.argument)
            if self.machine.replayed > replayed and not self.machine.live and self.asked:
                now = self.asked[-1].answer
                assert now is None or one.answer is None or now == one.answer, (one, now)
        if self.machine.end is None:
            self.deliver()

    def retry(self, rest: bytes) -> None:
        """Somebody wants the failed execution to go on."""
        entries = self.entries
        if self.machine.end is None or not entries:
            return
        effect = whole(rest)
        try:
            point = resume_point(entries, effect or None)
        except NoResumePoint:
            return
        taken_back(entries, point)
        also = [one.effect for one in point.outcomes if one.effect != point.effect]
        entry = Retried(entries[-1].at, point.effect, point.resume, "me", also)
        frame = encode_entry(len(entries), entry)
        self.chunks.append(NewEntries(len(entries), 1, frame))
        self.reload()
        self.replay()

    def _let_go_on(self) -> None:
        """Let happen what the guest waits for, if anything can."""
        for _ in range(FEW):
            machine = self.machine
            if not self.waits or machine.end is not None:
                return
            waiting = machine.waiting
            if isinstance(waiting, ForEffect) and waiting.effect in machine.parked:
                self.post(b':resolve {"effect":%d,"value":1}' % waiting.effect)
            elif machine.wake_us is not None and not self.running:
                self.wake()
            elif self.running:
                self.outcome(False, b"0 1")
            elif machine.listening:
                self.post(b"m 1")
            elif machine.parked:
                self.post(b':resolve {"effect":%d,"failed":true,"value":{}}' % min(machine.parked))
            elif self.children:
                self.post(b':child:1:%d {"ok":1}' % self.children.pop())
            else:
                return

    # --- at last ----------------------------------------------------------------------------------

    def look(self) -> None:
        """Look at the journal as a whole."""
        entries = self.entries
        for earlier, later in pairwise(entries):
            assert later.at >= earlier.at
        read_everything(entries)
        ended = self.machine.end
        if ended is not None:
            assert entries[-1] == ended
        retried = any(isinstance(entry, Retried) for entry in entries)
        if entries and not retried:
            self._same_again(entries, ended)

    def _same_again(self, entries: list[Entry], ended: End | None) -> None:
        """What is recorded answers the guest as it was answered at first."""
        machine = requests.rebuild(entries[:-1] if ended else entries, depth=1, **LIMITS)
        for one in self.asked:
            if all(isinstance(entry, ASIDES) for entry in entries[machine.position :]):
                return
            replayed = machine.replayed
            try:
                answer = do(machine, one.kind, one.argument, self.now_us)
            except FlawlessError:
                return
            if machine.live:
                return
            if machine.replayed > replayed and answer is not None and one.answer is not None:
                assert answer == one.answer, (one, answer)


def do(machine: Machine, kind: str, argument: bytes, now_us: int) -> bytes | None:
    """Let the guest do something; returns the answer, or None: it waits."""
    match kind:
        case "clock":
            return b"%d" % machine.clock(now_us)
        case "poll":
            return b"" if machine.poll(whole(argument), now_us) else None
        case _:
            return machine.request(argument, now_us)


def whole(text: bytes) -> int:
    """Return a whole number, or 0."""
    return int(text) if re.fullmatch(rb"-?[0-9]{1,19}", text) else 0


def is_json(text: bytes) -> bool:
    """Tell whether the engine could have written this: it encodes what it hands to machines."""
    try:
        json.loads(text, parse_constant=None)
        text.decode()
    except (ValueError, RecursionError):
        return False
    return b"\\ud" not in text.lower() and text.count(b"[") + text.count(b"{") < 50


_ACTS: dict[str, Callable[[Play, bytes], None]] = {
    "ok": lambda play, rest: play.outcome(False, rest),
    "fail": lambda play, rest: play.outcome(True, rest),
    "tick": Play.tick,
    "wake": Play.wake,
    "mail": Play.post,
    "clock": lambda play, rest: play.guest("clock", rest),
    "poll": lambda play, rest: play.guest("poll", rest),
    "crash": Play.crash,
    "other": lambda play, rest: play.crash(rest, same=False),
    "end": lambda play, rest: play.guest("end", rest),
    "retry": Play.retry,
}


def target(data: bytes) -> None:
    """Play a script, and look at the journal that is left."""
    play = Play()
    text = data.decode("utf-8", "replace").encode()  # WebAssembly's texts are nothing else
    for line in text.split(b"\n")[:LINES_MAX]:
        play.line(line)
    play.look()
