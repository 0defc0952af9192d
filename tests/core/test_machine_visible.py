"""What an execution shows: its state, and its response."""

from __future__ import annotations

import json

from flawless.core.entries import Published, Responded

from .requests import after, create, decode, log, publish, read, rebuild, respond, step
from .stories import Script, Story, check, retry, tell


def test_publish() -> None:
    """A state is shown with the commit of its entry; only the latest of a commit is."""
    machine = create()
    assert machine.request(publish({"step": 1}), after(1)) == b"{}"
    assert machine.request(publish({"step": 2}), after(1)) == b"{}"
    chunk = machine.take_chunk()
    assert [type(entry) for entry in decode(chunk)[1:]] == [Published, Published]
    assert chunk is not None
    assert chunk.state == b'{"step":2}'
    assert chunk.response is None
    machine.request(log(), after(1))
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.state is None


def test_respond() -> None:
    """The response is given once; a second one is the workflow's mistake."""
    machine = create()
    assert machine.request(respond([1]), after(1)) == b"{}"
    error = read(machine.request(respond([2]), after(1)))["error"]
    assert error["type"] == "UsageError"
    assert "publish" in error["message"]
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.response == b"[1]"
    assert chunk.state is None
    again = rebuild(decode(chunk))
    assert again.request(respond([1]), after(2)) == b"{}"
    assert read(again.request(respond([2]), after(2)))["error"] == error
    assert not again.dirty
    assert not again.live
    assert read(again.request(respond([3]), after(2)))["error"]["type"] == "UsageError"


def test_too_large() -> None:
    """What is too large to be shown is refused, and the refusal is replayed."""
    machine = create(value_bytes_max=100)
    for raw in (publish("x" * 99), respond("x" * 99)):
        error = read(machine.request(raw, after(1)))["error"]
        assert error["type"] == "ValueTooLarge"
        assert error["fields"]["what"] == "a visible value"
    assert machine.request(publish("x" * 98), after(1)) == b"{}"
    assert machine.request(respond("x" * 98), after(1)) == b"{}", "it has not responded yet"
    entries = decode(machine.take_chunk())
    refused = [e.refused is not None for e in entries if isinstance(e, Published | Responded)]
    assert refused == [True, True, False, False]
    again = rebuild(entries)  # with the usual limit: what was refused stays refused
    for raw in (publish("x" * 99), respond("x" * 99)):
        assert read(again.request(raw, after(2)))["error"]["type"] == "ValueTooLarge"
    assert again.request(publish("x" * 98), after(2)) == b"{}"
    assert read(again.request(respond("y"), after(2))) == {"where": True}


def shows() -> Script:
    """Show a few things between effects."""
    answers = []
    for number in (1, 2, 3):
        answers.append((yield publish(number)))
        answers.append((yield respond(number)))
        answers.append((yield step(number)))
    return {"ok": [sorted(answer) for answer in answers]}


def test_unreadable() -> None:
    """What no reader could take is refused in the same way, and a child's input as well."""
    for value in (b"1e999", b"9" * 5_000, b"[" * 321 + b"]" * 321):
        machine = create()
        for op in (b"publish", b"respond"):
            error = read(machine.request(b'{"op":"%b","value":%b}' % (op, value), after(1)))
            assert error["error"]["type"] == "InputInvalid"
            assert "a visible value cannot be read" in error["error"]["message"]
        args = b'{"a":[%b],"k":{}}' % value
        start = b'{"op":"execute","id":1,"workflow":"w","args":%b,"child":"order-1.1"}' % args
        assert machine.request(start, after(1)) == b"{}"
        assert machine.take_actions() == []
        outcome = read(machine.request(b'{"op":"next"}', after(2)))
        assert "the input of a child cannot be read" in outcome["error"]["message"]
        chunk = machine.take_chunk()
        assert chunk is not None
        assert chunk.state is None
        assert chunk.response is None


def test_shows() -> None:
    """Each state is shown once for every time it becomes durable, in order, after any crash."""
    life = check(Story(shows, {1: 1, 2: 2, 3: 3}))
    assert life.states == [1, 2, 3]
    assert life.responses == [1]
    for length in range(1, len(life.commits)):
        left = life.commits[:length]
        shown = [commit.chunk.state for commit in left if commit.chunk.state is not None]
        again = tell(life.story, left)
        assert [json.loads(state) for state in shown] + again.states == [1, 2, 3]


def test_a_retried_execution_responds_once() -> None:
    """What an execution responded before it failed counts, unless the retry takes it back."""

    def guest() -> Script:
        yield respond(1)
        if "error" in (yield step(1)):
            return {"error": {"type": "E", "traceback": ""}}
        return {"ok": "error" in (yield respond(2))}

    failed = check(Story(guest, errors={1: {"type": "E"}}))
    base = retry(failed)
    life = check(Story(guest, {1: 1}), base)
    assert life.end is not None
    assert life.end.payload == b"true"
    assert life.responses == []
