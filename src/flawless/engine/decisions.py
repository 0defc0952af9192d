"""What a person's answer means as the outcome of an effect."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from flawless.errors import InputInvalid

_HTTP_LABEL = re.compile(r"[A-Z]+ https?://")
_RESPONSE_FIELDS = {"status", "url", "headers", "body"}


def as_outcome(label: str, ok: bytes) -> bytes:
    """Return the outcome that the JSON `ok` stands for: a value, or for a request a response.

    A response may be written as the protocol has it, or short: `{"status": 201}`, or just the JSON
    that the body is to hold (status 200). Raises `InputInvalid` when a field cannot be so.
    """
    if not _HTTP_LABEL.match(label):
        return ok
    value: Any = msgspec.json.decode(ok)
    if not isinstance(value, dict) or "status" not in value or set(value) - _RESPONSE_FIELDS:
        value = {"body": value}
    _check(value)
    body, headers = value.get("body", ""), value.get("headers", [])
    if isinstance(headers, dict):
        headers = [[str(name), str(text)] for name, text in headers.items()]
    if not (isinstance(body, dict) and set(body) in ({"text"}, {"base64"})):
        if not isinstance(body, str):
            body = msgspec.json.encode(body).decode()
            headers = [*headers, ["content-type", "application/json"]]
        body = {"text": body}
    response = {
        "status": value.get("status", 200),
        "url": value.get("url", label.partition(" ")[2]),
        "headers": headers,
        "body": body,
    }
    return msgspec.json.encode(response)


def _check(response: dict[str, Any]) -> None:
    status, headers = response.get("status", 200), response.get("headers", [])
    if type(status) is not int or not 100 <= status <= 599:
        raise InputInvalid(f"a response's status is from 100 to 599, not {status!r}", path="ok")
    if not isinstance(response.get("url", ""), str):
        raise InputInvalid("a response's url is a text", path="ok")
    pairs = [] if isinstance(headers, dict) else headers
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)
        for pair in pairs
    ):
        raise InputInvalid("a response's headers are an object, or pairs of texts", path="ok")
