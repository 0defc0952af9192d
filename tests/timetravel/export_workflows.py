"""Workflows that are recorded, exported and replayed by the tests of export files."""

from __future__ import annotations

import random
import time

from flawless import http, receive, secret, step, workflow


@step
def weigh(item: str) -> int:
    """Weigh."""
    return len(item)


@workflow
def pack(items: list[str]) -> dict[str, int]:
    """Pack, with a bit of everything."""
    weights = {item: weigh(item) for item in items}
    print(f"packed at {time.time()}, {random.random()}")
    time.sleep(0.001)
    return weights


@workflow
def drop(item: str) -> None:
    """Fail."""
    weigh(item)
    raise ValueError(f"{item} is broken")


@workflow
def hold() -> object:
    """Wait for a message."""
    weigh("a box")
    return receive("go")


@workflow
def declare(url: str) -> int:
    """Send a secret."""
    return http.post(url, headers={"Key": secret("CUSTOMS_KEY")}).status
