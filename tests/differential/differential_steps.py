"""The steps of the random programs, native whatever language the workflows are in."""

from __future__ import annotations

from flawless import step, step_info


@step(retries=3)
def work(text: str, us: int, failures: int, failing: bool) -> str:
    """Take `us`, fail `failures` times, then succeed or fail for good."""
    if failing:
        raise LookupError(text)
    if step_info().attempt <= failures:
        raise ConnectionError(text)
    return f"did {text}"


@step
async def work_async(text: str, us: int, failures: int, failing: bool) -> str:
    """As `work`, on the engine's loop, without retries."""
    if failing:
        raise LookupError(text)
    return f"did {text}"


@step(on_interrupt="park")
def work_once(text: str, us: int) -> str:
    """As `work`; a person decides if nobody knows whether it happened."""
    return f"did {text} once"
