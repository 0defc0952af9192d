"""Workflows that are started later."""

import time
from pathlib import Path

from flawless import messages, receive, sleep, step, workflow


@step
def note(file: str) -> None:
    """Add a line to a file."""
    with Path(file).open("a") as notes:
        notes.write("here\n")


@workflow
def sees(file: str) -> list[object]:
    """Tell what the clock shows and which messages are there at the beginning."""
    began = time.time()
    note(file)
    return [began, [message.payload for message in messages("word", timeout=0)]]


@workflow
def waits_on(file: str) -> str:
    """Wait for a word that nobody says."""
    note(file)
    return str(receive("word"))


@workflow
def naps(file: str) -> float:
    """Sleep for a day, and tell the time."""
    note(file)
    sleep(days=1)
    return time.time()
