"""The entries of a journal.

A journal is what a guest observed, in the order in which it observed it. Each kind of entry is a
small frozen struct, written as a msgpack array whose first element is the kind's number. Numbers
and the order of fields are the journal format (docs/internals/journal-format.md): they never
change, fields are only ever added at the end, with a default.

Units: `at` is microseconds since the execution began (`Invoked.began_us`), `until` likewise; `at`
never decreases along a journal. `fingerprint` is `core.protocol.fingerprint` of the guest's
request. `payload` is a JSON text.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias, TypeGuard

import msgspec

FORMAT = 1
"""Version of the journal format, written in entry 0."""

SEED_BYTES = 32

NO_FINGERPRINT = -1
"""What entries that answer no request have in place of a fingerprint; no request has it."""


class Attempt(msgspec.Struct, array_like=True, frozen=True):
    """One failed try of a step or request, kept beside its outcome for whoever looks later.

    `pause` is how long the engine waits before the next try, in microseconds, if it was kept.
    """

    at: int
    type: str
    message: str
    pause: int | None = None


class Origin(msgspec.Struct, array_like=True, frozen=True):
    """Where a fork comes from: it shares the first `entries` entries of another journal.

    That is the one of `execution`, in its run `run`; `at` is when the fork was made. What the guest
    calls itself stays as it was in the shared entries: `name`, in its run `known_run`.
    """

    execution: str
    entries: int
    at: int
    name: str
    run: int = 1
    known_run: int = 1


class Invoked(msgspec.Struct, array_like=True, frozen=True, tag=0):
    """Entry 0: what was asked for, when, on which build, and the seed of all randomness.

    `run` counts the runs of one id (`continue_as_new` begins the next). `deadline` is when the
    execution is cancelled of itself, in microseconds since its beginning. `trace` is the
    `traceparent` of whoever started it, kept only where executions are traced; no guest sees it.
    A fork has an `origin`; workflow, beginning, seed, input and deadline are the origin's.
    """

    at: ClassVar[int] = 0
    fingerprint: ClassVar[int] = NO_FINGERPRINT
    format: int
    workflow: str
    deployment: str
    began_us: int
    seed: bytes
    input: bytes
    run: int = 1
    deadline: int | None = None
    trace: str | None = None
    origin: Origin | None = None

    @property
    def own_us(self) -> int:
        """When this execution itself began: a fork, later than the entries that it shares."""
        return self.began_us if self.origin is None else self.began_us + self.origin.at


class ClockRead(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The guest looked at the clock and saw `at`."""

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int


