"""Values as JSON text, from guests, from clients and from stores, against annotations.

The first byte names the annotation that the text is held to, the rest is the text.

What must hold: a text is a value or a `CodecError`; a value can be written, the text is read as the
same value again, and is written the same; and people can be shown every text that is JSON.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import sys
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

from readers import is_a_sentence

from flawless import codec
from flawless.core.values import unreadable
from flawless.server.wire.documents import encoded


class Colour(enum.Enum):
    """An enum of texts."""

    RED = "red"
    BLUE = "blue"


class Right(enum.Flag):
    """A flag."""

    READ = 1
    WRITE = 2


class Point(NamedTuple):
    """A named tuple."""

    x: float
    y: float = 0.0


@dataclass(frozen=True)
class Item:
    """A dataclass that checks itself."""

    sku: str
    price: decimal.Decimal = decimal.Decimal(1)
    tags: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.sku:
            raise ValueError("an item has a name")


@dataclass
class Tree:
    """A dataclass that contains itself."""

    name: str
    children: list[Tree] = field(default_factory=list)


@dataclass
class Plus:
    """A dataclass that only its last field tells from another one."""

    left: Plus | Minus | int
    right: Plus | Minus | int
    op: Literal["+"]


@dataclass
class Minus:
    """The other one."""

    left: Plus | Minus | int
    right: Plus | Minus | int
    op: Literal["-"]


class Note(TypedDict, total=False):
    """A dictionary with known keys."""

    text: str
    at: dt.datetime


class Declined(Exception):
    """An exception of a program."""


ANNOTATIONS: tuple[Any, ...] = (
    *(Any, int, str, float, bool, bytes, complex, None, list, dict, tuple, set),
    *(list[int], dict[int, str], tuple[int, ...], tuple[int, str], set[int], frozenset[str]),
    *(deque[int], Counter[str], OrderedDict[str, int], defaultdict[str, list[int]]),
    *(dt.datetime, dt.date, dt.time, dt.timedelta, decimal.Decimal, uuid.UUID, bytearray),
    *(Colour, Right, Point, Item, Tree, Note, Declined, Exception, Literal["a", 1], int | None),
    *(Item | Point | str, list[Item | None], dict[str, Tree], Mapping[str, Any], Sequence[Colour]),
    *(Plus | Minus | int, list[Minus | Plus]),
)
WORDS = (
    '{"$":"tuple","v":[', '{"$":"set","v":[', '{"$":"frozenset","v":[', '{"$":"deque","v":[1]',
    ',"maxlen":3}', '{"$":"dict","v":[[1,2]]}', '{"$":"ordereddict","v":[', '{"$":"counter","v":[',
    '{"$":"defaultdict","of":"int","v":[["a",1]]}', '{"$":"bytes","v":"YWI="}', '{"$":"bytearray"',
    '{"$":"int","v":"0x8000"}', '{"$":"float","v":"nan"}', '{"$":"complex","v":[1.0,2.0]}',
    '{"$":"datetime","v":"2026-01-02T03:04:05"', ',"zone":"Europe/Berlin"}', ',"offset":[0,3600,0]',
    ',"fold":1', ',"name":"x"', '{"$":"date","v":"2026-01-02"}', '{"$":"time","v":"03:04:00"}',
    '{"$":"timedelta","v":[1,2,0]}', '{"$":"timezone","offset":[0,3600,0]}',
    '{"$":"timezone","zone"', '{"$":"decimal","v":"1.50"}',
    '{"$":"uuid","v":"00000000-0000-0000-0000-000000000001"}',
    '{"$":"enum","c":"fuzz_codec:Colour","n":"RED"}', '{"$":"enum","c":"fuzz_codec:Right","v":3}',
    '{"$":"dataclass","c":"fuzz_codec:Item","f":{"sku":"a"}}',
    '{"$":"dataclass","c":"fuzz_codec:Tree"',
    '{"$":"namedtuple","c":"fuzz_codec:Point","f":{"x":1,"y":2}}', '"price":', '"tags":',
    '"children":[', '{"$":"exception","c":"fuzz_codec:Declined","m":"no","a":["no"],"d":{',
    '"c":"builtins:OSError"', '"c":"builtins:', "KeyError", "UnicodeDecodeError", "StopIteration",
    "ExceptionGroup", "__notes__", "__class__", "__dict__", "1e999", "-0.0", "\\ud800", "\\u0024",
    "null", "true", "9999999999",
)  # fmt: skip


def target(data: bytes) -> None:
    """Read one text."""
    if not data:
        return
    annotation, text = ANNOTATIONS[data[0] % len(ANNOTATIONS)], data[1:]
    show(text)
    for wanted in (Any, annotation):
        try:
            value = codec.loads(text, wanted)
        except codec.CodecError as error:
            is_a_sentence(error)
        else:
            stays_the_same(value)
    calls(text)


def show(text: bytes) -> None:
    """Whatever is JSON can be shown to people, by the API and by the command line."""
    if unreadable(text) is None:
        json.loads(encoded(codec.plain(codec.read(text))))


def stays_the_same(value: Any) -> None:
    """A value that was read is written, and read from that, always alike."""
    try:
        text = codec.dumps(value)
    except codec.CodecError:
        return  # a lone surrogate, say, which JSON has and UTF-8 has not
    text.encode()
    again = codec.dumps(codec.loads(text))
    assert again == text, (text, again)


def calls(text: bytes) -> None:
    """A call is read, or is none."""
    with suppress(codec.CodecError):
        obj = codec.read(text)
        args, kwargs = codec.decode_call(obj)
        codec.encode_call(args, kwargs)
        codec.decode_call(obj, takes)
    with suppress(codec.CodecError):
        codec.bind(takes, codec.read(text))


def takes(
    item: Item, when: dt.datetime | None = None, *points: Point, note: Note | None = None
) -> Tree:
    """Stand in for a workflow: what it takes is what matters."""
    raise AssertionError("it is not called")


sys.modules.setdefault("fuzz_codec", sys.modules[__name__])
