"""Journals from elsewhere: what an engine has written is believed, what none could have is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flawless.core.entries import (
    FORMAT,
    Arrived,
    Called,
    ClockRead,
    Completed,
    Continued,
    Entry,
    Failed,
    Invoked,
    Observed,
    Origin,
    Published,
    Resolved,
    Retried,
    Slept,
    Started,
)
from flawless.core.soundness import LATEST_US, check_sound
from flawless.errors import JournalDamaged
from sharing import examples

from .forks import fork
from .program import Op, ops
from .requests import BEGAN_US, SEED
from .simulator import Simulation, Trouble

INVOKED = Invoked(FORMAT, "app.w", "d1", BEGAN_US, SEED, b'{"a":[],"k":{}}')
ERROR = b'{"type":"E","message":"no"}'
DEEP = b"[" * 400 + b"]" * 400


def changed(**fields: Any) -> Invoked:
    """Return entry 0 with other fields."""
    return msgspec.structs.replace(INVOKED, **fields)


@given(ops, st.integers(0, 2**32 - 1), st.integers(1, 200))
@settings(max_examples=examples(300, 40), deadline=None, suppress_health_check=list(HealthCheck))
def test_all_that_an_engine_writes_is_sound(program: list[Op], seed: int, cut: int) -> None:
    """Whatever happened to an execution, its journal is believed, cut anywhere, and forked."""
    trouble = Trouble(crash=0.05, evict=0.05, clock_jump=0.05, cancel=0.02)
    one = Simulation(program, seed, trouble).run()
    entries = one.entries
    check_sound("order-1", entries)
    check_sound("order-1", entries[:cut])
    if isinstance(entries[-1], Failed):
        outcomes = [e for e in entries if isinstance(e, Called) and e.failed]
        if outcomes:
            one.go_on(outcomes[-1].effect)
            check_sound("order-1", one.run().entries)
    elif len(entries) > cut:
        check_sound("order-1", fork(one, cut, seed, trouble).run().entries)


@pytest.mark.parametrize(
    ("entries", "position", "words"),
    [
        ([changed(seed=b"short")], 0, "its seed"),
        ([changed(began_us=2 * LATEST_US)], 0, "its seed or its time"),
        ([changed(input=b"5")], 0, "no encoded call"),
        ([changed(input=DEEP)], 0, "nested too deeply"),
        ([changed(origin=Origin("o", 5, 1, "o"))], 0, "more entries than there are"),
        ([ClockRead(5), ClockRead(4)], 2, "its time"),
        ([ClockRead(-1)], 1, "its time"),
        ([ClockRead(2**60)], 1, "its time"),
        ([Slept(1, 1, 1, 2**62)], 1, "its time"),
        ([Started(1, 1, 1, "sleep", -5)], 1, "its time"),
        ([Called(1, 1, 1, "step a", False, b"1e999")], 1, "out of range"),
        ([Called(1, 1, 1, "step a", True, b"5")], 1, "object"),
        ([Called(1, 1, 1, "step a", False, None)], 1, "nowhere"),
        ([Started(1, 1, 1, "step a"), Observed(2, 1, 1, False, None)], 2, "nowhere"),
        ([Arrived(1, 1, False, b"{")], 1, "truncated"),
        ([Resolved(1, 1, False, b"x1")], 1, "malformed"),
        ([Published(1, 1, b"[]")], 1, "object"),
        ([Completed(1, b"1"), ClockRead(2)], 1, "behind the end"),
        ([Completed(1, b"1"), Retried(2, 0, 1)], 2, "nothing had failed"),
        ([Failed(1, ERROR), Retried(2, 0, 2)], 2, "nothing had failed"),
        ([Failed(1, b"null")], 1, "object"),
        ([Continued(1, b"{}")], 1, "no encoded call"),
    ],
)
def test_what_no_engine_writes(entries: list[Entry], position: int, words: str) -> None:
    """Each is damage, at its place, for a reason."""
    whole = entries if isinstance(entries[0], Invoked) else [INVOKED, *entries]
    with pytest.raises(JournalDamaged, match=words) as caught:
        check_sound("order-1", whole)
    assert caught.value.position == position
