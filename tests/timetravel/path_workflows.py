"""Workflows of many constructs, whose paths are compared with those of a native run.

Nothing in them depends on the order of a set or on an address: those differ between the guest and
any other Python, and are no matter of the path told afterwards.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flawless import step, workflow


@step
def double(number: int) -> int:
    """Twice as much."""
    return 2 * number


@step
def refuse(text: str) -> str:
    """Fail, always."""
    raise LookupError(text)


@workflow
def loops(count: int) -> list[int]:
    """Loops with and without an end, `else`, `break` and `continue`."""
    found = []
    for number in range(count):
        if number % 3 == 0:
            continue
        if number % 5 == 0:
            found.append(-number)
        else:
            found.append(number)
    else:
        found.append(99)
    left = count
    while left > 0:
        left -= 2
        if left == 1:
            break
    else:
        found.append(left)
    while True:
        left += 1
        if left > 3:
            break
    for outer in range(3):
        for inner in range(3):
            if inner > outer: break  # noqa: E701 (a line that is two)  # fmt: skip
            found.append(10 * outer + inner)
    while (half := left // 2) > 0:
        left = half
    found.append(1
        if found
        else 2)  # fmt: skip
    return found


class Shape(Enum):
    """Something to match."""

    ROUND = "round"
    FLAT = "flat"


@dataclass
class Point:
    """Something to match, too."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.x > 100:
            raise ValueError("too far")

    @property
    def size(self) -> int:
        """How far it is."""
        return abs(self.x) + abs(self.y)

    @classmethod
    def twin(cls, other: Point) -> Point:
        """Return another one like it."""
        return cls(
            other.x,
            other.y,
        )

    def __lt__(self, other: Point) -> bool:
        return self.size < other.size


class Corner(Point):
    """One of its own kind."""

    kinds = ("left", "right")

    def __getattr__(self, name: str) -> str:
        if name.startswith("is_"):
            return name[3:]
        raise AttributeError(name)

    @property
    def size(self) -> int:
        """How far it is, and more."""
        return super().size + 1


def described(value: Any) -> str:
    """Tell what something is like."""
    match value:
        case None:
            return "nothing"
        case int() | float() if value < 0:
            return "negative"
        case Point(x=0, y=0):
            return "origin"
        case Point(x=x, y=y) if x == y:
            return f"diagonal {x}"
        case Point():
            return "point"
        case {"kind": kind, **rest}:
            return f"{kind} and {len(rest)}"
        case [first, *_]:
            return f"list of {first}"
        case Shape.ROUND | "round":
            return "round"
        case _:
            return "other"


@workflow
def classes(given: dict[str, Any]) -> list[Any]:
    """Classes, data classes, properties, patterns."""
    things: list[Any] = [None, -1, Point(0), Point(2, 2), Point(1, 2), {"kind": 1, "a": 2}, [3]]
    told = [described(thing) for thing in things]
    told += map(described, [Shape.ROUND, Shape.FLAT, given, "round"])
    corner = Corner(3, tags=["a"])
    told.append(corner.is_left + str(Corner.twin(corner).size))
    for far in (50, 101):
        try:
            Point(far)
        except ValueError as error:
            told.append(str(error))
    least = min([Point(5), corner, Point(-2)])
    ordered = sorted([Point(5), Point(1), Point(3)], key=lambda p: p.size)

    class Local:
        """One that is made here."""

        number = double(4)

        def __init__(self) -> None:
            self.doubled = double(self.number)

    return [*told, least.x, [p.x for p in ordered], Local().doubled]


def countdown(number: int) -> Generator[int, None, None]:
    """Yield numbers down to 1, and tell what was thrown in."""
    try:
        while number:
            yield number
            number -= 1
    finally:
        log.append("end of countdown")


log: list[str] = []


def echoing() -> Generator[int, int, str]:
    """Add up what is sent."""
    total = 0
    while True:
        try:
            got = yield total
        except KeyError:
            return f"{total} in all"
        total += got


def delegating() -> Generator[int, int, str]:
    """Leave it to others."""
    told = yield from echoing()
    yield from countdown(2)
    return told


@workflow
def comprehensions(count: int) -> list[Any]:
    """Comprehensions and generators, lazily and not."""
    squares = [n * n for n in range(count) if n % 2]
    pairs = {(a, b): a * b for a in range(3) for b in range(a)}
    lengths = {len(word) for word in ("a", "bb", "cc")}
    table = [[row * column for column in range(3)] for row in range(2)]
    several = [
        double(n)
        for n in range(4)
        if n != 2
    ]  # fmt: skip
    lazy = (n + 1 for n in squares)
    first = next(lazy)
    rest = sum(lazy)
    lengthy = sum(
        double(n) + part
        for n in squares
        for part in (1, 2)
        if n != 3
    )  # fmt: skip
    drained = [*countdown(3), lengthy]
    cut = countdown(9)
    next(cut)
    cut.close()
    mixed = delegating()
    next(mixed)
    mixed.send(5)
    mixed.send(6)
    ends = [mixed.throw(KeyError("stop")), *mixed]
    total = any(double(n) > 4 for n in range(9))
    return [squares, len(pairs), sorted(lengths), table, several, first, rest, drained, ends, total]


