"""What a guest can wait for."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class ForEffect(msgspec.Struct, frozen=True):
    """For the outcome of one effect, or a person's decision about it."""

    effect: int
    fingerprint: int
    label: str


class ForNext(msgspec.Struct, frozen=True):
    """For the next completion of a started effect, or a deadline."""

    fingerprint: int
    until: int | None


class ForSleep(msgspec.Struct, frozen=True):
    """For a time."""

    until: int
    effect: int
    fingerprint: int


class ForPoll(msgspec.Struct, frozen=True):
    """For a time, inside a WASI poll."""

    until: int


Waiting: TypeAlias = ForEffect | ForNext | ForSleep | ForPoll
