"""The answers file: what effects beyond a journal's end come to, for a "what if".

    {
      "now": "2026-12-01T09:00:00Z",
      "answers": [
        {"effect": "step app.charge", "ok": "receipt-7"},
        {"effect": "GET https://stock.example/*", "ok": {"status": 200, "json": {"left": 3}}},
        {"effect": "receive confirm", "ok": {"yes": true}},
        {"effect": "step app.refund", "error": {"type": "ValueError", "message": "too late"}},
        {"effect": "step app.notify", "ok": null, "repeat": true}
      ]
    }

A list stands for its `answers`. An effect is named as `flawless show` names it; `*` stands for
anything, and a number for the effect with that number in what `flawless replay` prints. Each answer
is used once, the first that fits; with `repeat` as often as it fits. docs/guides/changing-code.md
has all of it.
"""

from __future__ import annotations

import base64
import binascii
import builtins
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from flawless import codec, errors
from flawless.core.protocol import (
    CancelRequest,
    EffectRequest,
    ExecuteRequest,
    HttpRequest,
    ParkRequest,
    ReceiveRequest,
    SendRequest,
    SleepRequest,
    StepRequest,
    label,
)
from flawless.errors import UsageError

BYTES_MAX: Final = 64 * 1024 * 1024
ANSWERS_MAX: Final = 100_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS: Final = ("effect", "ok", "error", "repeat")
_RESPONSE_FIELDS: Final = ("status", "headers", "url", "json", "text", "base64")
_ERROR_FIELDS: Final = ("type", "module", "message", "traceback", "value", "fields")


class AnswersInvalid(UsageError):
    """An answers file is not as it has to be; `where` may be what the reason speaks of."""

    def __init__(self, where: str, reason: str, *, subject: bool = False) -> None:
        super().__init__(f"{where} {reason}" if subject else f"{where}: {reason}")
        self.where = where
        self.reason = reason


@dataclass(slots=True)
class Answer:
    """What one effect comes to; of `ok` and `error` one is set, as JSON."""

    where: str
    """The place in the file, for people."""
    effect: str | int
    ok: bytes | None = None
    error: bytes | None = None
    repeat: bool = False
    used: int = 0

    def fits(self, names: Sequence[str], number: int) -> bool:
        """Whether this answers an effect with these names, and that number."""
        if self.used and not self.repeat:
            return False
        if isinstance(self.effect, int):
            return self.effect == number
        if "*" not in self.effect:
            return self.effect in names
        pattern = ".*".join(map(re.escape, self.effect.split("*")))
        return any(re.fullmatch(pattern, name, re.DOTALL) for name in names)

    def outcome(self, request: EffectRequest) -> tuple[bool, bytes]:
        """Return whether it failed, and the payload, in the form of the journal.

        Raises `AnswersInvalid` when the value is none that such an effect can have.
        """
        if self.error is not None:
            return True, _error(self.error, self.where)
        assert self.ok is not None
        if isinstance(request, HttpRequest):
            return False, _response(self.ok, request.url, self.where)
        return False, self.ok


class Answers:
    """All answers, in the order of the file, and the time at which the journal's end is passed."""

    def __init__(self, answers: Sequence[Answer] = (), now_us: int | None = None) -> None:
        self._answers = list(answers)
        self.now_us = now_us

    def take(self, request: EffectRequest, number: int) -> Answer | None:
        """Return the first answer for an effect, which is used by that; None if there is none."""
        names = names_of(request)
        for answer in self._answers:
            if answer.fits(names, number):
                answer.used += 1
                return answer
        return None

    def reset(self) -> None:
        """Begin anew: nothing is used."""
        for answer in self._answers:
            answer.used = 0

    @property
    def unused(self) -> list[Answer]:
        """Those that no effect has asked for."""
        return [answer for answer in self._answers if not answer.used]


