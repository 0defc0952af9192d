"""A module that looks at the clock while it is imported."""

import time

from flawless import workflow

IMPORTED = time.time()


@workflow
def tells() -> float:
    """Tell when the module was imported."""
    return IMPORTED
