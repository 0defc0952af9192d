"""What a guest's last word means."""

from __future__ import annotations

import json

import pytest

from flawless.core.entries import Cancelled, Completed, Continued, End, Failed
from flawless.core.output import read_output
from flawless.errors import GuestTrapped


@pytest.mark.parametrize(
    ("output", "end"),
    [
        (b'{"ok":{"total": 1.0}}', Completed(5, b'{"total": 1.0}')),
        (b'{"ok":null}', Completed(5, b"null")),
        (b'{"ok":1,"cancelled":true}', Completed(5, b"1")),
        (b'{"error":{"type":"E"}}', Failed(5, b'{"type":"E"}')),
        (b'{"error":{"type":"E"},"cancelled":false}', Failed(5, b'{"type":"E"}')),
        (b'{"error":{"type":"E"},"cancelled":true}', Cancelled(5, b'{"type":"E"}')),
        (b'{"continue":{"a":[2],"k":{}}}', Continued(5, b'{"a":[2],"k":{}}')),
        (b'{"ok":1,"later":2}', Completed(5, b"1")),
    ],
)
def test_ends(output: bytes, end: End) -> None:
    """A result, an error, a cancellation, or the next run; the values stay the text they were."""
    assert read_output(output, 5, 1_000) == end


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"{}",
        b"[]",
        b'{"cancelled":true}',
        b'{"ok":1,"continue":{}}',
        b'{"error":1,"continue":{}}',
        b'{"ok":1,"error":1,"continue":{}}',
        b'{"error":1,"cancelled":"yes"}',
    ],
)
def test_nonsense(output: bytes) -> None:
    """Nothing, several things, and what cannot be read are the guest's fault."""
    with pytest.raises(GuestTrapped, match="the guest ended with"):
        read_output(output, 5, 1_000)


@pytest.mark.parametrize(
    ("word", "what"), [("ok", "the result"), ("error", "the error"), ("continue", "the input")]
)
def test_too_large(word: str, what: str) -> None:
    """A value over the limit is a failure that names it."""
    values = {"ok": '"%s"', "error": '{"type":"%s"}', "continue": '{"a":["%s"],"k":{}}'}
    fits = values[word] % ("x" * (100 - len(values[word]) + 2))
    end = read_output(f'{{"{word}":{fits}}}'.encode(), 5, 100)
    assert end.payload == fits.encode()
    end = read_output(json.dumps({word: "x" * 99}).encode(), 5, 100)
    assert isinstance(end, Failed)
    error = json.loads(end.payload)
    assert error["type"] == "ValueTooLarge"
    assert error["fields"] == {"what": what, "size_bytes": 101, "limit_bytes": 100}


DEEP = b"[" * 321 + b"]" * 321


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (b'{"ok":1e999}', "the result cannot be read: Number out of range"),
        (b'{"ok":%b}' % (b"9" * 5_000), "the result cannot be read: Integer value out of range"),
        (b'{"ok":%b}' % DEEP, "the result cannot be read: it is nested too deeply"),
        (b'{"error":5}', "the error cannot be read: Expected `object`"),
        (b'{"error":{"message":{}}}', "the error cannot be read: Expected `str`"),
        (b'{"error":{"a":1e999}}', "the error cannot be read: Number out of range"),
        (b'{"error":{"a":%b},"cancelled":true}' % DEEP, "the error cannot be read: it is nested"),
        (b'{"continue":[1]}', "the input cannot be read: it is no encoded call"),
        (b'{"continue":{"a":{},"k":{}}}', "the input cannot be read: it is no encoded call"),
        (b'{"continue":{"a":[],"k":{"x":1e999}}}', "the input cannot be read: Number out of range"),
    ],
)
def test_what_nobody_could_read(output: bytes, words: str) -> None:
    """A last word that no reader would understand is a failure that says so."""
    end = read_output(output, 5, 10_000)
    assert isinstance(end, Failed)
    assert words in json.loads(end.payload)["message"]


def test_deep_values_that_can_be_read() -> None:
    """Neither brackets in texts nor many of them side by side are deep."""
    for value in (
        b"[" * 320 + b"]" * 320,
        b'"' + b"[" * 999 + b'"',
        b"[[],{}" + b",[]" * 999 + b"]",
    ):
        assert read_output(b'{"ok":%b}' % value, 5, 10_000).payload == value
