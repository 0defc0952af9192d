"""What waits: messages for an execution, and decisions for people."""

from __future__ import annotations

from typing import Any

import msgspec


class Message(msgspec.Struct):
    """A message that an execution has not received yet. Numbers count up from 1 for each execution.

    `id` is what its sender called it, if anything.
    """

    number: int
    name: str
    payload: Any
    at: str
    id: str | None = None


class MessagePage(msgspec.Struct):
    """Messages in the order in which they came; `next` is the `from` of the next page, or null.

    There may be fewer than were asked for, or none, and yet a `next`.
    """

    messages: list[Message]
    next: int | None = None


class InboxItem(msgspec.Struct):
    """An effect of an execution that waits for a person's decision, since `at`.

    `asked` says that the workflow asked for the decision; else nobody knows if the effect happened.
    """

    execution: str
    workflow: str
    effect: int
    label: str
    at: str
    asked: bool = False
    attributes: dict[str, str] = {}


class InboxPage(msgspec.Struct):
    """What waits for decisions; `next` is the `before` of the next page, or null.

    Those of one execution stand together, the longest waiting first; executions created last come
    first. There may be none, and yet a `next`.
    """

    items: list[InboxItem]
    next: str | None = None
