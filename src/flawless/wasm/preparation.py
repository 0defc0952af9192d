"""Guests that begin prepared: what all executions of a deployment do first is done once.

A Python guest spends some milliseconds before the first line of a workflow: it is instantiated, the
interpreter wakes up, modules are imported. None of that depends on the execution. So a deployment
may have a *preparation*: an input for `run` that brings a fresh instance to the place where every
execution begins, and the answers that takes. From then on the instance's memory is the same for
all of them; and after an execution has returned it is put back (see `memory`), so that the next one
finds the same instance as a fresh one: the same objects at the same addresses, bit for bit. That
takes a tenth of a millisecond. A new instance gets that memory as well, and so is prepared when it
is there.

An instance is used again only if its run has returned: what was trapped, suspended and dropped, or
has grown its memory, is not. Where memory cannot be put back (the kernel does not tell what was
written to), each guest is prepared anew, with the same outcome.

Prior art: AWS Lambda SnapStart, V8's startup snapshots; Wizer, which does it when building.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from flawless.errors import UsageError

from .instance import Instance
from .memory import KNOWN, Place, Snapshot, locate, locate_fresh, pages

if TYPE_CHECKING:
    from .guest import GuestHost

IDLE_MAX: Final = 64
"""Instances that one preparation keeps for later."""
IDLE_S_MAX: Final = 5.0
"""How long an instance is kept that nobody needs, but the last one."""
RUNS_MAX: Final = 1_000
"""Executions of one instance: handles that they leave open take a few bytes each."""
MARK_REACH: Final = 256
"""How far behind the address of Python's string its text may begin."""


_numbers: Final = itertools.count(1)


class Prepared(msgspec.Struct):
    """What a guest says when it is prepared: where its mark is, and whether others are the same."""

    at: int
    pure: bool


class _Output(msgspec.Struct):
    ok: Prepared | None = None


class NotAlike(UsageError):
    """Importing the modules does what may differ between executions: each must do it itself."""


class PreparingHost:
    """The host of a guest while it is prepared: it has modules, and nothing that may differ.

    What it answers, the length of the mark included, and the input for preparing decide where
    objects lie in a guest. Deployments that are prepared must find the same for ever.
    """

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._asked = False
        self.mark = f"flawless {next(_numbers):016x}"
        """No other memory of this process has it."""

    def call(self, request: bytes) -> bytes | None:
        """Answer a question for a module, or with the mark."""
        self._asked = True
        if request == b'{"op":"prepare"}':
            return b'{"mark":"%s"}' % self.mark.encode()
        return self._answer(request)

    def clock_ns(self) -> int:
        """Refuse."""
        raise NotAlike("the clock was read while modules were imported")

    def random(self, size: int) -> bytes:
        """Refuse, unless it is the interpreter that asks: it does so before anything else."""
        if self._asked:
            raise NotAlike("random numbers were drawn while modules were imported")
        return bytes(size)  # the guest seeds its generator again when it runs

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Refuse."""
        raise NotAlike(f"something was written to {stream} while modules were imported")

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Refuse."""
        raise NotAlike("something slept while modules were imported")


