"""What a guest may ask."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawless.core.divergence import describe_request
from flawless.core.protocol import (
    CancelRequest,
    ClockRequest,
    DropRequest,
    EffectRequest,
    ExecuteRequest,
    Frame,
    HttpRequest,
    LoadRequest,
    LogRequest,
    NextRequest,
    ParkRequest,
    PublishRequest,
    ReceiveRequest,
    Request,
    RespondRequest,
    SecretRequest,
    SendRequest,
    SleepRequest,
    SourceRequest,
    StepRequest,
    WhereRequest,
    decode_request,
    error_object,
    fingerprint,
    label,
)
from flawless.errors import GuestTrapped

from .requests import (
    ask,
    cancel,
    child,
    http,
    log,
    park,
    publish,
    receive,
    respond,
    send,
    step,
)


@pytest.mark.parametrize(
    ("raw", "request_"),
    [
        (ask(op="sleep", id=3, seconds=2.5), SleepRequest(3, 2.5)),
        (ask(op="sleep", id=3, seconds=2, start=True), SleepRequest(3, 2.0, True)),
        (ask(op="next"), NextRequest()),
        (ask(op="next", until=5, poll=True), NextRequest(5, True)),
        (ask(op="drop", id=4), DropRequest(4)),
        (ask(op="log", level=20, logger="a", message="m"), LogRequest(20, "a", "m")),
        (ask(op="clock"), ClockRequest()),
        (ask(op="load", name="a.b"), LoadRequest("a.b")),
        (ask(op="source", name="a.b"), SourceRequest("a.b")),
        (ask(op="where"), WhereRequest()),
        (
            ask(op="where", frames=[{"file": "a.py", "line": 3, "text": "x()", "more": 1}]),
            WhereRequest([Frame("a.py", 3, "", "x()")]),
        ),
        (
            ask(op="http", id=1, method="GET", url="http://a/"),
            HttpRequest(1, "GET", "http://a/"),
        ),
        (
            ask(
                op="http",
                id=1,
                method="PUT",
                url="http://a/",
                headers=[["k", "v"]],
                body={"text": "t"},
                timeout_s=1.5,
                max_bytes=10,
                max_redirects=0,
                idempotent=True,
                start=True,
            ),
            HttpRequest(1, "PUT", "http://a/", [("k", "v")], {"text": "t"}, 1.5, 10, 0, True, True),
        ),
    ],
)
def test_requests(raw: bytes, request_: object) -> None:
    """Every operation is read with its fields and defaults; unknown fields change nothing."""
    assert decode_request(raw) == request_
    fields = json.loads(raw)
    assert decode_request(ask(**fields, invented={"later": [1, 2]})) == request_
    assert decode_request(ask(invented=None, **fields)) == request_
    assert describe_request(decode_request(raw))


@pytest.mark.parametrize(
    ("raw", "request_", "words"),
    [
        (receive(1, "a", "b"), ReceiveRequest(1, ["a", "b"]), "receive a, b"),
        (receive(1), ReceiveRequest(1), "receive any message"),
        (ask(op="receive", id=1), ReceiveRequest(1), "receive any message"),
        (
            send(2, payload=[1]),
            SendRequest(2, "order-2", "confirm", msgspec.Raw(b"[1]")),
            "send confirm to order-2",
        ),
        (
            send(2, start=True),
            SendRequest(2, "order-2", "confirm", msgspec.Raw(b"1"), True),
            "send confirm to order-2",
        ),
        (
            child(3, "kid", close="abandon", deadline_s=1.5),
            ExecuteRequest(3, "app.ship", msgspec.Raw(b'{"a":[1],"k":{}}'), "kid", "abandon", 1.5),
            "start app.ship as kid",
        ),
        (cancel(4), CancelRequest(4, "order-2", "enough"), "cancel order-2"),
        (ask(op="cancel", id=4, execution="o"), CancelRequest(4, "o"), "cancel o"),
        (park(5, "undo\nit"), ParkRequest(5, "undo\nit"), "undo?it"),
        (http(6, on_interrupt="park"), None, "GET http://shop/items"),
    ],
)
def test_effects(raw: bytes, request_: EffectRequest | None, words: str) -> None:
    """Every effect is read with its fields and defaults, and has a name for people."""
    request: Any = decode_request(raw)
    assert request_ is None or request == request_
    assert label(request) == words
    assert words in describe_request(request)
    assert decode_request(ask(**json.loads(raw), invented=1)) == request


@pytest.mark.parametrize(
    ("raw", "request_"),
    [
        (publish({"a": 1}), PublishRequest(msgspec.Raw(b'{"a":1}'))),
        (respond(None), RespondRequest(msgspec.Raw(b"null"))),
        (ask(op="secret", name="KEY"), SecretRequest("KEY")),
    ],
)
def test_other_requests(raw: bytes, request_: Request) -> None:
    """What is shown stays text; a secret is known by its name."""
    assert decode_request(raw) == request_
    assert describe_request(request_)


@pytest.mark.parametrize(
    "raw",
    [
        ask(op="receive", id=1, names="a"),
        ask(op="send", id=1, to="x", name="a"),
        ask(op="execute", id=1, workflow="w", args={}, child="c", close="keep"),
        ask(op="execute", id=1, workflow="w", args={}),
        ask(op="cancel", id=1),
        ask(op="park", id=1),
        ask(op="park", id=0, label="x"),
        ask(op="publish"),
        ask(op="respond"),
        ask(op="secret"),
    ],
)
def test_incomplete_requests(raw: bytes) -> None:
    """A request without what it needs, or with an unknown policy, is none of this protocol."""
    with pytest.raises(GuestTrapped, match="does not know"):
        decode_request(raw)


def test_step_arguments_stay_text() -> None:
    """A step's arguments are carried as they came."""
    request = decode_request(b'{"op":"step","id":1,"name":"a.b","args": {"a": [1.0] } }')
    assert isinstance(request, StepRequest)
    assert bytes(request.args) == b'{"a": [1.0] }'
    assert not request.start


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"\x00",
        b"{",
        b"{}",
        b'{"op":"teleport"}',
        b'{"op":5}',
        b'{"op":"step"}',
        b'{"op":"step","id":"1","name":"a","args":{}}',
        b'{"op":"step","id":0,"name":"a","args":{}}',
        b'{"op":"step","id":-1,"name":"a","args":{}}',
        b'{"op":"step","id":1.5,"name":"a","args":{}}',
        b'{"op":"step","id":true,"name":"a","args":{}}',
        b'{"op":"step","id":1,"name":"a","args":nul}',
        b'{"op":"step","id":1,"name":"a","args":{}} {}',
        b'{"op":"step","id":1,"name":"\xff","args":{}}',
        b'{"op":"step","id":1,"name":"\\ud800","args":{}}',
        b'{"op":"step","id":9007199254740993,"name":"a","args":{}}',
        b'{"op":"drop","id":100000000000000000000000000000}',
        b'{"op":"next","until":99999999999999999999}',
        b'{"op":"log","level":1000000000000000000000,"logger":"a","message":"m"}',
        b'{"op":"log","level":20,"logger":null,"message":"\\ud800"}',
        b'{"op":"sleep","id":1,"seconds":NaN}',
        b'{"op":"sleep","id":1,"seconds":1e999}',
        b'{"op":"http","id":1,"method":"GET","url":"http://a/","headers":[["k"]]}',
        b'{"op":"step","id":1,"name":"a","args":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
    ],
)
def test_hostile_requests(raw: bytes) -> None:
    """What is no request stops the guest with a sentence, whatever it is."""
    with pytest.raises(GuestTrapped, match="does not know"):
        decode_request(raw)


