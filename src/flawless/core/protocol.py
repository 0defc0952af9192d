"""What a guest may ask, as types; docs/reference/protocol.md explains each field.

Requests only ever gain optional fields: a component built years ago must run on today's engine.
Unknown fields are ignored, unknown operations are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeGuard

import msgspec

from flawless.errors import GuestTrapped

VERSION = 1

_LABEL_CHARS_MAX = 200

# Numbers that end up in a journal have bounds: a larger one could not be written.
EffectId: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
TimeUs: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
LogLevel: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31)]


class StepRequest(msgspec.Struct, frozen=True, tag_field="op", tag="step"):
    """Run a native step."""

    id: EffectId
    name: str
    args: msgspec.Raw
    start: bool = False


class HttpRequest(msgspec.Struct, frozen=True, tag_field="op", tag="http"):
    """Send an HTTP request."""

    id: EffectId
    method: str
    url: str
    headers: list[tuple[str, str]] = []
    body: dict[str, str] | None = None
    timeout_s: float = 30.0
    max_bytes: int | None = None
    max_redirects: int = 10
    idempotent: bool = False
    start: bool = False
    on_interrupt: str = "raise"


class SleepRequest(msgspec.Struct, frozen=True, tag_field="op", tag="sleep"):
    """Wait for a time; a started one is a timer."""

    id: EffectId
    seconds: float
    start: bool = False


class ReceiveRequest(msgspec.Struct, frozen=True, tag_field="op", tag="receive"):
    """Wait for a message with one of these names, or with any; always started."""

    id: EffectId
    names: list[str] = []


class SendRequest(msgspec.Struct, frozen=True, tag_field="op", tag="send"):
    """Send a message to an execution."""

    id: EffectId
    to: str
    name: str
    payload: msgspec.Raw
    start: bool = False


class ExecuteRequest(msgspec.Struct, frozen=True, tag_field="op", tag="execute"):
    """Start a child execution; always started, and its end is the effect's outcome.

    `child` is its id, `close` what becomes of it when its parent ends.
    """

    id: EffectId
    workflow: str
    args: msgspec.Raw
    child: str
    close: Literal["wait", "cancel", "abandon"] = "wait"
    deadline_s: float | None = None


class CancelRequest(msgspec.Struct, frozen=True, tag_field="op", tag="cancel"):
    """Ask another execution to cancel."""

    id: EffectId
    execution: str
    reason: str = ""
    start: bool = False


class ParkRequest(msgspec.Struct, frozen=True, tag_field="op", tag="park"):
    """Wait for a person's decision."""

    id: EffectId
    label: str


class PublishRequest(msgspec.Struct, frozen=True, tag_field="op", tag="publish"):
    """Set the visible state."""

    value: msgspec.Raw


class RespondRequest(msgspec.Struct, frozen=True, tag_field="op", tag="respond"):
    """Answer whoever started the execution."""

    value: msgspec.Raw


class SecretRequest(msgspec.Struct, frozen=True, tag_field="op", tag="secret"):
    """Get the placeholder of a secret; never journaled."""

    name: str


class NextRequest(msgspec.Struct, frozen=True, tag_field="op", tag="next"):
    """Wait for the next completion of a started effect, or until a time."""

    until: TimeUs | None = None
    poll: bool = False


class DropRequest(msgspec.Struct, frozen=True, tag_field="op", tag="drop"):
    """Lose interest in a started effect."""

    id: EffectId


class LogRequest(msgspec.Struct, frozen=True, tag_field="op", tag="log"):
    """Log a message; `level` as in the standard library's logging."""

    level: LogLevel
    logger: str
    message: str


class ClockRequest(msgspec.Struct, frozen=True, tag_field="op", tag="clock"):
    """Read the clock."""


class LoadRequest(msgspec.Struct, frozen=True, tag_field="op", tag="load"):
    """Get a module's code; answered from the deployment, never journaled."""

    name: str


class SourceRequest(msgspec.Struct, frozen=True, tag_field="op", tag="source"):
    """Get a module's source text for a traceback; never journaled."""

    name: str


class Frame(msgspec.Struct, frozen=True):
    """One level of the guest's call stack."""

    file: str
    line: int
    function: str = ""
    text: str = ""