class Preparation:
    """How the guests of one deployment are prepared, and instances that are. For all threads.

    Args:
        input: of the export `run`, for preparing.
        answer: answers the guest's requests meanwhile, always in the same way.
    """

    def __init__(self, input: bytes, answer: Callable[[bytes], bytes]) -> None:  # noqa: A002 (the WIT's word)
        self.input = input
        self._answer = answer
        self._idle: list[Instance] = []
        self._lock = threading.Lock()
        self._closed = False
        self._snapshot: Snapshot | None = None
        self._like: Place | None = None
        """Where the memory was that the snapshot is of."""
        _ALL.add(self)

    def host(self) -> PreparingHost:
        """Return the host of a guest that is prepared."""
        return PreparingHost(self._answer)

    def take(self, memory_bytes: int) -> Instance | None:
        """Return a prepared instance whose memory has this bound, if there is one."""
        with self._lock:
            for n in reversed(range(len(self._idle))):
                if self._idle[n].memory_bytes == memory_bytes:
                    found = self._idle.pop(n)
                    break
            else:
                return None
        found.renew()
        return found

    def settle(self, instance: Instance, host: GuestHost, output: bytes, *, bare: bool) -> bool:
        """Note that an instance is prepared, so that it can be used again; False if it is not.

        `bare`: it holds no handles of the host's, so that its memory is all that preparing changed.

        Raises `OSError` when its memory is lost; then it can only be deleted.
        """
        told = msgspec.json.decode(output, type=_Output).ok
        if told is None:
            return False
        assert isinstance(host, PreparingHost)
        if not bare or pages() is None:
            return True
        try:
            path = str(instance.component.path)
            where = locate(host.mark.encode(), told.at, MARK_REACH, path)
            snapshot = None if where is None else self._snapshot_of(where)
        except OSError:  # such as no room for a file, or no more open ones
            return True
        if where is not None and snapshot is not None and snapshot.size == where.end - where.start:
            self._adopt(instance, snapshot, where.start)
        return True

    def _snapshot_of(self, where: Place) -> Snapshot | None:
        with self._lock:
            if self._snapshot is None and not self._closed:
                self._snapshot, self._like = Snapshot(where.start, where.end), where
            return self._snapshot

    @property
    def copies(self) -> bool:
        """Whether instances may be made that need not be prepared: see `copy`."""
        return self._like is not None

    def copy(self, instance: Instance) -> bool:
        """Give a new instance the memory of a prepared one; False if that cannot be.

        Raises `OSError` when its memory is lost; then it can only be deleted.
        """
        like, snapshot, known = self._like, self._snapshot, pages()
        if like is None or snapshot is None or known is None:
            return False
        try:
            start = locate_fresh(like)
        except OSError:
            start = None
        if (
            start is None
            or not known.is_mapped(start + snapshot.size - 1)
            or known.is_mapped(start + snapshot.size)
        ):
            return False
        self._adopt(instance, snapshot, start)
        return True

    def _adopt(self, instance: Instance, snapshot: Snapshot, start: int) -> None:
        snapshot.replace(start)
        instance.memory, instance.snapshot = start, snapshot
        KNOWN.add(start)

    def give_back(self, instance: Instance) -> bool:
        """Keep an instance whose run has returned; False if it is of no use any more."""
        start, snapshot, known = instance.memory, instance.snapshot, pages()
        if (
            start is None
            or snapshot is None
            or snapshot is not self._snapshot
            or known is None
            or instance.runs >= RUNS_MAX
            or len(self._idle) >= IDLE_MAX
            or known.is_mapped(start + snapshot.size)  # its memory has grown
        ):
            return False
        try:
            snapshot.restore(start, known)
        except OSError:
            return False
        with self._lock:
            if self._closed:
                return False
            instance.rest()
            instance.idle_since_s = time.monotonic()
            self._idle.append(instance)
        return True

    def trim(self, older_than_s: float = IDLE_S_MAX) -> None:
        """Free instances that nobody has needed for so long; one is kept."""
        before = time.monotonic() - older_than_s
        with self._lock:
            old = [one for one in self._idle[:-1] if one.idle_since_s <= before]
            self._idle = [one for one in self._idle if one not in old]
        for one in old:
            one.delete(resting=True)

    def close(self) -> None:
        """Free all that it keeps; guests that come later are prepared each by itself."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._snapshot = self._like = None
        for one in idle:
            one.delete(resting=True)

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.close()

    def forget(self) -> None:
        """In a child process: its parent's instances are not its own."""
        self._lock = threading.Lock()
        self._idle = []
        self._snapshot = self._like = None


_ALL: Final[weakref.WeakSet[Preparation]] = weakref.WeakSet()


def trim_instances() -> None:
    """Free what no deployment has needed for some time."""
    for one in list(_ALL):
        one.trim()


def _forget() -> None:
    for one in list(_ALL):
        one.forget()


os.register_at_fork(after_in_child=_forget)