def names_of(request: EffectRequest) -> list[str]:
    """Return all names by which an answer may mean an effect; the label comes first."""
    names = [label(request)]
    match request:
        case StepRequest(name=name):
            names.append(name)
        case HttpRequest(method=method, url=url):
            names += (f"{method} {url}", url)
        case ReceiveRequest(names=wanted):
            names += [f"receive {name}" for name in wanted]
        case SendRequest(name=name):
            names.append(f"send {name}")
        case ExecuteRequest(workflow=workflow, child=child):
            names += (f"start {workflow}", workflow, child)
        case CancelRequest() | ParkRequest() | SleepRequest():
            pass
    return names


def message_name(answer: Answer, request: ReceiveRequest) -> str:
    """Return the name of the message that answers a receiver.

    Raises `AnswersInvalid` when it could be several: then the answer has to say which.
    """
    text = answer.effect
    if isinstance(text, str) and "*" not in text and text.startswith("receive "):
        name = text.removeprefix("receive ")
        if name in request.names or (not request.names and name != "any message"):
            return name
    if len(request.names) == 1:
        return request.names[0]
    wanted = " or ".join(f'"receive {name}"' for name in request.names) or '"receive NAME"'
    raise AnswersInvalid(answer.where, f"say which message it is: {wanted}")


# --- reading --------------------------------------------------------------------------------------


def read_answers(path: str | Path) -> Answers:
    """Read an answers file. Raises `AnswersInvalid` with the place of what is wrong."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise AnswersInvalid(str(path), reason, subject=True) from error
    if len(data) > BYTES_MAX:
        raise AnswersInvalid(str(path), f"has more than {BYTES_MAX:,} bytes", subject=True)
    return parse_answers(data, str(path))


def parse_answers(data: bytes, name: str = "answers") -> Answers:
    """Return the answers in a JSON text; `name` is what to call it in errors."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswersInvalid(name, f"is not valid JSON: {error}", subject=True) from None
    now_us = None
    if isinstance(document, dict):
        extra = sorted(document.keys() - {"answers", "now"})
        if extra or "answers" not in document:
            what = f"has {extra[0]!r}" if extra else "has no 'answers'"
            raise AnswersInvalid(
                name,
                f'{what}: write {{"answers": [...]}}, with "now" if you like, or a list',
                subject=True,
            )
        now_us = _moment(document.get("now"), name)
        document = document["answers"]
    if not isinstance(document, list):
        raise AnswersInvalid(
            name, 'write a list, as in [{"effect": "step app.charge", "ok": "receipt-7"}]'
        )
    if len(document) > ANSWERS_MAX:
        raise AnswersInvalid(
            name, f"has more than {ANSWERS_MAX:,} answers: use repeat", subject=True
        )
    return Answers(
        [_answer(one, f"{name}, answer {n + 1}") for n, one in enumerate(document)], now_us
    )


def _answer(given: Any, where: str) -> Answer:
    if not isinstance(given, dict):
        raise AnswersInvalid(where, 'write an object, as in {"effect": "step app.charge", "ok": 7}')
    extra = sorted(given.keys() - set(_FIELDS))
    if extra:
        raise AnswersInvalid(where, f"there is no {extra[0]!r}: an answer has {', '.join(_FIELDS)}")
    effect = given.get("effect")
    if not isinstance(effect, int | str) or isinstance(effect, bool) or effect == "":
        raise AnswersInvalid(
            where,
            'effect names what is answered: "step app.charge", "GET https://...", "receive ..."',
        )
    if ("ok" in given) == ("error" in given):
        raise AnswersInvalid(where, "say either ok, with a value, or error")
    repeat = given.get("repeat", False)
    if not isinstance(repeat, bool):
        raise AnswersInvalid(where, "repeat is true or false")
    made = Answer(where, effect, repeat=repeat)
    if "ok" in given:
        made.ok = msgspec.json.encode(given["ok"])
    else:
        made.error = msgspec.json.encode(given["error"])
        _error(made.error, where)
    return made


