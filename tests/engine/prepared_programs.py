"""Workflows that leave traces in their guest, for the tests of prepared guests."""

import random
import uuid

from flawless import step, workflow

SEEN = []


@step
def note(text: str) -> str:
    """Return what it is given."""
    return text


@workflow
def leaves_traces(name: str) -> dict[str, object]:
    """Change the module, an imported one and the generator; tell what was there before."""
    before = [*SEEN, getattr(random, "left", None)]
    SEEN.append(name)
    random.left = name
    return {
        "before": before,
        "address": id(SEEN),
        "places": [id(object()) for _ in range(3)],
        "random": random.random(),
        "uuid": str(uuid.uuid4()),
        "noted": note(name),
    }
