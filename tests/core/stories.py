"""Scripted guests and their world, told live, again from the journal, and after every crash.

A story is a guest (a generator of requests) together with everything that comes to it from outside.
`tell` lives it once, commits after each thing that happens, and performs effects when their entries
are durable. `check` then lives it again from the whole journal and from every state that a crash
may have left behind, and compares what the guests saw.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from flawless.core.encoding import decode_entries, encode_entry
from flawless.core.entries import Cancelled, End, Entry, Failed, Retried
from flawless.core.history import resume_point
from flawless.core.inbox import Message
from flawless.core.machine import Cancel, Machine, NewEntries, Perform, StartChild
from flawless.core.protocol import decode_request

from . import requests

Script = Generator[bytes, Any, dict[str, Any]]

_TURNS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that is put into the inbox once the guest has asked `after` times."""

    after: int
    name: str
    payload: Any = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A guest and its world. Effects without an outcome never end by themselves."""

    guest: Callable[[], Script]
    outcomes: dict[int, Any] = field(default_factory=dict)
    errors: dict[int, Any] = field(default_factory=dict)
    letters: tuple[Letter, ...] = ()
    decisions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """What a person says about parked effects, one time after the other."""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Commit:
    """What is durable after one chunk, and what the world had seen by then."""

    chunk: NewEntries
    sent: int
    unread: list[Message]
    decided: Counter[int]
    performed: Counter[int]
    children: Counter[int]
    now_us: int


@dataclass(slots=True)
class Life:
    """One process's way through a story."""

    story: Story
    asked: list[tuple[bytes, Any]] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    performed: Counter[int] = field(default_factory=Counter)
    children: Counter[int] = field(default_factory=Counter)
    cancelled: list[int] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    responses: list[Any] = field(default_factory=list)
    end: End | None = None
    by_itself: bool = False
    """Whether the guest came to its own end."""

    @property
    def entries(self) -> list[Entry]:
        """The durable journal."""
        return journal([commit.chunk for commit in self.commits])

    @property
    def kinds(self) -> list[str]:
        """The names of the journal's entries, the first one left out."""
        return [type(entry).__name__ for entry in self.entries[1:]]

    @property
    def answers(self) -> list[Any]:
        """What the guest was told, without times."""
        return [timeless(answer) for _, answer in self.asked]

    @property
    def received(self) -> list[int]:
        """The numbers of the messages that left the inbox."""
        return [number for commit in self.commits for number in commit.chunk.received]


def journal(chunks: list[NewEntries]) -> list[Entry]:
    """Return the entries of chunks that follow each other."""
    entries: list[Entry] = []
    for chunk in chunks:
        assert chunk.first_seq == len(entries)
        entries += decode_entries("order-1", chunk.first_seq, chunk.data, chunk.count)
    return entries


def timeless(answer: Any) -> Any:
    """Return an answer without the time."""
    if isinstance(answer, dict):
        return {name: value for name, value in answer.items() if name != "now"}
    return answer


