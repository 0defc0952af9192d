"""Calling coroutines that belong to another event loop, on another thread.

Both sides stay free to do other things meanwhile. A call that is cancelled here is cancelled there,
and has ended there before its caller goes on: nothing works on for somebody who has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

CLEANUP_S_MAX: Final = 5.0
"""How long a cancelled call may take to end over there."""
LOOK_S: Final = 1.0
"""How often it is looked whether the other loop is still there; one that ends tells nobody."""


class LoopGone(OSError):
    """The other loop has ended."""


class Crossing:
    """Leads to one event loop. What is called there sees the context of where this was made."""

    def __init__(self, there: asyncio.AbstractEventLoop) -> None:
        self._there = there
        self._context = contextvars.copy_context()

    async def call(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Await `function(*args)` over there; raises what it raises, and `LoopGone`.

        Where it was cancelled there, though nobody did so here, that is `LoopGone` too.
        """
        here = asyncio.get_running_loop()
        ended = here.create_future()
        task: asyncio.Task[T] | None = None
        left = False

        async def run() -> T:
            return await function(*args)

        def begin() -> None:
            nonlocal task
            if left:
                self._tell(here, ended)
                return
            task = self._there.create_task(run())
            task.add_done_callback(lambda _: self._tell(here, ended))

        def cancel() -> None:
            nonlocal left
            left = True
            if task is not None:
                task.cancel()

        self._soon(begin)
        try:
            while not (await asyncio.wait([ended], timeout=LOOK_S))[0]:
                if not self._there.is_running():
                    raise LoopGone("the event loop over there has ended")
        except asyncio.CancelledError:
            with contextlib.suppress(LoopGone):  # nothing is left to cancel; this stays cancelled
                self._soon(cancel)
                await asyncio.wait([ended], timeout=CLEANUP_S_MAX)
            raise
        assert task is not None
        if task.cancelled():
            raise LoopGone("what was called has been cancelled")
        return task.result()

    def _soon(self, function: Callable[[], None]) -> None:
        try:
            # Each call has a context of its own: one context cannot be entered twice at a time.
            self._there.call_soon_threadsafe(function, context=self._context.copy())
        except RuntimeError:  # it is closed
            raise LoopGone("the event loop over there has ended") from None

    @staticmethod
    def _tell(here: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        def tell() -> None:
            if not ended.done():
                ended.set_result(None)

        with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody waits
            here.call_soon_threadsafe(tell)
