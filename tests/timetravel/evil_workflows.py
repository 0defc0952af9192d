"""Values that fight back when somebody looks at them; whatever they notice goes into a request."""

from __future__ import annotations

import asyncio
import enum
import types
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

from flawless import secret, step, workflow

touched: list[str] = []
"""What was called of the classes below. It is part of every request."""

sorted = max = None  # noqa: A001 (names that hide those of Python, on purpose)


@step
def tell(name: str, noticed: list[str]) -> int:
    """Take what was touched."""
    return len(noticed)


def noticing(name: str) -> Any:
    """Return a method that notes its call and fails."""

    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        touched.append(name)
        raise RuntimeError(name)

    return method


NAMES = """
__repr__ __str__ __format__ __bytes__ __len__ __iter__ __next__ __hash__ __eq__ __ne__ __lt__
__bool__ __contains__ __getitem__ __call__ __int__ __float__ __complex__ __index__ __dir__
__getattr__ __getattribute__ __reversed__ __length_hint__ __reduce_ex__ __sizeof__ items keys
values __fspath__ __abs__ bit_length __await__ __get__ __missing__ tzname utcoffset dst _asdict
as_tuple args isidentifier get_name get_coro
"""
META_NAMES = """
__repr__ __str__ __getattribute__ __instancecheck__ __subclasscheck__ __len__ __iter__ __hash__
__eq__ __ne__ __call__ __contains__ __dir__
"""
EVIL: dict[str, Any] = {name: noticing(name) for name in NAMES.split()}
VIEWS: dict[str, Any] = {
    name: property(noticing(name)) for name in ("__dict__", "__class__", "_fields")
}


class Meta(type):
    """A class of classes that fights back, too."""

    __module__ = property(noticing("meta.__module__"))
    __name__ = property(noticing("meta.__name__"))


for _name in META_NAMES.split():
    setattr(Meta, _name, noticing(f"meta.{_name}"))


def evil(base: Any, meta: type = type, **more: Any) -> Any:
    """Return a class that notices whatever is called of it."""
    return type.__call__(meta, f"Evil{base.__name__}", (base,), {**EVIL, **more})


class Text(str):
    """A text that is a name somewhere."""


for _name in NAMES.split():
    setattr(Text, _name, EVIL[_name])


class Zone(tzinfo):
    """A time zone that fights back."""

    __repr__ = noticing("zone.__repr__")
    utcoffset = tzname = dst = noticing("zone")


class Color(enum.Enum):
    """Colours."""

    RED = 1
    __repr__ = noticing("color.__repr__")
    __str__ = noticing("color.__str__")


@dataclass
class Order:
    """A data class with a value of each kind."""

    id: str
    items: list[Any] = field(default_factory=list)
    __repr__ = noticing("order.__repr__")


class Slotted:
    """Slots, of which one is empty."""

    __slots__ = ("empty", "full")

    def __init__(self) -> None:
        self.full = evil(int)(5)


Pair = namedtuple("Pair", "left right")


def values() -> Iterator[tuple[str, Any]]:
    """Yield all kinds of values that are hard to show."""
    yield "evil object", object.__new__(evil(object))
    bases: list[Any] = [int, float, complex, str, bytes, bytearray, list, tuple, dict, set]
    bases += [frozenset, deque, OrderedDict, defaultdict, Counter, Exception, KeyError]
    bases += [Decimal, Fraction, types.SimpleNamespace]
    for base in bases:
        yield f"evil {base.__name__}", base.__new__(evil(base))
    yield "evil Pair", Pair.__new__(evil(Pair), 1, 2)
    yield "evil datetime", datetime.__new__(evil(datetime), 2026, 1, 1)
    module: Any = types.ModuleType
    yield "evil module", module.__new__(evil(module), "m")
    yield "views", object.__new__(evil(object, **VIEWS))
    bases = [object, int, list, dict, tuple, Exception]
    for base in bases:
        yield f"meta {base.__name__}", base.__new__(evil(base, Meta))
    yield "class", evil(object, Meta)
    yield "class of text", type(Text("Tricky"), (), {})()
    yield "zoned", [datetime(2026, 1, 1, tzinfo=Zone()), time(1, tzinfo=Zone())]
    yield "plain", [datetime(2026, 1, 1, tzinfo=UTC), Decimal("1.5"), Fraction(1, 3), range(3)]
    yield "range", range(evil(int)(3), evil(int)(9))
    yield "enum", Color.RED
    yield "data class", Order("o", [Order("i")])
    yield "slots", Slotted()
    yield "named", Pair(evil(int)(1), evil(list)())
    yield "method", [list.append.__get__(meta()) for meta in (evil(list), list)]
    yield "method of meta", list.append.__get__(list.__new__(evil(list, Meta)))
    yield "bound", types.MethodType(noticing("bound"), evil(object).__new__(evil(object)))
    function = noticing("x")
    function.__qualname__ = function.__name__ = Text("tricky")
    yield "function", function
    yield "error", ValueError(evil(str)("x"), evil(object).__new__(evil(object)))
    yield from large()
    yield from unfinished()


