"""The bytes of a journal: what was written once is read for ever, and damage is noticed."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawless.core.encoding import decode_entries, encode_entries, encode_entry
from flawless.core.entries import (
    FORMAT,
    Arrived,
    Attempt,
    Called,
    Cancelled,
    CancelObserved,
    ClockRead,
    Completed,
    Continued,
    Dropped,
    Elapsed,
    Entered,
    Entry,
    Failed,
    Invoked,
    Logged,
    Observed,
    Origin,
    Parked,
    Polled,
    Published,
    Repeated,
    Resolved,
    Responded,
    Retried,
    Slept,
    Started,
    describe,
)
from flawless.errors import JournalDamaged

GOLDEN = Path(__file__).parent / "golden"
MARK = 0x0123456789ABCDEF
INVOKED = Invoked(
    FORMAT, "app.checkout", "d1", 1_700_000_000_000_000, bytes(range(32)), b'{"a":[]}'
)

ENTRIES: dict[str, tuple[int, Entry]] = {
    "invoked": (0, INVOKED),
    "clock_read": (1, ClockRead(12)),
    "logged": (2, Logged(300, MARK, 20, "app", "héllo")),
    "entered": (3, Entered(70_000, MARK, 1, "POST http://shop/orders")),
    "called": (4, Called(80_000, MARK, 1, "step app.charge", False, b'"ref"')),
    "called_attempts": (
        5,
        Called(80_001, MARK, 2, "step a.b", True, b"{}", [Attempt(5, "OSError", "down")]),
    ),
    "called_paused": (
        22,
        Called(80_003, MARK, 2, "step a.b", False, b"1", [Attempt(5, "OSError", "down", 500_000)]),
    ),
    "called_arrived": (6, Called(80_002, MARK, 3, "step a.b", False, None)),
    "started": (7, Started(90_000, MARK, 4, "step a.b")),
    "started_timer": (8, Started(90_001, MARK, 5, "sleep", 5_000_000_000)),
    "arrived": (127, Arrived(90_002, 4, False, b"[1,2]")),
    "arrived_attempts": (128, Arrived(90_003, 4, True, b"{}", [Attempt(7, "E", "m")])),
    "observed": (129, Observed(90_004, MARK, 4, False, b"null")),
    "observed_arrived": (130, Observed(90_005, MARK, 4, False, None)),
    "slept": (255, Slept(90_006, MARK, 6, 2**40)),
    "elapsed": (256, Elapsed(90_007, 2**64 - 1)),
    "dropped": (65_536, Dropped(90_008, 0, 7)),
    "polled": (65_537, Polled(90_009, 100_000)),
    "completed": (2**32 - 1, Completed(90_010, b'{"total":' + b"1" * 200 + b"}")),
    "failed": (999_999, Failed(90_011, b'{"type":"ValueError"}')),
    "invoked_run": (0, msgspec.structs.replace(INVOKED, run=2, deadline=86_400_000_000)),
    "invoked_trace": (0, msgspec.structs.replace(INVOKED, trace=f"00-{1:032x}-{2:016x}-01")),
    "invoked_origin": (
        0,
        msgspec.structs.replace(
            INVOKED, origin=Origin("order-42", 17, 3_600_000_000, "order-7", 2)
        ),
    ),
    "published": (10, Published(90_012, MARK)),
    "published_refused": (11, Published(90_013, MARK, b"{}")),
    "responded": (12, Responded(90_014, MARK)),
    "cancel_observed": (13, CancelObserved(90_015, MARK, 8, "no longer needed", 95_000)),
    "parked": (14, Parked(90_016, 9, "POST http://shop/orders")),
    "parked_asked": (15, Parked(90_017, 10, "undo app.refund", True)),
    "resolved": (16, Resolved(90_018, 9, False, b'"ref"', "ann")),
    "resolved_retry": (17, Resolved(90_019, 9, False, None, "ann")),
    "retried": (18, Retried(90_020, 9, 12, "ann")),
    "continued": (19, Continued(90_021, b'{"a":[2],"k":{}}')),
    "cancelled": (20, Cancelled(90_022, b'{"type":"CancelledError"}')),
    "repeated": (21, Repeated(90_023, 9)),
}
"""One entry of each kind and shape. Add to them; never change one, nor its golden file."""

FIELDS_ADDED_SINCE = {
    "invoked",
    "invoked_run",
    "invoked_trace",
    "called_attempts",
    "arrived_attempts",
}
"""Golden files from before their kind had more fields: they are read as with the defaults."""

KINDS = {type(entry) for _, entry in ENTRIES.values()}

ats = st.integers(0, 2**60)
marks = st.integers(0, 2**64 - 1)
effects = st.integers(1, 2**53)
payloads = st.binary(max_size=300)
attempts = st.lists(st.builds(Attempt, ats, st.text(), st.text(), st.none() | ats), max_size=2)
later_entries = st.one_of(
    st.builds(ClockRead, ats),
    st.builds(Logged, ats, marks, st.integers(-(2**31), 2**31), st.text(), st.text(max_size=200)),
    st.builds(Entered, ats, marks, effects, st.text()),
    st.builds(
        Called, ats, marks, effects, st.text(), st.booleans(), st.none() | payloads, attempts
    ),
    st.builds(Started, ats, marks, effects, st.text(), st.none() | ats),
    st.builds(Arrived, ats, effects, st.booleans(), payloads, attempts),
    st.builds(Observed, ats, marks, effects, st.booleans(), st.none() | payloads, attempts),
    st.builds(Slept, ats, marks, effects, ats),
    st.builds(Elapsed, ats, marks),
    st.builds(Dropped, ats, marks, effects),
    st.builds(Polled, ats, ats),
    st.builds(Completed, ats, payloads),
    st.builds(Failed, ats, payloads),
    st.builds(Published, ats, marks, st.none() | payloads),
    st.builds(Responded, ats, marks, st.none() | payloads),
    st.builds(CancelObserved, ats, marks, effects, st.text(), st.none() | ats),
    st.builds(Parked, ats, effects, st.text(), st.booleans()),
    st.builds(Resolved, ats, effects, st.booleans(), st.none() | payloads, st.text()),
    st.builds(Retried, ats, effects, effects, st.text()),
    st.builds(Continued, ats, payloads),
    st.builds(Cancelled, ats, payloads),
    st.builds(Repeated, ats, effects),
)


def frame(position: int, body: object) -> bytes:
    """Return a frame with any body, its checksum right."""
    whole = encode_entry(position, ClockRead(1))
    encoded = msgspec.msgpack.encode(body)
    assert len(encoded) < 128
    checksum = zlib.crc32(encoded, position).to_bytes(4, "big")
    assert whole[:4] == zlib.crc32(whole[5:], position).to_bytes(4, "big")
    return checksum + bytes([len(encoded)]) + encoded


def damage(position: int, data: bytes, count: int = 1) -> JournalDamaged:
    """Return the error that reading this chunk raises."""
    with pytest.raises(JournalDamaged) as caught:
        decode_entries("order-1", position, data, count)
    assert "'order-1'" in str(caught.value)
    return caught.value


def test_every_kind_has_a_golden_file() -> None:
    """No kind of entry is forgotten, and no golden file is left without its entry."""
    assert set(get_args(Entry)) == KINDS
    assert {path.stem for path in GOLDEN.glob("*.hex")} == set(ENTRIES)


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_golden(name: str) -> None:
    """Bytes written by any earlier version are read, and today's bytes are the same."""
    position, entry = ENTRIES[name]
    golden = bytes.fromhex((GOLDEN / f"{name}.hex").read_text())
    assert decode_entries("order-1", position, golden, 1) == [entry]
    if name not in FIELDS_ADDED_SINCE:
        assert encode_entry(position, entry) == golden


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_flipped_bit_is_noticed(name: str) -> None:
    """No single-bit error in any frame goes unnoticed."""
    position, entry = ENTRIES[name]
    data = encode_entry(position, entry)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        damage(position, bytes(flipped))