@given(st.binary(max_size=200))
def test_random_bytes(raw: bytes) -> None:
    """Random bytes never raise anything but `GuestTrapped`."""
    with pytest.raises(GuestTrapped):
        decode_request(raw)


def test_odd_log_messages() -> None:
    """Text with lone surrogates, such as an undecodable file name, can be logged."""
    raw = b'{"op":"log","level":20,"logger":"\\udcff","message":"a\\ud800 \\ud83d\\ude00"}'
    assert decode_request(raw) == LogRequest(20, "?", "a? 😀")


def test_fingerprints() -> None:
    """A fingerprint is 64 bits of the bytes, for ever the same."""
    assert fingerprint(step(1)) != fingerprint(step(2))
    assert fingerprint(b"") == 0xE4A6A0577479B2B4
    assert fingerprint(log("hello")) == fingerprint(log("hello"))
    assert 0 <= fingerprint(b"x") < 2**64


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://shop/items", "http://shop/items"),
        ("https://shop:8080/items?key=secret", "https://shop:8080/items"),
        ("https://shop/items#secret", "https://shop/items"),
        ("https://shop/a?x=1#secret?y", "https://shop/a"),
        ("https://shop/a#x?secret", "https://shop/a"),
        ("https://anna:secret@shop/items", "https://shop/items"),
        ("https://secret@shop", "https://shop"),
        ("https://a@secret:b@shop/items", "https://shop/items"),
        ("https://anna:secret@shop?x=secret", "https://shop"),
        ("https://shop/@anna/items", "https://shop/@anna/items"),
        ("anna:secret@shop/items", "shop/items"),
        ("https://anna:secret@shop/to/http://other", "https://shop/to/http://other"),
        ("/items?secret", "/items"),
        ("", ""),
        ("http://shop/a\nb\x1b[31m", "http://shop/a?b?[31m"),
    ],
)
def test_labels_hide_secrets(url: str, shown: str) -> None:
    """A label has neither query, fragment nor user part, and nothing a terminal would obey."""
    text = label(HttpRequest(1, "GET", url))
    assert text == f"GET {shown}"
    assert "secret" not in text


def test_labels_are_short() -> None:
    """However long a name or URL is, its label fits a line."""
    assert len(label(HttpRequest(1, "GET" * 99, "http://a/" + "b" * 9_999))) == 200
    request = decode_request(step(1, "a" * 9_999))
    assert isinstance(request, StepRequest)
    assert len(label(request)) == 200
    assert label(SleepRequest(1, 2.0)) == "sleep"


def test_errors_of_the_host() -> None:
    """An error that the host makes names its class, module and fields."""
    assert json.loads(error_object("StepTimeout", "too slow", seconds=3)) == {
        "type": "StepTimeout",
        "module": "flawless",
        "message": "too slow",
        "fields": {"seconds": 3},
    }
    assert json.loads(error_object("ValueError", "no", module="builtins")) == {
        "type": "ValueError",
        "module": "builtins",
        "message": "no",
    }
