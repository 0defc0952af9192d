"""The steps of the storms, native whatever the language of the workflows, and a message.

See `storm_workflows` for what the names of effects promise.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from flawless import step, step_info


@dataclass
class Parcel:
    """A message with a type."""

    number: int
    label: str


def tell(ledger: str, name: str, **body: Any) -> str:
    """Act on the outside world from within a step."""
    info = step_info()
    headers = {"Idempotency-Key": info.idempotency_key, "Attempt": str(info.attempt)}
    request = Request(f"{ledger}/{name}", json.dumps(body).encode(), headers)
    with urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["answer"])


@step
def act(ledger: str, name: str, chance: float, amount: int) -> str:
    """An ordinary step."""
    return tell(ledger, name, chance=chance, amount=amount)


@step
async def act_async(ledger: str, name: str, amount: int) -> str:
    """A step that runs on the engine's loop."""
    return await asyncio.to_thread(tell, ledger, name, amount=amount)


@step(retries=4, backoff=0.01, backoff_max=0.02)
def act_flaky(ledger: str, name: str, failures: int) -> str:
    """A step whose first attempts fail."""
    answer = tell(ledger, name)
    if step_info().attempt <= failures:
        raise ConnectionError(name)
    return answer


@step
def act_broken(ledger: str, name: str) -> str:
    """A step that fails for good."""
    tell(ledger, name)
    raise ValueError(name)


@step(at_most_once=True)
def act_once(ledger: str, name: str, amount: int) -> str:
    """A step that must not be repeated."""
    return tell(ledger, name, amount=amount)


@step(process=True)
def act_apart(ledger: str, name: str, amount: int) -> str:
    """A step in a process of its own."""
    return tell(ledger, name, amount=amount)


@step
def act_if_mended(ledger: str, name: str) -> str:
    """A step that fails until somebody has mended the world."""
    base, _, run = ledger.rpartition("/")
    with urlopen(f"{base}/_/{run}", timeout=20) as answer:
        if not any(one["name"] == "maybe-mended" for one in json.load(answer)):
            raise LookupError("broken")
    return tell(ledger, name)


@step(on_interrupt="park")
def act_parked(ledger: str, name: str, amount: int) -> str:
    """A step that a person decides about."""
    return tell(ledger, name, amount=amount)


@step
def act_failing(ledger: str, name: str) -> str:
    """A step that never succeeds, and never acts."""
    raise ConnectionError(name)