class Logged(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """The guest logged or printed a message."""

    at: int
    fingerprint: int
    level: int
    logger: str
    message: str


class Entered(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """The guest waits for an effect that must not be repeated, and it is about to be performed.

    Durable before the effect happens. If no outcome follows, the process died in between.
    """

    at: int
    fingerprint: int
    effect: int
    label: str


class Called(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """An effect the guest waited for ended, and the guest saw how.

    `payload` is None when an `Arrived` entry holds the outcome.
    """

    at: int
    fingerprint: int
    effect: int
    label: str
    failed: bool
    payload: bytes | None
    attempts: list[Attempt] = []


class Started(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """The guest began an effect and went on. `until` is set for timers."""

    at: int
    fingerprint: int
    effect: int
    label: str
    until: int | None = None


class Arrived(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """An outcome came while the guest could not look; a later entry tells when it saw it."""

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    effect: int
    failed: bool
    payload: bytes
    attempts: list[Attempt] = []


class Observed(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """The guest saw the outcome of an effect it had started.

    `payload` is None when an `Arrived` entry holds the outcome.
    """

    at: int
    fingerprint: int
    effect: int
    failed: bool
    payload: bytes | None
    attempts: list[Attempt] = []


class Slept(msgspec.Struct, array_like=True, frozen=True, tag=8):
    """The guest sleeps until `until`. No further entry is needed when it wakes."""

    at: int
    fingerprint: int
    effect: int
    until: int


class Elapsed(msgspec.Struct, array_like=True, frozen=True, tag=9):
    """The guest waited for completions and saw a deadline pass (or a poll find nothing)."""

    at: int
    fingerprint: int


class Dropped(msgspec.Struct, array_like=True, frozen=True, tag=10):
    """The guest lost interest in an effect it had started."""

    at: int
    fingerprint: int
    effect: int


class Polled(msgspec.Struct, array_like=True, frozen=True, tag=11):
    """The guest blocked in a WASI poll until `until`."""

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    until: int


class Completed(msgspec.Struct, array_like=True, frozen=True, tag=12):
    """The workflow returned."""

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    payload: bytes


class Failed(msgspec.Struct, array_like=True, frozen=True, tag=13):
    """The workflow raised, or was stopped; `payload` is the protocol's error object."""

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    payload: bytes


class Published(msgspec.Struct, array_like=True, frozen=True, tag=14):
    """The guest set the execution's visible state; the value can be computed again.

    `refused` is the error it got instead, if the value could not be shown.
    """

    at: int
    fingerprint: int
    refused: bytes | None = None


class Responded(msgspec.Struct, array_like=True, frozen=True, tag=15):
    """The guest answered whoever started it, and went on; `refused` as in `Published`."""

    at: int
    fingerprint: int
    refused: bytes | None = None


class CancelObserved(msgspec.Struct, array_like=True, frozen=True, tag=16):
    """The guest asked for something and was told instead that it is cancelled.

    `effect` is the effect it waited for, which is given up, or 0. At `until` the time for cleaning
    up is over and the execution ends. `by` is who wanted it.
    """

    at: int
    fingerprint: int
    effect: int
    reason: str
    until: int | None = None
    by: str = ""


class Parked(msgspec.Struct, array_like=True, frozen=True, tag=17):
    """A person has to decide about an effect.

    `asked` says that the guest itself asked for the decision; else the process died while the
    effect was performed.
    """

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    effect: int
    label: str
    asked: bool = False


class Resolved(msgspec.Struct, array_like=True, frozen=True, tag=18):
    """A person (`by`) decided about a parked effect.

    `payload` is the effect's outcome, or None: perform it again.
    """

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    effect: int
    failed: bool
    payload: bytes | None
    by: str = ""


class Retried(msgspec.Struct, array_like=True, frozen=True, tag=19):
    """The execution had failed and goes on, because `by` said so.

    What counts from here on are the entries before position `resume`, and what follows this one.
    `effect` is performed again; 0 if none is. So are the effects `also`, which had failed too.
    """

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    effect: int
    resume: int
    by: str = ""
    also: list[int] = []

    @property
    def effects(self) -> frozenset[int]:
        """All effects that are performed again."""
        return frozenset((self.effect, *self.also)) - {0}


class Continued(msgspec.Struct, array_like=True, frozen=True, tag=20):
    """The workflow ended this run and goes on in the next one, with the input `payload`."""

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    payload: bytes


class Cancelled(msgspec.Struct, array_like=True, frozen=True, tag=21):
    """The execution ended because somebody wanted it to; `payload` is the error object.

    `by` is who ended it without its own doing, if that was said.
    """

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    payload: bytes
    by: str = ""


class Repeated(msgspec.Struct, array_like=True, frozen=True, tag=22):
    """An effect the guest had started is about to be performed again after `Retried`.

    Or a child that another execution has, in entries that a fork shares, is started as its own.

    Durable before it is. If no outcome follows, the process died in between.
    """

    fingerprint: ClassVar[int] = NO_FINGERPRINT
    at: int
    effect: int


End: TypeAlias = Completed | Failed | Cancelled | Continued
"""What stands at the end of a journal when the run is over."""

Aside: TypeAlias = Arrived | Parked | Resolved | Repeated
"""What happened to an effect while the guest could not see it."""

ASIDES = (Arrived, Parked, Resolved, Repeated)

Entry: TypeAlias = (
    Invoked
    | ClockRead
    | Logged
    | Entered
    | Called
    | Started
    | Arrived
    | Observed
    | Slept
    | Elapsed
    | Dropped
    | Polled
    | Completed
    | Failed
    | Published
    | Responded
    | CancelObserved
    | Parked
    | Resolved
    | Retried
    | Continued
    | Cancelled
    | Repeated
)


def is_aside(entry: Entry) -> TypeGuard[Aside]:
    """Tell whether this is one. (With structs, `isinstance` is quick only if it is true.)"""
    return type(entry) in ASIDES


def describe(entry: Entry) -> str:
    """Return a few words for messages to people, such as `step app.charge (effect 3)`."""
    match entry:
        case Called():
            return f"{entry.label} (effect {entry.effect})"
        case Entered():
            return f"the beginning of {entry.label} (effect {entry.effect})"
        case Started():
            return f"the start of {entry.label} (effect {entry.effect})"
        case Observed():
            return f"a wait that saw effect {entry.effect} end"
        case Elapsed():
            return "a wait that saw nothing"
        case Logged():
            return f"a log message {entry.message[:60]!r}"
        case Slept() | Polled():
            return f"a sleep until {entry.until / 1e6:.6f} s after the beginning"
        case ClockRead():
            return "a look at the clock"
        case Dropped():
            return f"effect {entry.effect} given up"
        case Completed():
            return "the workflow's return"
        case Failed():
            return "the workflow's failure"
        case Invoked():
            return f"the start of {entry.workflow}"
        case Arrived():
            return f"the outcome of effect {entry.effect}"
        case Published():
            return "the publishing of a state"
        case Responded():
            return "the response to the caller"
        case CancelObserved():
            return "the news that it is cancelled"
        case Parked():
            return f"the parking of {entry.label} (effect {entry.effect})"
        case Resolved():
            return f"the decision about effect {entry.effect}"
        case Retried():
            return "the retry of the execution"
        case Repeated():
            return f"the repetition of effect {entry.effect}"
        case Continued():
            return "the end of this run, to go on in the next"
        case Cancelled():
            return "the cancellation"
