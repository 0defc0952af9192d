"""`flawless.http` inside a guest: requests and responses."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import Guests, Script, async_main, main


def sent(guests: Guests, call: str) -> dict[str, Any]:
    """Return the request that a call makes."""
    script = Script({})
    guests.ok(main(call), script=script)
    return script.asked("http")[0]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_each_method(guests: Guests, method: str) -> None:
    """Every method has its function, with the same defaults."""
    assert sent(guests, f"http.{method}('http://a/b')") == {
        "op": "http", "id": 1, "method": method.upper(), "url": "http://a/b", "headers": [],
        "body": None, "timeout_s": 30.0, "max_redirects": 10, "idempotent": False,
    }  # fmt: skip


def test_query_headers_and_limits(guests: Guests) -> None:
    """Options become the fields of the request."""
    request = sent(
        guests,
        "http.request('post', 'http://a/b?x=1#f', params={'q': ['a b', 'ü'], 'n': 2}, "
        "headers={'X-One': 1}, timeout='1m', max_bytes=10, redirects=False, idempotent=True)",
    )
    assert request["method"] == "POST"
    assert request["url"] == "http://a/b?x=1&q=a+b&q=%C3%BC&n=2#f"
    assert request["headers"] == [["X-One", "1"]]
    assert request["timeout_s"] == 60.0
    assert (request["max_bytes"], request["max_redirects"]) == (10, 0)
    assert request["idempotent"] is True


def test_parking_when_interrupted(guests: Guests) -> None:
    """`on_interrupt` is part of the request only where it is "park"; nothing else is known."""
    assert (
        sent(guests, "http.post.start('http://a', on_interrupt='park')")["on_interrupt"] == "park"
    )
    assert "on_interrupt" not in sent(guests, "http.post('http://a', on_interrupt='raise')")
    error = guests.error(main("http.post('http://a', on_interrupt='wait')"))
    assert (error["type"], "'wait'" in error["message"]) == ("ValueError", True)


@pytest.mark.parametrize(
    ("option", "body", "kind"),
    [
        ("json={'a': [1]}", {"text": '{"a":[1]}'}, "application/json"),
        ("form={'a': 'b c'}", {"text": "a=b+c"}, "application/x-www-form-urlencoded"),
        ("data={'a': 1}", {"text": "a=1"}, "application/x-www-form-urlencoded"),
        ("data='plain'", {"text": "plain"}, "text/plain; charset=utf-8"),
        ("content='plain'", {"text": "plain"}, "text/plain; charset=utf-8"),
        ("content=b'\\xff'", {"base64": "/w=="}, "application/octet-stream"),
    ],
)
def test_bodies(guests: Guests, option: str, body: dict[str, str], kind: str) -> None:
    """Each kind of body goes with its content type, unless the headers name another."""
    request = sent(guests, f"http.post('http://a', {option})")
    assert request["body"] == body
    assert request["headers"] == [["Content-Type", kind]]
    own = sent(guests, f"http.post('http://a', {option}, headers=[('content-type', 'x/y')])")
    assert own["headers"] == [["content-type", "x/y"]]


def test_two_bodies_are_refused(guests: Guests) -> None:
    """A request has one body."""
    error = guests.error(main("http.post('http://a', json=1, content='x')"))
    assert (error["type"], "one body" in error["message"]) == ("ValueError", True)


def test_a_response(guests: Guests) -> None:
    """Status, headers of any case, text, bytes and JSON of a response."""
    script = Script({})
    script.pages["http://a"] = {
        "status": 201,
        "headers": [["Content-Type", "application/json"], ["Set-Cookie", "a"], ["set-cookie", "b"]],
        "body": {"text": '{"n": 1}'},
    }
    body = main(
        "r = http.get('http://a')",
        "return (r.status_code, r.status, r.ok, r.text, r.content, r.json(), r.url, "
        "r.headers['CONTENT-TYPE'], r.headers.get_all('set-cookie'), r.headers.get('none'), "
        "r.raise_for_status() is r, repr(r))",
    )
    assert guests.ok(body, script=script) == (
        201, 201, True, '{"n": 1}', b'{"n": 1}', {"n": 1}, "http://a",
        "application/json", ["a", "b"], None, True, "<Response 201 http://a>",
    )  # fmt: skip


def test_a_binary_response_is_read_by_its_charset(guests: Guests) -> None:
    """Bytes that are not UTF-8 become text by the charset of the content type."""
    script = Script({})
    script.pages["http://a"] = {
        "status": 200,
        "headers": [["Content-Type", "text/plain; charset=latin-1"]],
        "body": {"base64": "/A=="},
    }
    body = main("r = http.get('http://a')", "return r.text, r.content")
    assert guests.ok(body, script=script) == ("ü", b"\xfc")


def test_raise_for_status(guests: Guests) -> None:
    """A status of 400 or above is a response, and an error only when asked for."""
    script = Script({})
    script.pages["http://a"] = {"status": 503, "body": {"text": "busy"}}
    body = main(
        "try: http.get('http://a').raise_for_status()",
        "except flawless.HTTPStatusError as error:",
        "    return str(error), error.response.text, isinstance(error, flawless.HTTPError)",
    )
    assert guests.ok(body, script=script) == ("GET http://a answered 503", "busy", True)


def test_no_response_is_an_error_that_can_be_caught(guests: Guests) -> None:
    """Transport failures are `HTTPError`s of their kind."""
    script = Script({})
    script.pages["http://a"] = {
        "error": {"type": "ConnectError", "module": "flawless", "message": "refused"}
    }
    body = main("try: http.get('http://a')", "except flawless.HTTPError as e: return repr(e)")
    assert guests.ok(body, script=script) == "ConnectError('refused')"


def test_requests_at_the_same_time(guests: Guests) -> None:
    """`.start` of each function gives a future, for plain and async workflows."""
    script = Script({})
    script.pages |= {f"http://{n}": {"status": 200 + n} for n in range(4)}
    body = async_main(
        "one = http.get.start('http://1')",
        "two, three = await asyncio.gather(http.post.start('http://2', json=1), "
        "http.request.start('GET', 'http://3'))",
        "return [r.status_code for r in ((await one), two, three, http.get('http://0'))]",
    )
    assert guests.ok(body, script=script) == [201, 202, 203, 200]


def test_text_that_is_no_text(guests: Guests) -> None:
    """A lone surrogate in a request is an error, and not the end of the guest."""
    for call in ("http.post('http://a', content='\\ud800')", "http.get('http://\\ud800')"):
        assert guests.error(main(call))["type"] in {"UnicodeEncodeError", "ValueError"}
