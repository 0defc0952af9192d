"""Server-sent events: the same whatever way the bytes were cut, and bounded."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawless.client.answers import AnswerBroken
from flawless.client.parsing import EventParser, RawEvent

STREAM = (
    "\ufeffretry: 1500\n\n"
    ": alive\r\nid: 1\r\n\r\n"
    'event: state\nid: 2\ndata: {"a":\ndata: "ä€𝄞"}\n\n'
    "data\r\rdata:  two spaces\nunknown: x\nid: a\0b\n\n"
    "event: nothing\nid: 3\n\n"
    "event: cut\nid: 4\ndata: never dispatched"
).encode()
EVENTS = [
    RawEvent("state", '{"a":\n"ä€𝄞"}', "2"),
    RawEvent("message", "", "2"),
    RawEvent("message", " two spaces", "2"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    """However the bytes come, in the middle of letters or line ends, the events are the same."""
    parser = EventParser("0")
    places = [0, *sorted(cuts), len(STREAM)]
    found = []
    for start, end in itertools.pairwise(places):
        found += parser.push(STREAM[start:end])
    assert found == EVENTS
    assert parser.retry_s == 1.5


def test_an_id_counts_when_its_event_is_whole() -> None:
    """Who goes on behind an event that was cut off would never see it."""
    parser = EventParser("0")
    parser.push(b": alive\nid: 1\n")
    assert parser.last_id == "0"
    parser.push(b"\n")
    assert parser.last_id == "1"
    parser.push(b"id: 2\ndata: x\n")
    assert parser.last_id == "1"


def test_events_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that never ends a line or an event is given up, not kept."""
    monkeypatch.setattr("flawless.client.parsing.EVENT_CHARS_MAX", 1_000)
    for piece in (b"x" * 100, b"data: " + b"x" * 94 + b"\n"):
        parser = EventParser()
        for _ in range(9):
            parser.push(piece)
        with pytest.raises(AnswerBroken, match="1,000"):
            parser.push(piece * 2)
    parser = EventParser()
    for _ in range(50):
        assert len(parser.push(b"data: " + b"x" * 94 + b"\n\n")) == 1
