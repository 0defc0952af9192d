"""What `compensation` does between two attempts, outside of a workflow: it does not wait.

The guest's package has a module of the same name that sleeps durably and asks a person.
"""

from __future__ import annotations


def pause(length_s: float) -> None:
    """Go on at once: a test of the code around is not to take seconds."""


async def pause_async(length_s: float) -> None:
    """Go on at once."""


def park(label: str, problem: BaseException) -> bool:
    """Raise the problem: nobody is there to decide."""
    raise problem
