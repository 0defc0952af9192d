"""Replays for many readers beside an engine that works: few at a time, bounded, and remembered.

Replays block, so they run in two threads of their own: one for those that trace lines, one for all
others, so nobody who looks at variables waits for somebody's lines. Each may take some twenty
seconds, and ends early when nobody waits for it any more. What took too long is refused at once for
a while. The paths of a few executions are kept, each with the replay that stands where somebody
looked last, until nobody has looked for a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from flawless.core.limits import MIB
from flawless.engine.service import Service
from flawless.errors import EngineStopped
from flawless.timetravel.path import ExecutionPath
from flawless.timetravel.problems import JournalTooLong, ReplayTooLong
from flawless.timetravel.recording import Recording, record
from flawless.timetravel.studies.study import Place, Sight, Study

T = TypeVar("T")

SECONDS_MAX: Final = 20.0
"""How long a replay may take."""
STUDIES_MAX: Final = 4
"""Executions whose paths are kept."""
BYTES_MAX: Final = 128 * MIB
"""What all of them may take in memory, one that is larger by itself apart."""
ENTRIES_MAX: Final = 200_000
"""Entries that a journal may have."""
IDLE_S: Final = 60.0
"""After how long a replay that stands somewhere is freed."""
TOO_LONG_S: Final = 60.0
"""For how long what took too long is not tried again."""
LEFT_S: Final = 1.0
"""How long a replay goes on that nobody waits for: who has left may have gone to the next place."""

_EFFECTS: Final = "effects"
_LINES: Final = "lines"


class View(NamedTuple):
    """What is seen at a place, and at the one before it of the same kind, if there is one."""

    recording: Recording
    place: Place
    sight: Sight
    before: Sight | None


@dataclass(eq=False, slots=True)
class _Kept:
    """A study, and who wants something of it."""

    key: tuple[str, int, int]
    """The execution's id, its run, and how many entries the journal had."""
    study: Study
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a thread works on it, so that no other thread waits for that one."""
    waiters: int = 0


class Observatory:
    """Shows the paths of an engine's executions. All belongs to the loop that `service` is on."""

    def __init__(self, service: Service, *, seconds_max: float = SECONDS_MAX) -> None:
        self._service = service
        self._seconds_max = seconds_max
        self._studies: OrderedDict[tuple[str, int, int], _Kept] = OrderedDict()
        self._too_long = _TooLong()
        self._lines = ThreadPoolExecutor(1, "flawless-lines")
        self._others = ThreadPoolExecutor(1, "flawless-replay")
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    async def path(self, execution: str, *, lines: bool) -> ExecutionPath:
        """Return the path of an execution until now.

        Raises what `record` and `trace` raise, `ReplayTooLong` among it.
        """
        async with self._study(execution) as kept:
            return await self._path(kept, lines=lines)

    async def look(self, execution: str, place: Place, *, depth: int, compare: bool) -> View:
        """Return what is seen at a place of an execution; see `Study.look`."""
        async with self._study(execution) as kept:
            await self._path(kept, lines=False)
            study = kept.study
            return await self._work(kept, place, lambda: _view(study, place, depth, compare))

    async def look_at_line(self, execution: str, line: int, *, depth: int, compare: bool) -> View:
        """Return what is seen before the executed line of that number; see `Study.line`."""
        async with self._study(execution) as kept:
            await self._path(kept, lines=True)
            study = kept.study
            return await self._work(
                kept, line, lambda: _view(study, study.line(line), depth, compare)
            )

    def close(self) -> None:
        """End replays under way, and free those that stand somewhere."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        for kept in self._studies.values():
            kept.study.give_up()
        self._studies.clear()
        for threads in (self._lines, self._others):
            threads.shutdown(wait=False, cancel_futures=True)

    # --- studies ------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _study(self, execution: str) -> AsyncIterator[_Kept]:
        """Give the study of what is durable now; the same one while nothing is added."""
        kept = await self._find(execution)
        kept.waiters += 1
        kept.study.wanted()
        try:
            yield kept
        finally:
            kept.waiters -= 1
            if not kept.waiters and kept.turn.locked() and not self._closed:
                asyncio.get_running_loop().call_later(LEFT_S, _left, kept)

    async def _find(self, execution: str) -> _Kept:
        self._require_open()
        stored = await self._service.get(execution)
        last = await self._service.store.last_chunk(stored.id)
        length = last.first_seq + last.count
        if length > ENTRIES_MAX:
            raise JournalTooLong(execution, length, ENTRIES_MAX)
        known = self._studies.get((stored.id, stored.run, length))
        if known is None:
            recording = await record(self._service, execution)
            self._require_open()
            known = self._keep(stored.id, recording)
        else:
            self._studies.move_to_end(known.key)
        self._wait_idle()
        return known

    def _keep(self, id_: str, recording: Recording) -> _Kept:
        key = id_, recording.run, len(recording.entries)
        kept = self._studies.get(key)
        if kept is None:
            limits = self._service.settings.limits
            kept = _Kept(key, Study(recording, limits=limits, seconds_max=self._seconds_max))
            self._studies[key] = kept
            # Of an execution that goes on, nobody wants to see what it was a moment ago.
            for other in [other for other in self._studies if other[0] == id_ and other != key]:
                self._studies.pop(other).study.drop()
        self._studies.move_to_end(key)
        self._evict()
        return kept

    def _evict(self) -> None:
        """Keep as many as there is room for: those that somebody looked at last."""
        while len(self._studies) > STUDIES_MAX or (
            len(self._studies) > 1
            and sum(kept.study.memory_bytes for kept in self._studies.values()) > BYTES_MAX
        ):
            self._studies.popitem(last=False)[1].study.drop()

    # --- work ---------------------------------------------------------------------------------

    async def _path(self, kept: _Kept, *, lines: bool) -> ExecutionPath:
        study = kept.study
        known = study.known_path(lines=lines)
        if known is not None:
            return known
        what = _LINES if lines else _EFFECTS
        return await self._work(kept, what, lambda: study.path(lines=lines))

    async def _work(self, kept: _Kept, what: Hashable, work: Callable[[], T]) -> T:
        """Let a thread do it; `what` tells it from other work on the same study."""
        self._too_long.check(kept, what)
        await kept.turn.acquire()
        loop = asyncio.get_running_loop()
        try:
            self._require_open()
            self._too_long.check(kept, what)  # somebody may have tried meanwhile
            running = (self._lines if what == _LINES else self._others).submit(work)
        except BaseException:
            kept.turn.release()
            raise

        def done(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # (the loop is closed)
                loop.call_soon_threadsafe(kept.turn.release)

        running.add_done_callback(done)
        try:
            return await asyncio.wrap_future(running)
        except ReplayTooLong as error:
            self._too_long.add(kept, what, error)
            raise
        finally:
            self._evict()
            self._wait_idle()

    def _require_open(self) -> None:
        if self._closed:
            raise EngineStopped("the server is stopping")

    def _wait_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if not self._closed:
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    def _rest(self) -> None:
        self._idle = None
        for kept in self._studies.values():
            kept.study.rest()


class _TooLong:
    """What took too long a short while ago: a longer journal of the same run takes no less."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, Hashable], tuple[float, int, float]] = {}
        """When that was, how many entries the journal had, and how long it may have taken."""

    def add(self, kept: _Kept, what: Hashable, error: ReplayTooLong) -> None:
        """Remember it for a while."""
        now_s = asyncio.get_running_loop().time()
        for key in [key for key, (at_s, _, _) in self._known.items() if now_s > at_s + TOO_LONG_S]:
            del self._known[key]
        execution, run, length = kept.key
        self._known[execution, run, what] = now_s, length, error.limit_s

    def check(self, kept: _Kept, what: Hashable) -> None:
        """Raise `ReplayTooLong` for what took too long; where effects did, all else does, too."""
        now_s = asyncio.get_running_loop().time()
        execution, run, length = kept.key
        for one in (what, _EFFECTS):
            known = self._known.get((execution, run, one))
            if known is not None and length >= known[1] and now_s <= known[0] + TOO_LONG_S:
                raise ReplayTooLong(execution, known[2])


def _left(kept: _Kept) -> None:
    if not kept.waiters:
        kept.study.abandon()


def _view(study: Study, place: Place, depth: int, compare: bool) -> View:
    earlier = study.earlier(place) if compare else None
    # In this order: the replay goes on from the one to the other.
    before = study.look(earlier, depth=depth) if earlier is not None else None
    return View(study.recording, place, study.look(place, depth=depth), before)
