"""Replays for many readers beside an engine that works: few at a time, bounded, and remembered.

Replays block, so they run in threads of their own, two at a time; others wait for their turn. Each
may take some twenty seconds. The paths of a few executions are kept, each with the replay that
stands where somebody looked last, until nobody has looked for a minute.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from flawless.core.limits import MIB
from flawless.engine.service import Service
from flawless.errors import EngineStopped
from flawless.timetravel.path import ExecutionPath
from flawless.timetravel.problems import JournalTooLong
from flawless.timetravel.recording import Recording, record
from flawless.timetravel.studies.study import Place, Sight, Study

T = TypeVar("T")

AT_ONCE_MAX: Final = 2
"""Replays that run at the same time."""
SECONDS_MAX: Final = 20.0
"""How long each of them may take."""
STUDIES_MAX: Final = 4
"""Executions whose paths are kept."""
BYTES_MAX: Final = 128 * MIB
"""What all of them may take in memory, one that is larger by itself apart."""
ENTRIES_MAX: Final = 200_000
"""Entries that a journal may have."""
IDLE_S: Final = 60.0
"""After how long a replay that stands somewhere is freed."""


class View(NamedTuple):
    """What is seen at a place, and at the one before it of the same kind, if there is one."""

    recording: Recording
    place: Place
    sight: Sight
    before: Sight | None


class Observatory:
    """Shows the paths of an engine's executions. All belongs to the loop that `service` is on."""

    def __init__(self, service: Service, *, seconds_max: float = SECONDS_MAX) -> None:
        self._service = service
        self._seconds_max = seconds_max
        self._studies: OrderedDict[tuple[str, int, int], Study] = OrderedDict()
        self._threads: ThreadPoolExecutor | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    async def path(self, execution: str, *, lines: bool) -> ExecutionPath:
        """Return the path of an execution until now.

        Raises what `record` and `trace` raise, `ReplayTooLong` among it.
        """
        study = await self._study(execution)
        known = study.known_path(lines=lines)
        if known is not None:
            return known
        return await self._in_thread(lambda: study.path(lines=lines))

    async def look(self, execution: str, place: Place, *, depth: int, compare: bool) -> View:
        """Return what is seen at a place of an execution; see `Study.look`."""
        study = await self._study(execution)
        return await self._in_thread(lambda: _view(study, place, depth, compare=compare))

    async def look_at_line(self, execution: str, line: int, *, depth: int, compare: bool) -> View:
        """Return what is seen before the executed line of that number; see `Study.line`."""
        study = await self._study(execution)
        return await self._in_thread(lambda: _view(study, study.line(line), depth, compare=compare))

    def close(self) -> None:
        """End replays under way, and free those that stand somewhere."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        for study in self._studies.values():
            study.give_up()
        self._studies.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    # --- inside -------------------------------------------------------------------------------

    async def _study(self, execution: str) -> Study:
        """Return the study of what is durable now; the same one while nothing is added."""
        if self._closed:
            raise EngineStopped("the server is stopping")
        stored = await self._service.get(execution)
        last = await self._service.store.last_chunk(stored.id)
        length = last.first_seq + last.count
        if length > ENTRIES_MAX:
            raise JournalTooLong(execution, length, ENTRIES_MAX)
        known = self._studies.get((stored.id, stored.run, length))
        if known is None:
            known = self._keep(stored.id, await record(self._service, execution))
        else:
            self._studies.move_to_end((stored.id, stored.run, length))
        self._wait_idle()
        return known

    def _keep(self, id_: str, recording: Recording) -> Study:
        key = _key(id_, recording)
        study = self._studies.get(key)
        if study is None:
            limits = self._service.settings.limits
            study = Study(recording, limits=limits, seconds_max=self._seconds_max)
            self._studies[key] = study
            # Of an execution that goes on, nobody wants to see what it was a moment ago.
            for other in [other for other in self._studies if other[0] == id_ and other != key]:
                self._studies.pop(other).drop()
        self._studies.move_to_end(key)
        self._evict()
        return study

    def _evict(self) -> None:
        """Keep as many as there is room for: those that somebody looked at last."""
        while len(self._studies) > STUDIES_MAX or (
            len(self._studies) > 1
            and sum(one.memory_bytes for one in self._studies.values()) > BYTES_MAX
        ):
            self._studies.popitem(last=False)[1].drop()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE_MAX, "flawless-replay")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._evict()
            self._wait_idle()

    def _wait_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if not self._closed:
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    def _rest(self) -> None:
        self._idle = None
        for study in self._studies.values():
            study.rest()


def _key(id_: str, recording: Recording) -> tuple[str, int, int]:
    return id_, recording.run, len(recording.entries)


def _view(study: Study, place: Place, depth: int, *, compare: bool) -> View:
    study.path(lines=False)
    earlier = study.earlier(place) if compare else None
    # In this order: the replay goes on from the one to the other.
    before = study.look(earlier, depth=depth) if earlier is not None else None
    return View(study.recording, place, study.look(place, depth=depth), before)
