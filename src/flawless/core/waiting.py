"""What a guest can wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ForEffect:
    """For the outcome of one effect, or a person's decision about it."""

    effect: int
    fingerprint: int
    label: str


@dataclass(frozen=True, slots=True)
class ForNext:
    """For the next completion of a started effect, or a deadline."""

    fingerprint: int
    until: int | None


@dataclass(frozen=True, slots=True)
class ForSleep:
    """For a time."""

    until: int
    effect: int
    fingerprint: int


@dataclass(frozen=True, slots=True)
class ForPoll:
    """For a time, inside a WASI poll."""

    until: int


Waiting: TypeAlias = ForEffect | ForNext | ForSleep | ForPoll
