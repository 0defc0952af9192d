"""Workflows that undo, are repaired, and go on in further runs. See `storm_workflows`."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from typing import Any

from storm_conversations import leaf_async
from storm_steps import act, act_async, act_failing, act_flaky, act_if_mended, act_parked
from storm_workflows import Answers

from flawless import _compensation as patience
from flawless import (
    compensation,
    continue_as_new,
    http,
    messages,
    publish,
    receive,
    workflow,
)

if sys.platform == "wasi":  # in the guest; here other tests may want it as it is
    patience.PAUSES_S = (0.01, 0.02)  # undos that fail need not be waited for in a storm


# --- undoing and repairing ------------------------------------------------------------------------


def _book(ledger: str, undo: Any, name: str) -> None:
    act(ledger, name, 0.0, 1)
    undo(act_flaky, ledger, f"undo-{name}", 1)


@workflow
def sagas(ledger: str) -> Answers:
    """What was done is undone in reverse, after a failure, and each undo is retried."""
    answers: Answers = {}
    try:
        with compensation() as undo:
            for name in ("one", "two", "three"):
                _book(ledger, undo, name)
            act_failing(ledger, "failing")
    except ConnectionError as error:
        answers["failed"] = str(error)
    with compensation() as undo:
        _book(ledger, undo, "kept")
    answers["after"] = act(ledger, "after", 0.0, 1)
    return answers


@workflow
async def sagas_async(ledger: str) -> Answers:
    """The same, after a cancellation, in asyncio."""
    answers: Answers = {}
    try:
        async with compensation() as undo:
            for name in ("one", "two"):
                await act_async(ledger, name, 1)
                undo(act_async, ledger, f"undo-{name}", 2)
            publish({"stage": 1})
            await receive.start("never")
    except asyncio.CancelledError as told:
        answers["told"] = str(told)
    return answers


@workflow
def sagas_parked(ledger: str) -> Answers:
    """An undo keeps failing: a person does it, and the others are done all the same."""
    answers: Answers = {}
    try:
        with compensation() as undo:
            act(ledger, "one", 0.0, 1)
            undo(act, ledger, "undo-one", 0.0, 1)
            undo(act_failing, ledger, "hopeless")
            act(ledger, "two", 0.0, 1)
            undo(act, ledger, "undo-two", 0.0, 1)
            raise LookupError("on purpose")
    except LookupError as error:
        answers["failed"] = str(error)
    return answers


@workflow
def parks(ledger: str) -> Answers:
    """Effects that a person decides about when the engine dies in the middle of them."""
    answers: Answers = {"one": act_parked(ledger, "exact-step", 1)}
    posted = http.post(f"{ledger}/exact-post", json={}, on_interrupt="park")
    answers["two"] = posted.json()["answer"]
    started = http.post.start(f"{ledger}/exact-started", json={}, on_interrupt="park")
    answers["three"] = act(ledger, "between", 0.0, 1)
    answers["four"] = started.result().json()["answer"]
    return answers


@workflow
async def parks_async(ledger: str) -> Answers:
    """The same in asyncio, two at a time."""
    one = act_parked.start(ledger, "exact-step", 1)
    two = http.post.start(f"{ledger}/exact-post", json={}, on_interrupt="park")
    got, posted = await asyncio.gather(one, two)
    return {"one": got, "two": posted.json()["answer"]}


@workflow
def mended(ledger: str) -> Answers:
    """It fails, the world is mended, and it goes on from the effect that failed."""
    answers: Answers = {"one": act(ledger, "one", random.random(), 1)}
    answers["two"] = act_if_mended(ledger, "two")
    answers["three"] = act(ledger, "three", 0.0, 3)
    return answers


@workflow
async def mended_below(ledger: str) -> Answers:
    """The same when it is a child that fails."""
    answers: Answers = {"one": await act_async(ledger, "one", 1)}
    answers["two"] = await needs_mending.start(ledger)
    answers["three"] = await act_async(ledger, "three", 3)
    return answers


@workflow
def needs_mending(ledger: str) -> str:
    """A child that fails until the world is mended."""
    act(ledger, "below", 0.0, 1)
    return act_if_mended(ledger, "two")


@workflow
def restarted(ledger: str) -> Answers:
    """It fails, and begins again."""
    run = time.time_ns()
    answers: Answers = {"one": act(ledger, "maybe-one", 0.0, 1)}
    answers["two"] = act_if_mended(ledger, "two")
    answers["time goes on"] = time.time_ns() >= run
    return answers


@workflow
def continues(ledger: str, n: int = 0, heard: list[Any] | None = None) -> Answers:
    """Three runs share one inbox; nothing is lost between them."""
    heard = heard or []
    for _ in range(2):
        heard.append(receive("item"))
    act(ledger, f"run{n}", 0.0, n)
    if n < 2:
        continue_as_new(ledger, n + 1, heard)
    return {"heard": heard}


@workflow
async def continues_async(ledger: str, n: int = 0, heard: list[Any] | None = None) -> Answers:
    """The same in asyncio, with a child under way."""
    heard = heard or []
    async for message in messages("item"):
        heard.append(message.payload)
        if len(heard) % 2 == 0:
            break
    leaf_async.start(ledger, f"child{n}", 0.01)
    if n < 2:
        continue_as_new(ledger, n + 1, heard)
    return {"heard": heard}
