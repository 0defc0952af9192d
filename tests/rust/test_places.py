"""Guests of small components live in places while there are some; the others live as well."""

from __future__ import annotations

import json
from typing import Literal

import pytest

import handmade
import rust_programs
from flawless.wasm import (
    Component,
    Finished,
    Guest,
    GuestLimits,
    Suspended,
    compiled,
    places,
    sizes,
)

INPUT = json.dumps({
    "protocol": 1, "execution": "e", "workflow": "programs.library", "now": 1, "modules": [],
    "args": {"a": [{"item": "tea", "cents": 3}, 7], "k": {}},
}).encode()  # fmt: skip
OUTPUT = {"ok": {"tea": 21}}


class Sleepy:
    """Lets guests sleep until they are woken, and answers what else they ask."""

    def call(self, request: bytes) -> bytes:
        """Answer."""
        return b'{"now":1,"ok":null}'

    def clock_ns(self) -> int:
        """Return the same time ever again."""
        return 1_000_000_000

    def random(self, size: int) -> bytes:
        """Return zeros."""
        return bytes(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Take it."""

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Not yet."""
        return False


def begun(component: Component) -> Guest:
    """Return a guest that sleeps."""
    guest = Guest(component, Sleepy(), GuestLimits(slice_ns_min=10**12))
    assert isinstance(guest.start("run", INPUT), Suspended)
    return guest


def ended(guest: Guest) -> object:
    """Wake it, and return what it gives."""
    state = guest.resume(b"")
    guest.close()
    assert isinstance(state, Finished)
    return json.loads(state.output)


def loaded() -> Component:
    """Return the component of the tests' programs."""
    return Component.load(rust_programs.wasm().read_bytes())


def test_more_guests_than_places() -> None:
    """Those that find no place live and end like the others, and places are used again."""
    component = loaded()
    for _ in range(2):
        guests = [begun(component) for _ in range(places.PLACES + 5)]
        placed = [guest for guest in guests if guest.runtime is not component.runtime]
        assert len(placed) == places.PLACES
        assert all(ended(guest) == OUTPUT for guest in guests)


def test_places_hold_nothing_of_the_guest_before() -> None:
    """A guest begins like the first one in a place that another left in the middle of its work."""
    component = loaded()
    for _ in range(3):
        for _ in range(places.PLACES):
            begun(component).close()
        assert ended(begun(component)) == OUTPUT


def test_without_address_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no places, all guests have memory of their own."""
    monkeypatch.setattr(compiled, "runtime_with_places", lambda: None)
    component = loaded()
    guest = begun(component)
    assert guest.runtime is component.runtime
    assert ended(guest) == OUTPUT


def test_address_space_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """wasmtime would end the process; so it is asked for only if the kernel has it."""
    assert places.can_be_had()
    monkeypatch.setattr(places, "_ADDRESS_SPACE_BYTES", 1 << 60)
    assert not places.can_be_had()


def test_a_place_that_is_given_back_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may take it the moment it is counted as free."""
    component = loaded()
    guests = [begun(component) for _ in range(places.PLACES)]
    ticker, taken = guests[0].runtime.ticker, []
    gone = ticker.guest_gone

    def gone_and_taken() -> None:
        gone()
        monkeypatch.undo()
        taken.append(begun(component))

    monkeypatch.setattr(ticker, "guest_gone", gone_and_taken)
    guests.pop().close()
    assert taken[0].runtime.ticker is ticker
    assert all(ended(guest) == OUTPUT for guest in guests + taken)


def test_limits_are_the_same_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest sees the same when it is replayed, whether there was a place for it or not."""
    grow = """
      (loop $on (br_if $on (i32.ne (table.grow 0 (ref.null func) (i32.const 1)) (i32.const -1))))
      (call $give (i32.const 2048) (table.size 0))"""
    content = handmade.component({}, grow, functions="(table 1 funcref)")

    def grown() -> tuple[int, bool]:
        component = Component.load(content)
        with Guest(component, Sleepy(), GuestLimits(slice_ns_min=10**12)) as guest:
            state = guest.start("run", b"{}")
            assert isinstance(state, Finished)
            return len(state.output), guest.runtime is component.runtime

    assert grown() == (sizes.TABLE_ELEMENTS_MAX, False)
    monkeypatch.setattr(compiled, "runtime_with_places", lambda: None)
    assert grown() == (sizes.TABLE_ELEMENTS_MAX, True)
