"""The answers file: what is pleasant to write, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from flawless.core.protocol import (
    EffectRequest,
    ExecuteRequest,
    HttpRequest,
    ReceiveRequest,
    SendRequest,
    StepRequest,
)
from flawless.timetravel.whatif.answers import (
    Answer,
    AnswersInvalid,
    message_name,
    names_of,
    parse_answers,
    read_answers,
)

NOTHING = msgspec.Raw(b"null")
STEP = StepRequest(1, "app.charge", NOTHING)
GET = HttpRequest(2, "GET", "https://shop.example/left?of=books")


def outcome(request: EffectRequest, **given: object) -> tuple[bool, object]:
    """Return the outcome that an answer gives an effect."""
    answers = parse_answers(json.dumps([{"effect": "*", **given}]).encode())
    answer = answers.take(request, 1)
    assert answer is not None
    failed, payload = answer.outcome(request)
    return failed, json.loads(payload)


def test_answers_are_used_in_order() -> None:
    """Each is used once, unless it says `repeat`; names may have stars, numbers mean one place."""
    answers = parse_answers(
        b'[{"effect": "app.charge", "ok": 1}, {"effect": 9, "ok": 2},'
        b'{"effect": "step app.*", "ok": 3, "repeat": true}, {"effect": "step other", "ok": 4}]'
    )
    taken = [answers.take(STEP, number) for number in (7, 8, 9, 10)]
    assert [one.ok for one in taken if one is not None] == [b"1", b"3", b"2", b"3"]
    assert answers.take(GET, 11) is None
    assert [one.effect for one in answers.unused] == ["step other"]


def test_what_an_effect_may_be_called() -> None:
    """The label, and what comes to mind first."""
    assert names_of(STEP) == ["step app.charge", "app.charge"]
    assert "GET https://shop.example/left" in names_of(GET)
    assert "GET https://shop.example/left?of=books" in names_of(GET)
    assert "receive no" in names_of(ReceiveRequest(3, ["yes", "no"]))
    assert "send news" in names_of(SendRequest(4, "you", "news", NOTHING))
    assert "app.pack" in names_of(ExecuteRequest(5, "app.pack", NOTHING, "order.1"))


def test_responses() -> None:
    """A response is a status, or an object with a body as JSON, text or base64."""
    plain = {"status": 204, "url": GET.url, "headers": [], "body": {"text": ""}}
    assert outcome(GET, ok=204) == (False, plain)
    assert outcome(GET, ok={"status": 204, "headers": {}}) == (False, plain)
    _, made = outcome(GET, ok={"json": [1], "headers": {"etag": "7"}, "url": "http://other/"})
    assert made == {
        "status": 200,
        "url": "http://other/",
        "headers": [["etag", "7"], ["content-type", "application/json"]],
        "body": {"text": "[1]"},
    }
    _, made = outcome(GET, ok={"status": 200, "headers": [["a", "b"]], "body": {"base64": "eA=="}})
    assert isinstance(made, dict)
    assert made["body"] == {"base64": "eA=="}


@pytest.mark.parametrize(
    "ok",
    [
        True,
        "text",
        {"stauts": 200},
        {"status": 99},
        {"status": "200"},
        {"json": 1, "text": ""},
        {"text": 1},
        {"base64": "?"},
        {"body": 1},
        {"headers": ["a"]},
        {"headers": {"a": 1}},
    ],
)
def test_what_is_no_response(ok: object) -> None:
    """A response that is none is an error that names the answer, when it is to be used."""
    with pytest.raises(AnswersInvalid, match="answers, answer 1: "):
        outcome(GET, ok=ok)


def test_errors() -> None:
    """An error has a type and a message; Python's own and Flawless's are known by their names."""
    failed, error = outcome(STEP, error={"type": "app.OutOfStock", "message": "none left"})
    assert failed
    assert error == {
        "type": "OutOfStock",
        "module": "app",
        "message": "none left",
        "value": {"$": "exception", "c": "app:OutOfStock", "m": "none left", "a": ["none left"]},
    }
    for given, module, name in (
        ("KeyError: x", "builtins", "KeyError"),
        ("it broke", "builtins", "Exception"),
        ("StepTimeout: late", "flawless", "StepTimeout"),
    ):
        _, error = outcome(STEP, error=given)
        assert isinstance(error, dict)
        assert (error["module"], error["type"]) == (module, name)


def test_which_message_it_is() -> None:
    """A receiver of several names needs one that says which."""
    several, anything = ReceiveRequest(1, ["yes", "no"]), ReceiveRequest(2)
    assert message_name(Answer("", "receive no", b"1"), several) == "no"
    assert message_name(Answer("", "receive word", b"1"), anything) == "word"
    assert message_name(Answer("", 3, b"1"), ReceiveRequest(1, ["yes"])) == "yes"
    for request in (several, anything):
        with pytest.raises(AnswersInvalid, match="say which message"):
            message_name(Answer("", "*", b"1"), request)


def test_the_time_beyond_the_end() -> None:
    """`now` is a moment with its offset."""
    assert parse_answers(b'{"answers": []}').now_us is None
    moment = b'{"now": "1970-01-01T01:00:01+01:00", "answers": []}'
    assert parse_answers(moment).now_us == 1_000_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "^answers is not valid JSON: "),
        ("7", "write a list"),
        ('{"effect": "step a", "ok": 1}', "^answers has 'effect': write "),
        ('{"now": "2026-12-01T00:00:00Z"}', "^answers has no 'answers': write "),
        ('{"now": "2026-12-01", "answers": []}', "time with its offset"),
        ('{"now": 7, "answers": []}', "time with its offset"),
        ("[7]", "answer 1: write an object"),
        ('[{"effect": "step a", "okay": 1}]', "there is no 'okay'"),
        ('[{"ok": 1}]', "effect names what is answered"),
        ('[{"effect": true, "ok": 1}]', "effect names what is answered"),
        ('[{"effect": "step a"}]', "either ok, with a value, or error"),
        ('[{"effect": "step a", "ok": 1, "error": "x"}]', "either ok, with a value, or error"),
        ('[{"effect": "step a", "ok": 1, "repeat": 3}]', "repeat is true or false"),
        ('[{"effect": "a", "ok": 1}, {"effect": "a", "error": 7}]', "answer 2: an error is"),
        ('[{"effect": "a", "error": {"kind": "X"}}]', "answer 1: an error is"),
        ('[{"effect": "a", "error": {"type": 7}}]', "type and message"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    """Each mistake has an error that names the place and says what to write."""
    with pytest.raises(AnswersInvalid, match=reason):
        parse_answers(text.encode())


def test_reading_a_file(tmp_path: Path) -> None:
    """Errors begin with the file's name."""
    file = tmp_path / "answers.json"
    with pytest.raises(AnswersInvalid, match=r"answers\.json cannot be read: No such"):
        read_answers(file)
    file.write_text("[")
    with pytest.raises(AnswersInvalid, match=r"answers\.json is not valid JSON: "):
        read_answers(file)
    file.write_text('[{"effect": "step a", "ok": null}]')
    assert read_answers(file).unused[0].ok == b"null"
