"""One life of an engine: from its opening until it is closed, or crashes.

What a process is to a real engine, a thread with an event loop is here. A crash ends the loop
between two callbacks (or within one) and nothing runs on it any more, so nothing the engine was
about to do happens. Only the store and what was done to the outside remain.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future as ThreadFuture
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from flawless.engine.control import Control
from flawless.engine.service import Service
from flawless.engine.settings import Settings
from flawless.engine.waiters import End
from flawless.stores.base import Store, Visible
from flawless.testing.clock import VirtualClock, moment
from flawless.testing.crashes import Crashes, Killed, WatchedStore
from flawless.testing.idle import IdleSelector
from flawless.testing.library import ReadyLibrary
from flawless.testing.pace import Pace
from flawless.testing.turns import Turns

T = TypeVar("T")

call_name: ContextVar[str] = ContextVar("flawless_lab_call")
"""What tells a call of the test from all others. After a crash it is made again: by the same name
it starts the same execution and sends the same message, as a careful client would do.
"""

_SHOWN_MAX = 20
_SLICE_NS = 1_000_000_000
"""Guests are hardly ever preempted: when that happens depends on the machine, and so the order."""


class LabControl(Control):
    """Gives messages and cancellations ids, so that a crash does not double them."""

    async def send(
        self, execution: str, name: str, payload: bytes, message_id: str | None = None
    ) -> bool:
        """See `Control.send`."""
        known = call_name.get() if message_id is None else message_id
        sent = await super().send(execution, name, payload, known)
        return sent or message_id is None

    async def cancel(
        self,
        execution: str,
        *,
        reason: str = "",
        by: str = "",
        grace_s: float | None = None,
        message_id: str | None = None,
    ) -> bool:
        """See `Control.cancel`."""
        name = call_name.get() if message_id is None else message_id
        asked = await super().cancel(
            execution, reason=reason, by=by, grace_s=grace_s, message_id=name
        )
        return asked or message_id is None


class LabService(Service):
    """A service whose calls can be made again, and that knows who waits."""

    _control_class = LabControl
    pace: Pace
    name_of: Callable[[str, str], str]
    """Returns the id of a new execution of a workflow, for a call."""

    async def start(
        self,
        workflow: str,
        args: bytes,
        id: str | None = None,  # noqa: A002 (the public word)
        **options: Any,
    ) -> tuple[str, bool]:
        """See `Service.start`."""
        name = self.name_of(workflow, call_name.get()) if id is None else id
        return await super().start(workflow, args, name, **options)

    async def end(self, execution: str, wait_s: float = 0.0) -> End | None:
        """See `Service.end`."""
        ending = super().end(execution, wait_s)
        return await ending if wait_s <= 0 else await self.pace.waiting(ending)

    async def response(self, execution: str, wait_s: float = 0.0) -> Visible | End | None:
        """See `Service.response`."""
        responding = super().response(execution, wait_s)
        return await responding if wait_s <= 0 else await self.pace.waiting(responding)


class Life:
    """An engine on a thread of its own. `crashed` is called on that thread, when all is over."""

    def __init__(
        self,
        store: Store,
        modules: Sequence[str | Path | ModuleType],
        *,
        settings: Settings,
        clock: VirtualClock,
        turns: Turns,
        crashes: Crashes,
        auto: bool,
        name_of: Callable[[str, str], str],
        crashed: Callable[[Life], None],
    ) -> None:
        self._real_store = store
        self._store = WatchedStore(store, crashes)
        watched = cast("Store", self._store)
        self._library = ReadyLibrary(watched, modules, egress=settings.egress)
        self.service = LabService(
            watched, modules, settings=settings, clock=clock, library=self._library
        )
        self.service.name_of = name_of
        self._clock = clock
        self._turns = turns
        self._auto = auto
        self._crashed = crashed
        self._calls = 0
        self._selector = IdleSelector()
        self.loop = asyncio.SelectorEventLoop(self._selector)
        self.thread = threading.Thread(target=self._run, name="flawless-lab", daemon=True)

    def open(self) -> None:
        """Open the store, deploy the modules, and go on with unfinished executions."""
        self.thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self.loop).result()
        except BaseException:
            self._end_loop()
            raise

    def close(self, deadline_s: float) -> None:
        """Stop the engine as a user does."""
        try:
            work = self.service.close(deadline_s)
            asyncio.run_coroutine_threadsafe(work, self.loop).result()
        finally:
            self._end_loop()

    def kill(self) -> None:
        """Crash at once."""

        def die() -> None:
            self._store.dead = True
            raise Killed("by hand")

        self.loop.call_soon_threadsafe(die)

    def submit(
        self, name: str, work: Callable[[Service], Coroutine[Any, Any, T]], outer: ThreadFuture[T]
    ) -> None:
        """Do work on the loop; if the engine crashes before its end, `outer` stays as it is."""

        async def call() -> None:
            call_name.set(name)
            self._calls += 1
            self.service.pace.touch()
            try:
                value = await work(self.service)
            except (Exception, asyncio.CancelledError) as error:  # not when it is buried
                if not outer.done():
                    outer.set_exception(error)
            else:
                if not outer.done():
                    outer.set_result(value)
            finally:
                self._calls -= 1

        with contextlib.suppress(RuntimeError):  # the loop has just crashed
            self.loop.call_soon_threadsafe(lambda: self.loop.create_task(call()))

    # --- inside -------------------------------------------------------------------------------

    async def _open(self) -> None:
        self.service.pace = Pace(
            self._clock,
            auto=self._auto,
            busy=self._busy,
            relieve=self._relieve,
            stuck=self._stuck,
        )
        await self.service.open()
        scheduler = self.service._scheduler
        assert scheduler is not None
        scheduler.guest_limits = replace(scheduler.guest_limits, slice_ns_min=_SLICE_NS)
        self._selector.idle = self._idle

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        except Killed:
            self._bury()
            self._crashed(self)

    def _bury(self) -> None:
        """Free what the engine held; nothing of it runs any more."""
        self._store.dead = True
        self.loop.set_exception_handler(lambda loop, context: None)
        self._clock.forget()
        self._turns.forget()
        scheduler = self.service._scheduler
        if scheduler is not None:
            for live in scheduler._live.values():
                live.over = True
                if live.guest is not None:
                    live.guest.close()
            scheduler._effects._steps.close()
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own means
            with contextlib.suppress(BaseException):  # whatever it says: it is gone
                task.get_coro().close()
        self.loop.close()
        asyncio.run(self._real_store.close())

    def _end_loop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def _idle(self) -> bool:
        """The loop has nothing to do: see what may happen next; whether something does."""
        if self._store.busy or self._library.busy:
            self.service.pace.touch()
            return False
        return self._turns.give() or self.service.pace.idle()

    def _busy(self) -> bool:
        """Whether something is under way that takes real time."""
        scheduler = self.service._scheduler
        if scheduler is None:
            return True
        if self._calls > self.service.pace.still:
            return True
        under_way = sum(
            not item.pausing
            for live in scheduler._live.values()
            for item in live.in_flight.values()
        )
        return under_way > self._clock.resting

    def _relieve(self) -> bool:
        """Evict the guest idle for longest if others wait for its place.

        The engine would do so as soon as that guest has waited for a moment; but moments do not
        pass here.
        """
        scheduler = self.service._scheduler
        if scheduler is None or not scheduler.queued:
            return False
        idle = [live for live in scheduler._live.values() if live.idle_since_us is not None]
        if not idle:
            return False
        min(idle, key=lambda live: live.idle_since_us or 0).evict()
        return True

    def _stuck(self) -> str:
        """Say what everybody waits for."""
        scheduler = self.service._scheduler
        assert scheduler is not None
        lines = []
        for live in scheduler._live.values():
            waits = ", ".join(item.label for item in live.in_flight.values()) or "a message"
            lines.append(f"{live.id} ({live.workflow}) waits for {waits}")
        more = len(lines) - _SHOWN_MAX
        if more > 0:
            lines[_SHOWN_MAX:] = [f"and {more} more"]
        told = "; ".join(lines) or "what has not ended is parked or waits for a message"
        next_us = self._clock.next_us
        if next_us is None:
            return (
                f"nothing more happens by itself: {told}. Send what is waited for, resolve what is "
                "parked, or cancel"
            )
        return (
            f"virtual time stands still at {self._clock.now:%Y-%m-%d %H:%M:%S} (auto=False), and "
            f"the next thing is due at {moment(next_us):%Y-%m-%d %H:%M:%S}: use lab.advance(...)"
        )