class _Process:
    """A process that lives a story from what is durable."""

    def __init__(self, story: Story, commits: list[Commit], *, early: bool) -> None:
        self.story = story
        self.life = Life(story, commits=list(commits))
        self.inbox: list[Message] = []
        self.sent = 0
        self.decided: Counter[int] = Counter()
        self.now_us = requests.BEGAN_US
        if commits:
            last = commits[-1]
            self.sent, self.inbox, self.decided = last.sent, list(last.unread), last.decided.copy()
            self.life.performed, self.life.children = last.performed.copy(), last.children.copy()
            self.now_us = last.now_us + 1_000_000
            self.machine = rebuild(story, self.life.entries)
        else:
            self.machine = requests.create(**story.settings)
            self.commit()
        self.known: list[int] = []  # performed by this process, not yet ended
        self.early = early

    def run(self) -> Life:
        life, machine = self.life, self.machine
        guest = self.story.guest()
        raw = next(guest)
        if self.early:
            self.read_inbox()
        while machine.end is None:
            assert len(life.asked) < _TURNS_MAX
            self.now_us += 1_000
            response = machine.request(raw, self.now_us)
            self.commit()
            told = self.settle(response, len(life.asked) + 1)
            if machine.end is not None:
                break
            life.asked.append((raw, told))
            try:
                raw = guest.send(told)
            except StopIteration as stop:
                life.by_itself = True
                machine.finished(json.dumps(stop.value).encode(), self.now_us)
        self.commit()
        life.end = machine.end
        return life

    def settle(self, response: bytes | None, asked: int) -> Any:
        """Let the world go on until the guest has its answer (or has been stopped)."""
        machine, story = self.machine, self.story
        while self.sent < len(story.letters) and story.letters[self.sent].after <= asked:
            letter = story.letters[self.sent]
            self.put(letter.name, letter.payload, letter.id)
        # A guest that replays does not wait; one that crashed is handed its mail when it is live.
        if machine.live or self.early:
            response = self.read_inbox() or response
        for _ in range(_TURNS_MAX):
            if machine.end is not None:
                return None
            if response is not None:
                return json.loads(response)
            response = self.next_thing()
            self.commit()
        raise AssertionError("the guest waits for ever")

    def next_thing(self) -> bytes | None:
        machine, story = self.machine, self.story
        self.now_us += 1_000
        for effect in self.known:
            if effect in machine.in_flight and effect in story.outcomes | story.errors:
                self.known.remove(effect)
                failed = effect in story.errors
                payload = json.dumps(story.errors[effect] if failed else story.outcomes[effect])
                return machine.arrived(effect, failed, payload.encode(), [], self.now_us)
        for effect in machine.parked:
            left = story.decisions.get(effect, [])[self.decided[effect] :]
            if left:
                self.decided[effect] += 1
                return self.put_and_read(":resolve", {"effect": effect, **left[0]})
        assert machine.wake_us is not None, f"nothing will ever happen: {machine.waiting}"
        self.now_us = max(self.now_us, machine.wake_us)
        return machine.woke(self.now_us)

    def put(self, name: str, payload: Any, id_: str | None = None, *, counts: bool = True) -> None:
        number = 1 + len(self.life.received) + len(self.inbox)
        self.inbox.append(requests.message(number, name, payload, id_))
        self.sent += counts

    def put_and_read(self, name: str, payload: Any) -> bytes | None:
        self.put(name, payload, counts=False)
        return self.read_inbox()

    def read_inbox(self) -> bytes | None:
        """Deliver what is there; a guest has at most one answer to get."""
        response = None
        for message in list(self.inbox):
            told = self.machine.deliver(message, self.now_us)
            assert response is None or told is None
            response = told or response
            self.commit()
        return response

    def commit(self) -> None:
        """Make durable what there is, then do what it asks for."""
        life, machine = self.life, self.machine
        chunk, actions = machine.take_chunk(), machine.take_actions()
        if chunk is not None:
            unread = [one for one in self.inbox if one.number not in chunk.received]
            assert len(unread) == len(self.inbox) - len(chunk.received), "received twice"
            self.inbox = unread
            if chunk.state is not None:
                life.states.append(json.loads(chunk.state))
            if chunk.response is not None:
                life.responses.append(json.loads(chunk.response))
        for action in actions:
            match action:
                case Perform():
                    assert life.performed[action.effect] == 0 or _may_repeat(self, action), action
                    life.performed[action.effect] += 1
                    self.known.append(action.effect)
                case StartChild():
                    assert chunk is not None, "a child without the entry that tells of it"
                    life.children[action.effect] += 1
                case Cancel():
                    life.cancelled.append(action.effect)
        if chunk is not None:
            life.commits.append(
                Commit(
                    chunk,
                    self.sent,
                    list(self.inbox),
                    self.decided.copy(),
                    life.performed.copy(),
                    life.children.copy(),
                    self.now_us,
                )
            )


