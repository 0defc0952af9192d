"""Noticing that an event loop has nothing to do, from its own selector.

An asyncio loop asks its selector for events with a timeout of 0 while any callback is ready, and
with a longer one (or none) when all it could do is wait. That moment is the only one in which
virtual time may move: everything that follows from the last event has then happened. Trio's
autojump clock does the same inside its loop; here it is done with what asyncio offers publicly.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from typing import Any


class IdleSelector(selectors.BaseSelector):
    """The system's selector. `idle` is called on the loop's thread whenever that would block.

    `idle` may schedule callbacks; if it did, it returns True, and the loop goes on.
    """

    def __init__(self) -> None:
        self.idle: Callable[[], bool] = lambda: False
        self._selector = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the events, as `selectors.BaseSelector.select`."""
        if timeout is not None and timeout <= 0:
            return self._selector.select(timeout)
        events = self._selector.select(0)
        if events or self.idle():
            return events
        return self._selector.select(timeout)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`."""
        return self._selector.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`."""
        return self._selector.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`."""
        return self._selector.modify(fileobj, events, data)

    def close(self) -> None:
        """See `selectors.BaseSelector`."""
        self._selector.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """See `selectors.BaseSelector`."""
        return self._selector.get_map()
