"""The workflows that the tests of server and command line start."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawless import step, workflow


@dataclass
class Order:
    """An argument with a shape of its own, and an opinion."""

    item: str
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count cannot be negative")


@workflow
def greet(name: str = "world", *, loud: bool = False) -> str:
    """Say hello."""
    return f"HELLO, {name.upper()}" if loud else f"Hello, {name}"


@workflow
def buy(order: Order) -> Order:
    """Buy one more than was asked for."""
    return Order(order.item, order.count + 1)


@workflow
def echo(value: Any = None) -> Any:
    """Return what came in."""
    return value


@workflow
def nap(seconds: float) -> str:
    """Sleep and tell."""
    print("good night")
    time.sleep(seconds)
    return "rested"


@workflow
def stumble(reason: str) -> None:
    """Fail."""
    logging.getLogger("shop").warning("about to stumble")
    raise ValueError(reason)


@workflow
def talk(lines: int) -> int:
    """Log many lines."""
    for n in range(lines):
        print(f"line {n}")
    return lines


@workflow
def large(chars: int) -> str:
    """Return a large value."""
    return "x" * chars


@step(retries=10_000, backoff=0.02, backoff_max=0.02)
def pass_gate(gate: str) -> str:
    """Succeed once the file is there."""
    if not Path(gate).exists():
        raise FileNotFoundError(f"no gate {Path(gate).name}")
    return Path(gate).read_text()


@step
def note(file: str, line: str) -> int:
    """Add a line to a file; return how many there are."""
    with Path(file).open("a") as notes:
        notes.write(f"{line}\n")
    return len(Path(file).read_text().splitlines())


@workflow
def wait_for_gate(gate: str) -> str:
    """Try until a file is there."""
    return pass_gate(gate)


@workflow
def journey(notes: str, gate: str) -> list[int]:
    """Note, wait for a gate, note again."""
    first = note(notes, "departure")
    time.sleep(0.05)
    pass_gate(gate)
    return [first, note(notes, "arrival")]
