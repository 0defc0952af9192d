"""Workflows that talk, wait for people, are ended, and need repair."""

from dataclasses import dataclass
from pathlib import Path

from flawless import (
    Cancelled,
    continue_as_new,
    publish,
    receive,
    respond,
    step,
    workflow,
)


@dataclass
class Confirm:
    """What a person says to a request."""

    by: str
    amount: int = 0


@workflow
def approve(item: str = "a chair") -> str:
    """Ask for an approval, and tell how that goes."""
    publish({"item": item, "stage": "asked"})
    respond(f"asked for {item}")
    answer = receive(Confirm)
    publish({"item": item, "stage": "confirmed", "by": answer.by})
    return f"{item}: {answer.by}"


@workflow
def listen(name: str = "word") -> object:
    """Return the first message of that name."""
    return receive(name)


@workflow
def tidy() -> str:
    """Wait, and clean up when told to end."""
    try:
        receive("never")
    except Cancelled:
        publish("cleaning")
        receive("cleaned")
        raise
    return "done"


@workflow
def family(count: int) -> int:
    """Wait for children."""
    children = [listen.start("go") for _ in range(count)]
    return sum(child.result() for child in children)


@workflow
def rounds(count: int) -> int:
    """Go on as the next run until the count is 1."""
    print(f"{count} to go")
    if count > 1:
        continue_as_new(count - 1)
    return count


@workflow
def relay(count: int) -> str:
    """Go on as the next run with each message."""
    print(f"run with {count}")
    receive("go")
    if count > 1:
        continue_as_new(count - 1)
    return "over"


@step
def fetch(file: str) -> str:
    """Read a file that may not be there."""
    return Path(file).read_text()


@step
def note(file: str) -> int:
    """Add a line to a file; return how many there are."""
    with Path(file).open("a") as notes:
        notes.write("here\n")
    return len(Path(file).read_text().splitlines())


@workflow
def report(notes: str, file: str) -> list[object]:
    """Take a note, then read a file."""
    return [note(notes), fetch(file)]


@step(on_interrupt="park")
def transfer(pipe: str) -> str:
    """Read a pipe: that lasts until somebody writes to it."""
    return Path(pipe).read_text()


@workflow
def pay(*pipes: str) -> list[str]:
    """Do transfers at the same time; nobody may do one twice."""
    return [future.result() for future in [transfer.start(pipe) for pipe in pipes]]
