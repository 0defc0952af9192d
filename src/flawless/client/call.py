"""A request to a server as a value: what is sent, how the answer is read, may it be repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from flawless.errors import InputInvalid
from flawless.ids import execution_id

T = TypeVar("T")
U = TypeVar("U")

Query = tuple[tuple[str, str | int | float], ...]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read.

    It may be repeated when doing it twice is doing it once: it only looks, or it carries an id by
    which the server knows it again.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    """Returns the answer; raises `msgspec.DecodeError` if it is none."""
    query: Query = ()
    body: bytes | None = None
    wait_s: float = 0.0
    """How long the server may wait before it answers."""
    repeatable: bool = False
    """Whether sending it again is safe, though nobody knows if the first one arrived."""
    also: int | None = None
    """A status that carries the answer too, though it is no success."""
    within_s: float | None = None
    """How long its caller has for all attempts; then `TimeOver` is raised. None: no such bound."""
    media: str = "application/json"
    """What the body is."""

    def __iter__(self) -> Generator[Call[Any], Any, T]:
        """Ask, within a plan: `answer = yield from call`."""
        answer: T = yield self
        return answer

    def then(self, pick: Callable[[T], U]) -> Call[U]:
        """Return the call that gives what `pick` makes of the answer."""
        return Call(
            self.method,
            self.path,
            lambda body: pick(self.read(body)),
            self.query,
            self.body,
            self.wait_s,
            self.repeatable,
            self.also,
            self.within_s,
            self.media,
        )


def get(
    path: str,
    type_: type[T],
    *query: tuple[str, str | int | float],
    wait_s: float = 0.0,
    also: int | None = None,
) -> Call[T]:
    """Return a call that looks, which may always be repeated."""
    return Call("GET", path, _reader(type_), query, wait_s=wait_s, repeatable=True, also=also)


def post(
    path: str,
    body: Mapping[str, Any],
    type_: type[T],
    *,
    wait_s: float = 0.0,
    repeatable: bool = False,
) -> Call[T]:
    """Return a call that acts, with a JSON body; raises `InputInvalid` for what is not JSON."""
    try:
        # Not with msgspec alone, which writes a NaN as null.
        text = json.dumps(msgspec.to_builtins(body), ensure_ascii=False, allow_nan=False)
        content = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputInvalid(f"what is to be sent is not JSON: {error}") from error
    return Call("POST", path, _reader(type_), body=content, wait_s=wait_s, repeatable=repeatable)


def post_content(
    path: str,
    content: bytes,
    media: str,
    type_: type[T],
    *query: tuple[str, str],
    wait_s: float = 0.0,
) -> Call[T]:
    """Return a call that sends bytes as they are. It may be repeated."""
    return Call(
        "POST",
        path,
        _reader(type_),
        query,
        bytes(content),
        wait_s=wait_s,
        repeatable=True,
        media=media,
    )


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that were given: neither None nor `UNSET`."""
    return {k: v for k, v in fields.items() if v is not None and v is not msgspec.UNSET}


def path_of(id: str, tail: str = "") -> str:  # noqa: A002 (the word of the API)
    """Return the path of an execution, or of an earlier run (`ID~1`); raises `InputInvalid`."""
    id_, separator, run = id.partition("~")
    if separator and not (run.isascii() and run.isdigit()):
        raise InputInvalid(f"{id!r} is no id: an earlier run is written ID~1", path="id")
    return f"/executions/{quote(execution_id(id_), safe='')}{separator}{run}{tail}"


def moment(value: datetime | None, name: str) -> str | None:
    """Return a time as the API writes it; raises `InputInvalid` for one without a time zone."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise InputInvalid(f"{name} needs a time zone, as in datetime.now(UTC)", path=name)
    return value.isoformat()


def _reader(type_: type[T]) -> Callable[[bytes], T]:
    return lambda body: msgspec.json.decode(body, type=type_)