class Opened:
    """A context manager that may swallow what goes wrong."""

    def __init__(self, name: str, swallow: bool) -> None:
        self.name = name
        self.swallow = swallow

    def __enter__(self) -> Opened:
        log.append(f"enter {self.name}")
        return self

    def __exit__(self, *error: object) -> bool | None:
        log.append(f"exit {self.name}")
        return self.swallow


@contextlib.contextmanager
def borrowed(name: str) -> Iterator[str]:
    """Lend something."""
    log.append(f"lend {name}")
    try:
        yield name
    except ZeroDivisionError:
        log.append("divided")
    finally:
        log.append(f"back {name}")


def deep(depth: int) -> int:
    """Fail far down."""
    if depth == 0:
        raise ArithmeticError("at the bottom")
    try:
        return 1 + deep(depth - 1)
    except ArithmeticError:
        if depth == 2:
            raise RuntimeError("on the way") from None
        raise
    finally:
        log.append(f"left {depth}")


def early(number: int) -> int:
    """Return from inside of things."""
    for n in range(number):
        try:
            if n == 1:
                return n
        finally:
            log.append("finally")
    with Opened("early", False) as opened:
        return -1 if opened.swallow else -2


@workflow
def exceptions(count: int) -> list[str]:
    """Errors raised, caught, passed through and swallowed; `with` and `finally`."""
    log.clear()
    for number in range(count):
        try:
            10 // number
        except ZeroDivisionError:
            log.append("zero")
        except ArithmeticError:
            log.append("never")
        else:
            log.append("fine")
        finally:
            log.append("done")
    with Opened("outer", True), Opened("inner", False) as inner:
        log.append(inner.name)
        raise KeyError("swallowed")
    with (
        Opened("a", False),
        Opened("b", False),
    ):
        log.append("both")
    with borrowed("book") as book:
        log.append(book)
        log.append(str(1 // len(log[0][9:])))
    with contextlib.suppress(ValueError):
        int("x")
        log.append("never")
    try:
        deep(4)
    except RuntimeError as error:
        log.append(str(error))
    log.append(str(early(3) + early(1)))
    try:
        refuse("please")
    except LookupError as error:
        log.append(repr(error))
    try:
        raise ExceptionGroup("two", [ValueError("v"), KeyError("k")])
    except* ValueError as group:
        log.append(str(len(group.exceptions)))
    except* KeyError:
        log.append("key")
    return log


@workflow
def uncaught(depth: int) -> int:
    """Fail for good, from far down, after an effect."""
    start = double(depth)
    with Opened("uncaught", False):
        return start + deep(depth)


def decorated(function: Callable[[int], int]) -> Callable[[int], tuple[int, int]]:
    """Count calls."""
    calls = 0

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return calls, function(*args, **kwargs)

    return wrapper


@decorated
def fibonacci(number: int) -> int:
    """Count rabbits."""
    if number < 2:
        return number
    return fibonacci(number - 1)[1] + fibonacci(number - 2)[1]


@functools.cache
def ackermann(m: int, n: int) -> int:
    """Grow."""
    if m == 0: return n + 1  # noqa: E701 (a line that is two)  # fmt: skip
    return ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))


def short(number: int) -> int: return number + 1  # fmt: skip


def keywords(first: int, /, *rest: int, last: int = 3, **more: int) -> int:
    """Add up all kinds of arguments."""
    return first + sum(rest) + last + sum(more.values())


@workflow
def functions(number: int) -> list[Any]:
    """Recursion, closures, decorators, lambdas, defaults."""
    adders: Any = [lambda x, by=by: x + by for by in range(3)]
    added = [add(10) for add in adders]

    def outer(n: int) -> Any:
        def inner() -> int:
            nonlocal n
            n += 1
            return n

        return inner

    counter: Any = outer(5)
    counter()
    total = functools.reduce(lambda a, b: a * b, range(1, 6))
    text = (
        f"{fibonacci(number)[1]}"
        f"{ackermann(2, 2)}"
    )  # fmt: skip
    return [
        added,
        counter(),
        total,
        text,
        keywords(1, 2, *[3, 4], last=5, x=6),
        (lambda: short(double(21)))(),
    ]


CASES: list[tuple[Any, list[Any]]] = [
    (loops, [12]),
    (classes, [{"kind": "x"}]),
    (comprehensions, [7]),
    (exceptions, [3]),
    (uncaught, [4]),
    (functions, [6]),
]
"""Workflows and their arguments."""
