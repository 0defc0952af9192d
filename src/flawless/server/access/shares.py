"""How many long answers a caller has open: streams of events, and requests that wait for an end.

They cost little each, and stay for long. Without a bound for each caller, one browser with a
capability could take all there are of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flawless.errors import FlawlessError
from flawless.server.access.callers import Caller
from flawless.server.access.limits import RequestLimits


class Shares:
    """The long answers of one kind, counted by caller; the user of this machine has no bound.

    `refusal` makes the error for who has as many as it may, of a message.
    """

    def __init__(self, limits: RequestLimits, refusal: Callable[[str], FlawlessError]) -> None:
        self._limits = limits
        self._refusal = refusal
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def of(self, who: Caller) -> Iterator[None]:
        """Count one more long answer of this caller while it lasts; raises the refusal."""
        if who.via == "local":
            yield
            return
        most = (
            self._limits.long_answers_per_execution_max
            if who.execution
            else self._limits.long_answers_per_token_max
        )
        if self._open[who.account] >= most:
            raise self._refusal(f"this caller has {most:,} of them open already, and may not more")
        self._open[who.account] += 1
        try:
            yield
        finally:
            self._open[who.account] -= 1
            if not self._open[who.account]:
                del self._open[who.account]
