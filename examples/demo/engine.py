"""The process that the demo kills: an ordinary program with an engine in it.

    python engine.py DATA_FOLDER SERVICE_URL

It opens the engine, starts the order (or, with the same id, finds the one that is under way), and
waits for its end. All the rest tells the demo what goes on: one event a line, in JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

import shop

from flawless import Engine, Execution
from flawless.core.encoding import encode_entries
from flawless.core.entries import Called, Entered, Entry, Logged, Slept, describe

ORDER_ID = "order-42"

_telling = threading.Lock()  # the engine logs from a thread of its own


def main(data: Path, service: str) -> None:
    """Run the order to its end."""
    log = logging.getLogger("flawless.engine")
    log.setLevel(logging.DEBUG)
    log.addHandler(TellReplays())
    with Engine(data / "shop.db", modules=[shop], progress=tell_progress) as engine:
        tell(event="open")
        run = engine.start(shop.order, service, 4_200, id=ORDER_ID)
        watch(run)
        receipt = run.result()
        size = len(encode_entries(0, run.journal()))
        tell(
            event="result",
            number=receipt.number,
            placed=f"{receipt.placed:%H:%M:%S.%f}",
            parcel=receipt.parcel,
            entries=len(run.journal()),
            journal_bytes=size,
        )


def watch(run: Execution[shop.Receipt]) -> None:
    """Tell of each journal entry when it is durable, until the execution has ended."""
    told = 0
    while True:
        ended = run.status.final
        entries = run.journal()
        for position, entry in enumerate(entries[told:], start=told):
            tell(event="entry", position=position, kind=kind(entry), text=text(entry))
        told = len(entries)
        if ended:
            return
        time.sleep(0.05)


def kind(entry: Entry) -> str:
    """Return what the demo waits for: `slept`, or anything else."""
    return "slept" if isinstance(entry, Slept) else "other"


def text(entry: Entry) -> str:
    """Return an entry in a few words."""
    match entry:
        case Logged(message=message):
            return f"print: {message}"
        case Entered(label=label):
            return f"{label} is about to happen: at most once"
        case Called(label=label):
            return f"{label} has ended"
        case _:
            return describe(entry)


class TellReplays(logging.Handler):
    """Passes on how many effects the engine answered from a journal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of the one log record the demo is about."""
        if hasattr(record, "replayed"):
            tell(event="replayed", count=record.replayed)


def tell_progress(stage: str, share: float | None) -> None:
    """Pass on how far a first-time build has come."""
    tell(event="progress", stage=stage, share=share)


def tell(**event: Any) -> None:
    """Write one event for whoever watches."""
    with _telling:
        print(json.dumps(event), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
