"""Where a reader of one execution's events stands, as the id of its latest event."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from typing import Final

from flawless.errors import InputInvalid
from flawless.server.streams.events import LAST_ID

_NUMBER: Final = r"(0|[1-9][0-9]{0,14})"
_FORM: Final = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER})?")


@dataclass(slots=True)
class Place:
    """What a reader has had: entries and messages of the run up to a position, a state's version.

    Journal and logs have positions of their own, because a connection may break between the two.
    `length` is that of the journal when the execution had ended and the reader was told.
    """

    run: int = 0
    journal: int = 0
    logs: int = 0
    state: int = 0
    length: int | None = None

    def __str__(self) -> str:
        """Return the event's id."""
        return ".".join(str(number) for number in astuple(self) if number is not None)

    def next_run(self) -> None:
        """Go on at the beginning of the next run."""
        self.run += 1
        self.journal = self.logs = 0


def place_of(id_: str) -> Place:
    """Return the place that an event's id tells; raises `InputInvalid`."""
    found = _FORM.fullmatch(id_)
    if found is None:
        raise misplaced("is no id of an event of one execution")
    return Place(*(None if number is None else int(number) for number in found.groups()))  # type: ignore[arg-type]  # only the last may be None


def misplaced(why: str) -> InputInvalid:
    """Return the error for an id that this execution's events cannot have had."""
    return InputInvalid(
        f"the Last-Event-ID {why}: send back the `id` of the latest event, or none to begin anew",
        path=LAST_ID,
    )
