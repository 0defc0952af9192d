"""Those who wait for something to become durable, and hear of trouble instead of waiting it out."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from flawless.errors import EngineStopped, StoreError

T = TypeVar("T")


class Callers:
    """The callers from outside who wait for a write. Executions wait as long as it takes."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[Any], tuple[str, str]] = {}

    async def wait(self, future: asyncio.Future[T], what: str, again: str) -> T:
        """Return what `future` brings.

        Raises `StoreError` when the store cannot do `what` for now; it is then tried again, and
        `again` says when it is safe to ask again. Raises `EngineStopped` when the engine stops.
        """
        self._waiting[future] = (what, again)
        try:
            return await future
        finally:
            self._waiting.pop(future, None)

    def tell(self, problem: StoreError) -> None:
        """Tell all of a passing problem of the store."""
        for future, (what, again) in self._waiting.items():
            if not future.done():
                hint = f"{problem.hint} It is tried again; {again}."
                future.set_exception(StoreError(what, problem.cause, hint, retriable=True))

    def dismiss(self) -> None:
        """Tell all that the engine has stopped."""
        for future, (what, again) in self._waiting.items():
            if not future.done():
                future.set_exception(
                    EngineStopped(f"the engine was closed before it could {what}; {again}")
                )


def answer(future: asyncio.Future[T], result: T) -> None:
    """Give a caller the result, unless it was told something else already."""
    if not future.done():
        future.set_result(result)


def disappoint(future: asyncio.Future[Any], error: Exception) -> None:
    """Give a caller the error, unless it was told something else already."""
    if not future.done():
        future.set_exception(error)