def test_every_flipped_bit_in_a_chunk_is_noticed() -> None:
    """A flipped bit is noticed wherever it stands among several entries, at the right place."""
    entries = [INVOKED, ClockRead(1), Called(2, MARK, 1, "step a.b", False, b"1"), ClockRead(3)]
    data = encode_entries(0, entries)
    ends = [len(encode_entries(0, entries[: n + 1])) for n in range(len(entries))]
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        first_bad = next(n for n, end in enumerate(ends) if bit // 8 < end)
        assert damage(0, bytes(flipped), 4).position == first_bad


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_truncation_is_noticed(name: str) -> None:
    """An entry cut short anywhere is noticed, also between two entries of a chunk."""
    position, entry = ENTRIES[name]
    data = encode_entry(position, entry)
    for length in range(len(data)):
        assert damage(position, data[:length]).position == position
    assert damage(position, data, 2).position == position + 1
    damage(position, data + b"\0")
    damage(position, data + data)


def test_a_moved_entry_is_noticed() -> None:
    """An intact entry at another position is damage."""
    data = encode_entry(7, ClockRead(1))
    for position in (1, 6, 8, 7 + 2**31, 2**32 - 1):
        assert "checksum" in damage(position, data).reason
    swapped = encode_entry(2, ClockRead(2)) + encode_entry(1, ClockRead(1))
    assert damage(1, swapped, 2).position == 1


def test_entry_0_stands_at_0_only() -> None:
    """A journal begins with its `Invoked`, and has no second one."""
    assert "cannot stand here" in damage(0, encode_entry(0, ClockRead(1))).reason
    assert "cannot stand here" in damage(3, encode_entry(3, INVOKED)).reason


def test_an_unknown_kind_is_refused() -> None:
    """A kind that this engine does not know is an error, not skipped."""
    assert "newer engine" in damage(1, frame(1, [99, 1, 2])).reason
    for body in ([], [1], ["x"], {}, None, 5, [1, "not a time"], [4, 1, 2, 3]):
        assert "cannot be read" in damage(1, frame(1, body)).reason


def test_a_newer_format_is_refused() -> None:
    """A journal of a newer format is left alone."""
    newer = Invoked(FORMAT + 1, "app.checkout", "d1", 0, b"", b"")
    assert f"format {FORMAT + 1}" in damage(0, encode_entry(0, newer)).reason


def test_fields_added_later_are_ignored() -> None:
    """An entry that a newer engine of the same format wrote longer is still read."""
    assert decode_entries("order-1", 1, frame(1, [1, 42, "new"]), 1) == [ClockRead(42)]
    short = frame(1, [4, 1, MARK, 1, "step a.b", False, b"1"])
    assert decode_entries("order-1", 1, short, 1) == [Called(1, MARK, 1, "step a.b", False, b"1")]


def test_nothing_is_nothing() -> None:
    """An empty chunk holds no entries, and says so when some are expected."""
    assert decode_entries("order-1", 5, b"", 0) == []
    assert damage(5, b"").position == 5
    assert "cut short" in damage(1, bytes(4) + b"\0").reason
    assert "cut short" in damage(1, b"\0\0\0\0" + b"\xff" * 9).reason


@given(st.lists(later_entries, max_size=6), st.integers(1, 2**20))
def test_round_trip(entries: list[Entry], position: int) -> None:
    """What is written is read back, whatever it is and wherever it stands."""
    data = encode_entries(position, entries)
    assert decode_entries("order-1", position, data, len(entries)) == entries


@given(st.binary(max_size=64), st.integers(0, 3), st.integers(0, 4))
def test_random_bytes_are_damage(data: bytes, position: int, count: int) -> None:
    """Whatever stands in the store, the reader says that it is damaged and nothing else."""
    with contextlib.suppress(JournalDamaged):
        assert len(decode_entries("order-1", position, data, count)) == count


def test_entries_stay_small() -> None:
    """A step costs a few dozen bytes beyond its payload."""
    called = Called(3_600_000_000, MARK, 1_000, "step app.charge", False, b"")
    assert len(encode_entry(1_000, called)) <= 50


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_entry_can_be_described(name: str) -> None:
    """Each kind has words for people."""
    _, entry = ENTRIES[name]
    words = describe(entry)
    assert words
    assert len(words) < 120
    assert "Struct" not in words