def _may_repeat(process: _Process, action: Perform) -> bool:
    """A person may have said so, or somebody retried the execution."""
    said = any(one.get("retry") for one in process.story.decisions.get(action.effect, []))
    retried = any(isinstance(entry, Retried) for entry in process.life.entries)
    return said or retried or requests.may_repeat(action.request)


def rebuild(story: Story, entries: list[Entry]) -> Machine:
    """Return the machine of a story that has come so far."""
    first = ("run", "deadline")  # these stand in entry 0
    return requests.rebuild(
        entries, **{name: value for name, value in story.settings.items() if name not in first}
    )


def tell(story: Story, commits: list[Commit] | None = None, *, early: bool = False) -> Life:
    """Live a story to its end, from what is durable.

    `early` mail is delivered while the guest still replays.
    """
    return _Process(story, commits or [], early=early).run()


def replay(life: Life) -> Machine:
    """Let a new guest replay a finished life, with no world around it."""
    machine = rebuild(life.story, life.entries)
    guest = life.story.guest()
    raw = next(guest)
    for asked, told in life.asked:
        assert raw == asked
        response = machine.request(raw, 0)
        assert response is not None, f"no answer to {raw!r}"
        assert json.loads(response) == told
        try:
            raw = guest.send(told)
        except StopIteration as stop:
            machine.finished(json.dumps(stop.value).encode(), 0)
            break
    assert machine.end == life.end
    assert machine.take_actions() == []
    assert not machine.dirty
    return machine


def check(story: Story, base: Life | None = None, *, same: bool = True) -> Life:
    """Live a story, replay it, and live it again after a crash at every place.

    The guest must see after a crash what it saw before it; unless `same` is false, it also must see
    in the end what the guest of the undisturbed life saw.
    """
    first = [] if base is None else base.commits
    life = tell(story, first)
    if life.by_itself:
        replay(life)
    for length in range(max(1, len(first)), len(life.commits)):
        for early in (False, True):
            left = life.commits[:length]
            again = tell(story, left, early=early)
            machine = rebuild(story, journal([commit.chunk for commit in left]))
            known = _recorded(machine, story, again)
            recorded = [told for _, told in life.asked][:known]
            assert [told for _, told in again.asked][:known] == recorded, length
            if same:
                assert again.answers == life.answers, (length, early)
                assert type(again.end) is type(life.end)
            if again.by_itself:
                replay(again)
    return life


def _recorded(machine: Machine, story: Story, again: Life) -> int:
    """Return how many answers the journal of this machine holds for sure."""
    for count, (raw, _) in enumerate(again.asked):
        machine.request(raw, 0)
        if machine.live:
            return count
    return len(again.asked)


def retry(life: Life, effect: int | None = None) -> Life:
    """Return a failed life with the entry that lets it go on."""
    entries = life.entries
    assert isinstance(life.end, Failed)
    point = resume_point(entries, effect)
    entry = Retried(entries[-1].at, point.effect, point.resume, "ann")
    last = life.commits[-1]
    chunk = NewEntries(len(entries), 1, encode_entry(len(entries), entry))
    commit = Commit(
        chunk, last.sent, last.unread, last.decided, last.performed, last.children, last.now_us
    )
    return Life(life.story, commits=[*life.commits, commit])


def stopped(life: Life) -> dict[str, Any]:
    """Return the error of a life that was ended from outside."""
    assert isinstance(life.end, Cancelled)
    assert not life.by_itself
    error = json.loads(life.end.payload)
    assert isinstance(error, dict)
    return error


def effect_ids(life: Life) -> list[int]:
    """Return the ids that the guest used, in order."""
    ids = [getattr(decode_request(raw), "id", None) for raw, _ in life.asked]
    return [one for one in ids if one is not None]