class WhereRequest(msgspec.Struct, frozen=True, tag_field="op", tag="where"):
    """The guest tells where it stands, after the host answered `{"where": true}`."""

    frames: list[Frame] = []


Performable: TypeAlias = StepRequest | HttpRequest | SendRequest | CancelRequest
"""What the engine performs and reports the outcome of."""

Question: TypeAlias = LoadRequest | SourceRequest | SecretRequest
"""What has the same answer whenever it is asked, and so is not journaled."""

EffectRequest: TypeAlias = (
    Performable | SleepRequest | ReceiveRequest | ExecuteRequest | ParkRequest
)
Request: TypeAlias = (
    EffectRequest
    | Question
    | PublishRequest
    | RespondRequest
    | NextRequest
    | DropRequest
    | LogRequest
    | ClockRequest
    | WhereRequest
)

_QUESTIONS = frozenset({LoadRequest, SourceRequest, SecretRequest})


def is_question(request: Request) -> TypeGuard[Question]:
    """Tell whether this is a question. (With structs, `isinstance` is quick only if it is true.)"""
    return type(request) in _QUESTIONS


_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)


def decode_request(raw: bytes) -> Request:
    """Return the request in `raw`; raises `GuestTrapped` when it is none of this protocol."""
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        if (log := _odd_log_request(raw)) is not None:
            return log
        shown = raw[:200].decode("utf-8", "replace")
        raise GuestTrapped(
            f"the guest asked for something this engine does not know ({error}): {shown}. "
            "Was it built for a newer engine?"
        ) from error


def _odd_log_request(raw: bytes) -> LogRequest | None:
    """Read a log message with lone surrogates, which Python strings may hold and JSON may not.

    Printing an odd file name must not stop a workflow; the surrogates are shown as `?`.
    """
    try:
        fields = json.loads(raw)
        if fields["op"] != "log":
            return None
        for name in ("logger", "message"):
            fields[name] = fields[name].encode("utf-8", "replace").decode()
        return msgspec.convert(fields, LogRequest)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def fingerprint(raw: bytes) -> int:
    """Return 64 bits that tell one request from another.

    A guest is deterministic, so on replay its requests are the same bytes; BLAKE2b (RFC 7693) over
    them makes an accidental match as unlikely as 2**-64.
    """
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")


def label(request: EffectRequest) -> str:
    """Return what a person calls this effect: `step app.charge`, `GET http://host/path`.

    A URL's query, fragment and user part are left out: they may hold secrets. Characters that a
    terminal or a log would not show are replaced; what is longer than a line is cut.
    """
    match request:
        case StepRequest():
            return _line(f"step {request.name}")
        case HttpRequest():
            return _line(f"{request.method} {public_url(request.url)}")
        case SleepRequest():
            return "sleep"
        case ReceiveRequest():
            return _line("receive " + (", ".join(request.names) or "any message"))
        case SendRequest():
            return _line(f"send {request.name} to {request.to}")
        case ExecuteRequest():
            return _line(f"start {request.workflow} as {request.child}")
        case CancelRequest():
            return _line(f"cancel {request.execution}")
        case ParkRequest():
            return _line(request.label)


def error_object(type_: str, message: str, *, module: str = "flawless", **fields: Any) -> bytes:
    """Return the JSON of an error that the host itself reports to the guest."""
    error: dict[str, Any] = {"type": type_, "module": module, "message": message}
    if fields:
        error["fields"] = fields
    return msgspec.json.encode(error)


def stopped_object(type_: str, message: str, lines: Sequence[str]) -> bytes:
    """Return the JSON of an error by which the host stopped the guest, with where that was."""
    traceback = "\n".join((f"{type_}: {message}", *lines, ""))
    error = {"type": type_, "module": "flawless", "message": message, "traceback": traceback}
    return msgspec.json.encode(error | {"stopped": True})


def public_url(url: str) -> str:
    bare = url.split("#", 1)[0].split("?", 1)[0]
    scheme, separator, rest = bare.partition("://") if "://" in bare else ("", "", bare)
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _line(text: str) -> str:
    shown = text[:_LABEL_CHARS_MAX]
    return shown if shown.isprintable() else "".join(c if c.isprintable() else "?" for c in shown)
