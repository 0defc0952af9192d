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
    output = json.dumps({word: "x" * 98}).encode()
    assert not isinstance(read_output(output, 5, 100), Failed) or word == "error"
    end = read_output(json.dumps({word: "x" * 99}).encode(), 5, 100)
    assert isinstance(end, Failed)
    error = json.loads(end.payload)
    assert error["type"] == "ValueTooLarge"
    assert error["fields"] == {"what": what, "size_bytes": 101, "limit_bytes": 100}
