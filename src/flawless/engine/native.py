"""Effects of ordinary Python code, performed at once and journaled nowhere."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from flawless import errors
from flawless.core.limits import Limits
from flawless.core.protocol import HttpRequest, SleepRequest, decode_request
from flawless.engine.http import HttpPerformer
from flawless.ids import new_execution_id


async def perform(request: str) -> Any:
    """Perform an HTTP request or a sleep; return its value or raise its error."""
    asked = decode_request(request.encode())
    if isinstance(asked, SleepRequest):
        await asyncio.sleep(asked.seconds)
        return None
    assert isinstance(asked, HttpRequest)
    performer = HttpPerformer(body_bytes_max=Limits().value_bytes_max)
    try:
        # There is no execution, so nothing is ever sent again: any key will do.
        outcome = await performer.perform(new_execution_id(), asked)
    finally:
        await performer.close()
    value = msgspec.json.decode(outcome.payload)
    if outcome.failed:
        raise getattr(errors, value["type"], errors.HTTPError)(value["message"])
    return value
