"""`init`: a first module to change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawless.cli import output
from flawless.errors import UsageError

FILE = "app.py"

STARTER = '''"""A first Flawless application. Serve it with: flawless up app.py"""

import random
import time

from flawless import step, workflow


# A step runs outside the workflow, with any library you like, and its result is kept: whatever
# happens afterwards, it is not done twice. This one fails now and then, and is tried again.
@step(retries=5)
def charge(card: str, cents: int) -> str:
    """Pretend to charge a card, and return the receipt's number."""
    if random.random() < 0.3:
        raise ConnectionError("the bank does not answer")
    return f"receipt-{random.randrange(10_000)}"


# A workflow is a regular function. Kill the server while it runs (kill -9 is fine) and start it
# again: the function goes on where it was, with all its variables.
@workflow
def order(item: str = "a book", cents: int = 1290) -> str:
    """Charge for an item, wait a little, and tell about it."""
    print(f"charging for {item}")
    receipt = charge("4242", cents)
    time.sleep(5)  # five seconds or five days: waiting costs nothing, and survives restarts
    return f"{item} is on its way ({receipt})"
'''


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write it; made if it is not there.")
    ] = Path(),
) -> None:
    """Write a commented starter app.py that runs as it is. Nothing is overwritten."""
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER)
    except FileExistsError:
        taken = path if folder.is_dir() else folder
        raise UsageError(
            f"{taken} exists, and nothing is overwritten: name another folder, as in "
            "`flawless init shop`"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    output.line(f"wrote {path}")
    output.line(f"next: flawless up {path}")
    output.line(f"then, in another terminal: flawless start {path.stem}.order --wait")
