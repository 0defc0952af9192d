"""Forks of simulated executions."""

from __future__ import annotations

import json

import msgspec

from flawless.core.encoding import encode_entries
from flawless.core.entries import (
    Arrived,
    Called,
    Invoked,
    Observed,
    Origin,
    Published,
    Resolved,
    Responded,
)
from flawless.core.history import history
from flawless.core.machine import NewEntries

from .program import Finish, Guest
from .requests import after, rebuild
from .simulator import Simulation, Trouble, answer


def fork(one: Simulation, at: int, seed: int, trouble: Trouble) -> Simulation:
    """Return an execution that shares the entries before `at`, in a world of its own."""
    shared = one.entries[:at]
    first = shared[0]
    assert isinstance(first, Invoked)
    fork = Simulation(one.program, seed, trouble, pure=one.pure)
    since = max(one._latest_us - first.began_us, shared[-1].at)
    origin = Origin("order-1", at, since, "order-1")
    entries = [msgspec.structs.replace(first, origin=origin), *shared[1:]]
    fork._durable = [NewEntries(0, at, encode_entries(0, entries))]
    fork._now_us = fork._latest_us = one._latest_us
    fork._put_count = one._put_count
    past = history(shared).entries
    published = sum(isinstance(entry, Published) and entry.refused is None for entry in past)
    responded = any(isinstance(entry, Responded) and entry.refused is None for entry in past)
    guest, machine = Guest(one.program, pure=one.pure, began_us=first.began_us), rebuild(shared)
    response = None
    while len(guest.published) < published or len(guest.responded) < responded:
        turn = guest.turn(response)
        if isinstance(turn, Finish):
            break
        response = answer(machine, turn, after(1e9))
    assert len(guest.published) >= published, "the journal says that it asked for more"
    assert len(guest.responded) >= responded, "the journal says that it asked for more"
    fork.state = b"%d" % guest.published[published - 1] if published else None
    fork.response = b"%d" % guest.responded[0] if responded else None
    fork.performable |= one.performable
    for entry in shared:
        if not isinstance(entry, Called | Observed | Arrived | Resolved) or entry.payload is None:
            continue
        fork.performed[entry.effect] = 1
        if isinstance(entry, Observed) and b'"op":"receive"' in one.performable[entry.effect]:
            received = json.loads(entry.payload)
            fork.sent[received["payload"]] = received["name"]
    fork._boot()
    return fork
