"""Reading requests: bodies within bounds, JSON as typed structs, query parameters by name."""

from __future__ import annotations

import asyncio
import math
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec
from starlette.requests import Request

from flawless import api
from flawless.errors import InputInvalid, ValueTooLarge
from flawless.server.wire.problems import RequestInvalid, RequestTimeout

T = TypeVar("T")

SLACK_BYTES: Final = 64 * 1024
"""What a body may have beyond the value it carries."""
DRAINED_BYTES_MAX: Final = 32 * 1024 * 1024
"""How much of a body that is too large is read all the same, so that its sender hears why."""
BODY_S_MAX: Final = 30.0

JSON: Final = "application/json"
WASM: Final = "application/wasm"

_BOM = b"\xef\xbb\xbf"


async def read_body(
    request: Request, value_bytes_max: int, *, within_s: float = BODY_S_MAX
) -> bytes:
    """Return the body; raises `ValueTooLarge`, or `RequestTimeout` if it does not come."""
    limit = value_bytes_max + SLACK_BYTES
    pieces: list[bytes] = []
    size = _told_size(request)
    if size > max(limit, DRAINED_BYTES_MAX):
        raise ValueTooLarge("the request body", size, limit)
    size = 0
    try:
        async with asyncio.timeout(within_s):
            async for piece in request.stream():
                size += len(piece)
                if size <= limit:
                    pieces.append(piece)
                elif size > DRAINED_BYTES_MAX:
                    break
    except TimeoutError:
        raise RequestTimeout(f"the body did not arrive within {within_s:g} s") from None
    if size > limit:
        raise ValueTooLarge("the request body", size, limit)
    return b"".join(pieces)


def _told_size(request: Request) -> int:
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0


def media_type(request: Request) -> str:
    """Return what the request says that its body is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def expect_json(request: Request, *, alternatives: str = "") -> None:
    """Raise `RequestInvalid` unless the request says that its body is JSON.

    A page of somebody else's cannot make a browser send that without being asked first (CORS).
    """
    if media_type(request) != JSON:
        raise RequestInvalid(
            f"send a JSON body, with the header Content-Type: {JSON}{alternatives}"
        )


def root_of(request: Request) -> str:
    """Return the prefix below which the application is mounted, without a slash at its end."""
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")


def location(request: Request, path: str) -> str:
    """Return where a document of the API is, as `Location` says it: below any mount's prefix."""
    return f"{quote(root_of(request))}{api.PREFIX}{path}"


def parse(body: bytes, type_: type[T]) -> T:
    """Return a JSON body as a struct.

    Raises `RequestInvalid` when it is no JSON, `InputInvalid` naming the field when it has the
    wrong shape.
    """
    try:
        return msgspec.json.decode(body.removeprefix(_BOM), type=type_)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at ")
        field = path.strip("`").removeprefix("$").removeprefix(".")
        where = f"{field}: " if field else ""
        raise InputInvalid(f"the request's body does not fit: {where}{text}", path=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestInvalid(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise RequestInvalid("the body is not valid JSON: it is nested too deeply") from None


class Query:
    """The query of a request: only known parameters, and each at most once unless `repeatable`."""

    def __init__(
        self, request: Request, known: set[str], *, repeatable: frozenset[str] = frozenset()
    ) -> None:
        self._values: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                takes = ", ".join(sorted(known)) or "none"
                raise InputInvalid(
                    f"there is no parameter {name!r} here; this endpoint takes {takes}", path=name
                )
            if name in repeatable:
                self._lists.setdefault(name, []).append(value)
                continue
            if name in self._values:
                raise InputInvalid(f"{name} is given twice", path=name)
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """Return a parameter, or None if it is not given."""
        return self._values.get(name)

    def texts(self, name: str) -> list[str]:
        """Return all values of a repeatable parameter."""
        return self._lists.get(name, [])

    def moment_us(self, name: str) -> int | None:
        """Return a time, RFC 3339 with its zone, in microseconds since the epoch."""
        text = self._values.get(name)
        return None if text is None else moment_us(text, name)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether a parameter is `true`; `default` if it is not given."""
        text = self._values.get(name, "true" if default else "false")
        if text not in ("true", "false"):
            raise InputInvalid(f"{name} is either true or false, not {text!r}", path=name)
        return text == "true"

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """Return a whole number between bounds."""
        text = self._values.get(name)
        if text is None:
            return default
        try:
            # Python reads "1_0" and digits of other scripts as well.
            value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise InputInvalid(
                f"{name} must be a whole number between {least} and {most}, not {text!r}",
                path=name,
            )
        return value

    def seconds(self, name: str, most: float) -> float:
        """Return a length of time in seconds, 0 if it is not given, at most `most`."""
        text = self._values.get(name, "0")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        return bounded_seconds(value, name, most, shown=text)


def moment_us(text: str, name: str) -> int:
    """Return an RFC 3339 time in microseconds since the epoch; raises `InputInvalid`."""
    try:
        return api.microseconds(text)
    except (ValueError, TypeError, OverflowError):  # also one without a zone
        raise InputInvalid(
            f"{name} must be a time with its zone, such as 2026-01-31T12:00:00Z, not {text!r}",
            path=name,
        ) from None


def bounded_seconds(value: float, name: str, most: float, *, shown: str | None = None) -> float:
    """Return `value`, cut to `most`; raises `InputInvalid` unless it is a number of 0 or more."""
    if not 0 <= value < math.inf:
        raise InputInvalid(
            f"{name} must be a number of seconds, 0 or more, not {shown or value}", path=name
        )
    return min(value, most)
