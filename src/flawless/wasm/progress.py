"""Telling people that something long is under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")

INTERVAL_S: Final = 0.2


Progress: TypeAlias = Callable[[str, float | None], None]
"""Called as `progress(stage, share)`, in the thread that waits, about five times a second.

`share` goes from 0 to 1, or is None: unknown. It is an estimate by the time that the stage
usually takes, and stays below 1 until the stage is over.
"""


def watched(stage: str, expected_s: float, progress: Progress | None, work: Callable[[], T]) -> T:
    """Return what `work` returns (or raise what it raises), reporting while it runs."""
    if progress is None:
        return work()
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as failure:  # raised again below
            failures.append(failure)

    thread = threading.Thread(target=run, name=f"flawless-{stage}", daemon=True)
    began = time.monotonic()
    thread.start()
    while thread.is_alive():
        progress(stage, min(0.99, (time.monotonic() - began) / expected_s))
        thread.join(INTERVAL_S)
    if failures:
        raise failures[0]
    progress(stage, 1.0)
    return results[0]
