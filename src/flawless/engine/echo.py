"""What workflows log and print, as log records of this process."""

from __future__ import annotations

import logging
from typing import Final

from flawless.core.encoding import decode_entries
from flawless.core.entries import Logged
from flawless.stores.base import Append, Chunk, NextRun, Write

LOGGER: Final = "flawless.workflow"
MESSAGE_CHARS_MAX: Final = 10_000
"""Longer messages are cut here; the journal has all of them."""

_log = logging.getLogger(LOGGER)


def echo(write: Write) -> None:
    """Log what an execution has logged with a write that is durable; replays write nothing.

    All goes to one logger, whatever workflows call theirs: there could be any number.
    """
    match write:
        case Append(id=execution, chunk=Chunk() as chunk):
            pass
        case NextRun(id=execution, last=Chunk() as chunk):
            pass
        case _:
            return
    for entry in decode_entries(execution, chunk.first_seq, chunk.data, chunk.count):
        if type(entry) is Logged and _log.isEnabledFor(entry.level):
            said = entry.message[:MESSAGE_CHARS_MAX]
            known = {"execution": execution, "said": said, "source": entry.logger}
            _log.log(entry.level, "%s %s: %s", execution, entry.logger, said, extra=known)