def large() -> Iterator[tuple[str, Any]]:
    """Yield what is too large to be shown."""
    yield "huge int", 10**100_000
    yield "huge ints", [range(10**5_000), Decimal(10**5_000), Fraction(10**5_000, 7)]
    yield "long text", "x" * 10_000_000
    yield "long bytes", bytes(10_000_000)
    yield "long list", [None] * 1_000_000
    yield "large dict", dict.fromkeys(range(1_000_000))
    yield "large set", set(range(100_000))
    yield "wide", [[["w" * 1_000] * 9] * 9] * 9
    yield "wide object", types.SimpleNamespace(**{"n" * 5_000 + str(n): n for n in range(500)})
    yield "long name", type("N" * 100_000, (), {})()
    nested: list[Any] = []
    for _ in range(50_000):
        nested = [nested]
    yield "nested", nested
    cycle: dict[str, Any] = {"list": []}
    cycle["list"].append(cycle)
    cycle["self"] = cycle
    yield "cycle", cycle
    order = Order("cyclic")
    order.items.append(order)
    yield "cyclic object", order
    yield "surrogates", ["\ud800", {"\udfff": "\ud83d"}]


def unfinished() -> Iterator[tuple[str, Any]]:
    """Yield what was never initialised."""
    kinds: list[Any] = [Slotted, Order, Decimal, deque, Exception, asyncio.Lock]
    for kind in kinds:
        yield f"new {kind.__name__}", kind.__new__(kind)
    yield "new Fraction", object.__new__(Fraction)
    yield "generator", (n for n in [1])
    yield "in list", [object.__new__(Fraction), object.__new__(Slotted)]


@workflow
def look_at_me() -> list[str]:
    """Hold each value for a while; what was touched of it is told."""
    for name, value in values():
        hold(name, value)
        tell("gone", [])
        del value
    return touched


def hold(name: str, value: Any) -> None:
    """Stand here with a value."""
    tell(name, touched)


@workflow
def with_secret() -> str:
    """Know a secret, in several places."""
    key = secret("STRIPE")
    inside = {"authorization": f"Bearer {key}", "list": [key]}
    tell("secret", [])
    return str(len(inside))


@workflow
def deep(depth: int) -> int:
    """Stand far down."""
    return down(depth)


def down(depth: int) -> int:
    """Go further down."""
    local = "x" * depth
    if depth == 0:
        return tell("bottom", [])
    return down(depth - 1) + len(local) * 0


source = "\n".join(f"    local_{n} = {n}" for n in range(10_000))
source = f"def many() -> int:\n{source}\n    return tell('many', [])"
exec(compile(source, noticing.__code__.co_filename, "exec"))


@workflow
def many_locals() -> int:
    """Have more variables than anybody reads."""
    return many()  # type: ignore[name-defined, no-any-return]  # noqa: F821 (made above)


class Namespace(dict[str, Any]):
    """What a class body has its names in."""

    items = keys = values = __iter__ = __repr__ = __len__ = noticing("namespace")


class Prepared(type):
    """A class of classes with a namespace of its own."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **options: Any) -> Any:
        return Namespace()


@workflow
def class_body() -> list[str]:
    """Stand in the body of a class."""

    try:

        class Inside(metaclass=Prepared):
            number = 1
            told = tell("body", touched)

    except RuntimeError as error:
        touched.append(str(error))
    return touched


class Awaitable:
    """Something of the user's to wait for."""

    def __await__(self) -> Any:
        yield from asyncio.sleep(0.001).__await__()

    __getattr__ = noticing("awaitable.__getattr__")


class Named(asyncio.Task[Any]):
    """A task of the user's."""

    get_name = noticing("task.get_name")
    get_coro = noticing("task.get_coro")


async def waiting() -> None:
    """Wait for it."""
    await Awaitable()


@workflow
async def awaiting() -> list[str]:
    """Have tasks that stand in something of the user's."""
    asyncio.get_running_loop().set_task_factory(lambda loop, coro, **_: Named(coro, loop=loop))
    other = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    tell("waiting", touched)
    await other
    tell("done", touched)
    return touched
