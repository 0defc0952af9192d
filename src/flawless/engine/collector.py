"""The garbage collector of the process, and what it need not look at."""

from __future__ import annotations

import functools
import gc


@functools.cache
def spare() -> None:
    """Take what there is now out of the collector's sight, once in the life of a process.

    An engine makes many objects that live shortly, so the collector often looks through all that
    there are; and nearly all of those are modules, functions and types, which stay. Looking through
    them takes a quarter of all time when executions are started as fast as they can be. Objects
    that are spared are still freed when nothing refers to them, but for those in circles. Whoever
    has told the collector what to do already is not interfered with.
    """
    if gc.isenabled() and not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000)
