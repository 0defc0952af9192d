"""A module that seeds the generator while it is imported."""

import random

from flawless import workflow

random.seed(5)


@workflow
def draws() -> float:
    """Draw what follows from that seed."""
    return random.random()