def _moment(text: Any, name: str) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise AnswersInvalid(
            name, f'now is a time with its offset, as in "2026-12-01T09:00:00Z", not {text!r}'
        )
    return (moment - _EPOCH) // timedelta(microseconds=1)


# --- values, as the journal would have them -------------------------------------------------------


def _response(ok: bytes, url: str, where: str) -> bytes:
    """Return a response as the guest gets it, of what is pleasant to write."""
    given = msgspec.json.decode(ok)
    if isinstance(given, int) and not isinstance(given, bool):
        given = {"status": given}
    if not isinstance(given, dict) or given.keys() - set(_RESPONSE_FIELDS) - {"body"}:
        raise AnswersInvalid(
            where,
            "a response is an object of status, headers and one of json, text and base64, as in "
            '{"status": 200, "json": {"left": 3}}',
        )
    status = given.get("status", 200)
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise AnswersInvalid(where, f"a status is a number of 100 to 599, not {status!r}")
    body, kind = _body(given, where)
    headers = _headers(given.get("headers", {}), where)
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(["content-type", kind])
    value = {"status": status, "url": str(given.get("url", url)), "headers": headers, "body": body}
    return codec.dumps(value).encode()


def _body(given: dict[str, Any], where: str) -> tuple[dict[str, str], str]:
    held = [name for name in ("json", "text", "base64", "body") if name in given]
    if len(held) > 1:
        raise AnswersInvalid(where, f"a response has one of {' and '.join(held)}")
    if not held:
        return {"text": ""}, ""
    content = given[held[0]]
    if held[0] == "json":
        return {"text": msgspec.json.encode(content).decode()}, "application/json"
    if held[0] == "body":  # as the journal has it
        if isinstance(content, dict) and len(content) == 1 and content.keys() <= {"text", "base64"}:
            return _body(content, where)
        raise AnswersInvalid(where, 'a body is {"text": ...} or {"base64": ...}')
    if not isinstance(content, str):
        raise AnswersInvalid(where, f"{held[0]} is a text; for a JSON body write json")
    if held[0] == "base64":
        try:
            base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise AnswersInvalid(where, f"base64 is not valid: {error}") from None
    return {held[0]: content}, ""


def _headers(given: Any, where: str) -> list[list[str]]:
    pairs = list(given.items()) if isinstance(given, dict) else given
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(x, str) for x in pair)
        for pair in pairs
    ):
        raise AnswersInvalid(where, 'headers are texts by name, as in {"etag": "7"}')
    return [list(pair) for pair in pairs]


def _error(given: bytes, where: str) -> bytes:
    """Return an error object of the protocol."""
    error = msgspec.json.decode(given)
    if isinstance(error, str):
        kind, colon, message = error.partition(": ")
        named = bool(colon) and all(part.isidentifier() for part in kind.split("."))
        error = {"type": kind, "message": message} if named else {"message": error}
    if not isinstance(error, dict) or error.keys() - set(_ERROR_FIELDS):
        raise AnswersInvalid(
            where, 'an error is {"type": "ValueError", "message": "..."}, or "ValueError: ..."'
        )
    kind, message = error.get("type", "Exception"), error.get("message", "")
    if not isinstance(kind, str) or not kind or not isinstance(message, str):
        raise AnswersInvalid(where, "type and message of an error are texts")
    module, _, name = kind.rpartition(".")
    module = str(error.get("module", module)) or _module_of(name)
    made = error | {"type": name, "module": module, "message": message}
    if module != "flawless" and "value" not in made:
        args = [message] if message else []
        made["value"] = {"$": "exception", "c": f"{module}:{name}", "m": message, "a": args}
    return msgspec.json.encode(made)


def _module_of(name: str) -> str:
    if isinstance(getattr(errors, name, None), type):
        return "flawless"
    return "builtins" if isinstance(getattr(builtins, name, None), type) else "__main__"
