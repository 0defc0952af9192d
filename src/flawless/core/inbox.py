"""Messages that wait to be received, and receivers that wait for messages.

A message is given away only when the guest looks (`match`): a receiver that is given up before has
taken nothing. The oldest receiver that wants a message gets the oldest message it wants.

`add` and `wait` return the names for which there may now be something to give away; the caller
tries each with `match`, in that order and when the guest looks, and once more a name that led to a
message with another name. There are never fewer such tries than matches: whichever comes second,
message or receiver, announces the match. There may be more, which then find nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence

import msgspec


class Message(msgspec.Struct, frozen=True):
    """A message in the inbox; `number` is its place there, `id` what the sender called it."""

    number: int
    name: str
    payload: bytes
    id: str | None = None


class Inbox:
    """The messages and receivers of one execution."""

    __slots__ = ("_any", "_by_name", "_messages", "_order", "_receivers", "_wanted")

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}
        self._order: deque[int] = deque()
        self._by_name: dict[str, deque[int]] = {}
        self._receivers: dict[int, Sequence[str]] = {}
        self._wanted: dict[str, deque[int]] = {}
        self._any: deque[int] = deque()

    @property
    def listening(self) -> bool:
        """Whether somebody waits for a message."""
        return bool(self._receivers)

    def add(self, message: Message) -> str:
        """Keep a message; numbers rise."""
        self._messages[message.number] = message
        self._order.append(message.number)
        self._by_name.setdefault(message.name, deque()).append(message.number)
        return message.name

    def wait(self, effect: int, names: Sequence[str]) -> list[str]:
        """Begin to wait for a message with one of `names`; with none, for any."""
        self._receivers[effect] = names
        if names:
            for name in names:
                self._wanted.setdefault(name, deque()).append(effect)
            return [name for name in names if self._first(self._by_name.get(name)) is not None]
        self._any.append(effect)
        oldest = self._oldest()
        return [] if oldest is None else [oldest.name]

    def drop(self, effect: int) -> None:
        """No longer wait."""
        self._receivers.pop(effect, None)

    def match(self, name: str) -> tuple[int, Message] | None:
        """Take a receiver and its message out, if there are any that fit."""
        effect = None
        if self._first(self._by_name.get(name)) is not None:
            effect = self._receiver(name)
        if effect is None:
            effect = _head(self._any, self._receivers)
        message = None if effect is None else self._oldest_for(effect)
        if effect is None or message is None:
            return None
        # What this receiver wants first may be wanted by one that has waited for longer.
        while (older := self._receiver(message.name)) is not None and older != effect:
            effect, message = older, self._oldest_for(older)
            assert message is not None
        del self._receivers[effect]
        del self._messages[message.number]
        queue = self._by_name[message.name]
        if self._first(queue) is None:
            del self._by_name[message.name]
        return effect, message

    def _receiver(self, name: str) -> int | None:
        """The receiver of a message with this name that began to wait first."""
        waiting = self._wanted.get(name)
        special = None if waiting is None else _head(waiting, self._receivers)
        if waiting is not None and not waiting:
            del self._wanted[name]
        general = _head(self._any, self._receivers)
        if special is None or general is None:
            return special if general is None else general
        return min(special, general)

    def _oldest(self) -> Message | None:
        number = _head(self._order, self._messages)
        return None if number is None else self._messages[number]

    def _oldest_for(self, effect: int) -> Message | None:
        """The oldest message that this receiver wants."""
        names = self._receivers[effect]
        if not names:
            return self._oldest()
        firsts = [self._first(self._by_name.get(name)) for name in names]
        number = min((first for first in firsts if first is not None), default=None)
        return None if number is None else self._messages[number]

    def _first(self, numbers: deque[int] | None) -> int | None:
        return None if numbers is None else _head(numbers, self._messages)


def _head(queue: deque[int], alive: Container[int]) -> int | None:
    """Return the first of `queue` that is still there; those before it are let go."""
    while queue:
        if queue[0] in alive:
            return queue[0]
        queue.popleft()
    return None
