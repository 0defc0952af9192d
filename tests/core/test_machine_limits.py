"""The bounds of one execution."""

from __future__ import annotations

import json

import pytest

from flawless.core.entries import (
    Failed,
)
from flawless.errors import GuestTrapped

from .requests import (
    after,
    create,
    decode,
    effects,
    log,
    read,
    rebuild,
    sleep,
    step,
    wait,
)


def test_large_arguments() -> None:
    """Arguments over the limit are refused to the guest, at once or as a completion."""
    machine = create(value_bytes_max=1_000)
    response = read(machine.request(step(1, arg="x" * 1_000), after(1)))
    assert response["error"]["type"] == "ValueTooLarge"
    assert response["error"]["fields"]["limit_bytes"] == 1_000
    assert machine.request(step(2, arg="x" * 1_000, start=True), after(1)) == b"{}"
    response = read(machine.request(wait(), after(1)))
    assert (response["id"], response["error"]["type"]) == (2, "ValueTooLarge")
    assert effects(machine) == []
    again = rebuild(decode(machine.take_chunk()))  # with the usual limit: what was said stays said
    assert b"ValueTooLarge" in (again.request(step(1, arg="x" * 1_000), after(5)) or b"")


def test_large_outcomes() -> None:
    """An outcome over the limit becomes an error that says so."""
    machine = create(value_bytes_max=1_000)
    machine.request(step(1), after(1))
    response = read(machine.arrived(1, False, b'"' + b"x" * 1_000 + b'"', [], after(2)))
    assert response["error"]["fields"]["size_bytes"] == 1_002


@pytest.mark.parametrize("word", ["ok", "error"])
def test_large_ends(word: str) -> None:
    """A result or error over the limit is a failure that says so."""
    machine = create(value_bytes_max=1_000)
    final = machine.finished(json.dumps({word: "x" * 1_000}).encode(), after(1))
    assert isinstance(final, Failed)
    assert json.loads(final.payload)["type"] == "ValueTooLarge"


def test_too_many_effects() -> None:
    """One started effect too many fails; those under way are well, and so are calls."""
    machine = create(effects_in_flight_max=2)
    for effect in (1, 2, 3):
        assert machine.request(step(effect, start=True), after(1)) == b"{}"
    assert machine.request(sleep(4, 1, start=True), after(1)) == b"{}"
    assert effects(machine) == [1, 2]
    for effect in (3, 4):
        response = read(machine.request(wait(), after(1)))
        assert response["id"] == effect
        assert "2 effects are under way" in response["error"]["message"]
    assert machine.request(step(5), after(1)) is None
    assert effects(machine) == [5]


def test_full_journal() -> None:
    """A journal at its limit stops the guest, and still has room for the end."""
    machine = create(journal_entries_max=4)
    for _ in range(2):
        machine.request(log(), after(1))
    with pytest.raises(GuestTrapped, match="4 entries"):
        machine.request(log(), after(1))
    machine.failed(b"{}", after(2))
    assert len(decode(machine.take_chunk())) == 4


def test_large_journal() -> None:
    """The size of a journal is limited, what was recorded by earlier processes included."""
    machine = create(journal_bytes_max=1_000)
    for _ in range(9):
        machine.request(log("x" * 65), after(1))
    with pytest.raises(GuestTrapped, match="1,000 bytes"):
        machine.request(log("x" * 65), after(1))
    machine.failed(b"{}", after(2))
    chunk = machine.take_chunk()
    assert chunk is not None
    assert 1_000 < len(chunk.data) < 1_200


def test_recorded_bytes_count() -> None:
    """A machine that is rebuilt knows how large its journal is."""
    chunk = create().take_chunk()
    assert chunk is not None
    again = rebuild(decode(chunk), bytes_recorded=990, journal_bytes_max=1_000)
    with pytest.raises(GuestTrapped, match="1,000 bytes"):
        again.request(log(), after(1))
