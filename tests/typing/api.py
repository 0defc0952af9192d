"""The public API as users write it: checked by mypy, never run.

`assert_type` fails the check when a type is another than expected, and an unneeded `type: ignore`
fails it when something wrong is accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_type

import flawless
from flawless import (
    Child,
    Engine,
    Execution,
    Future,
    Message,
    Step,
    Workflow,
    as_completed,
    compensation,
    continue_as_new,
    gather,
    http,
    messages,
    publish,
    receive,
    respond,
    secret,
    select,
    send,
    sleep,
    start,
    step,
    wait,
    workflow,
)


@dataclass
class Order:
    """An order."""

    id: int


@step
def charge(order: Order, cents: int = 100) -> str:
    """A plain step."""
    return f"{order.id} {cents}"


@step(retries=3, backoff="1s", timeout=timedelta(seconds=30), retry_on=(OSError, ValueError))
async def notify(order: Order) -> bool:
    """An async step with options."""
    return order.id > 0


@step(name="other", at_most_once=True, process=True, give_up_on=KeyError)
def once() -> None:
    """A step without a result."""


@workflow
def checkout(order: Order, *, fast: bool = False) -> list[str]:
    """A sync workflow."""
    assert_type(charge(order), str)
    assert_type(charge.start(order, cents=3), Future[str])
    assert_type(charge.start(order).result(timeout="1h"), str)
    assert_type(notify.start(order), Future[bool])
    assert_type(once.start(), Future[None])
    charge("order")  # type: ignore[arg-type]  # it must be an Order
    charge.start(order, euros=1)  # type: ignore[call-arg]  # there is no such parameter
    sleep(3.5)
    sleep("2 days")
    assert_type(http.get("http://localhost/").status_code, int)
    assert_type(flawless.execution_id(), str)
    return []


@workflow(name="app.other")
async def deliver(order: Order) -> int:
    """An async workflow."""
    assert_type(await notify(order), bool)
    assert_type(await notify.start(order), bool)
    assert_type(await charge.start(order), str)
    await asyncio.sleep(1)
    return order.id


@dataclass
class Confirm:
    """A message."""

    by: str


@step(on_interrupt="park")
def refund(reference: str) -> int:
    """A step that a person decides about."""
    return len(reference)


@workflow(messages={"confirm": Confirm, "count": int}, deadline="30d")
def approval(order: Order, month: int = 0) -> str | None:
    """A workflow that talks, waits for several things, and undoes."""
    assert_type(receive(Confirm, timeout="1h"), Confirm | None)
    assert_type(receive("count", type=int), int | None)
    assert_type(receive("anything"), Any)
    assert_type(receive.start(Confirm), Future[Confirm])
    assert_type(receive.start("count", type=int), Future[int])
    receive(5)  # type: ignore[call-overload]  # neither a name nor a class
    for message in messages(Confirm, "count", timeout=60):
        assert_type(message, Message)
        assert_type(message.id, str | None)
    send("order-1", Confirm("ann"))
    assert_type(send.start("order-1", "confirm", {"by": "ann"}), Future[None])
    publish({"order": order.id})
    respond(order)
    charged, noticed = gather(charge.start(order), notify.start(order))
    assert_type(charged, str)
    assert_type(noticed, bool)
    many = [charge.start(order) for _ in range(9)]
    assert_type(gather(*many), list[str])
    assert_type(gather(*many, return_exceptions=True), list[str | BaseException])
    assert_type(select(*many, timeout=1), Future[str] | None)
    for future in as_completed(many):
        assert_type(future.result(), str)
    done, _ = wait(many, return_when="FIRST_COMPLETED")
    assert_type(done, list[Future[str]])
    gather(charge(order))  # type: ignore[call-overload]  # a result is no future
    child = checkout.start(order, fast=True, id="a", parent_close="cancel", deadline="1h")
    assert_type(child, Child[list[str]])
    assert_type(deliver.start(order), Child[int])
    assert_type(child.id, str)
    assert_type(child.cancel("no need"), bool)
    child.send("confirm")
    assert_type(start("pricing.quote", order, id="b", deadline="1h"), Child[Any])
    checkout.start(order, parent_close="kill")  # type: ignore[arg-type]  # there is no such policy
    with compensation() as undo:
        undo(refund, charged)
        undo.clear()
    http.post("http://a/", headers={"Authorization": secret("KEY")}, on_interrupt="park")
    if month < 12:
        continue_as_new(order, month + 1)
    return charged


@workflow(messages=[Confirm])
async def listener() -> int:
    """The same in async form."""
    async for message in messages():
        assert_type(message.payload, Any)
    async with compensation() as undo:
        undo(refund, "x")
    try:
        return await deliver.start(Order(1))
    except flawless.Cancelled:
        return 0


assert_type(checkout.name, str)
assert_type(checkout(Order(1)), list[str])
delivery: Coroutine[Any, Any, int] = assert_type(deliver(Order(1)), Coroutine[Any, Any, int])
as_step: Step[[Order, int], str] | Callable[..., str] = charge
as_workflow: Workflow[..., list[str]] = checkout


def embedded(order: Order) -> None:
    """An engine in an ordinary program."""
    settings = flawless.Settings(guests_max=10, limits=flawless.Limits(cpu_s_per_turn=1.0))
    with Engine("app.db", modules=["app"], settings=settings) as engine:
        assert_type(engine, Engine)
        run = engine.start(checkout, order, fast=True, id="order-1")
        assert_type(run, Execution[list[str]])
        assert_type(run.result(timeout=60), list[str])
        assert_type(run.status, flawless.Status)
        assert_type(run.logs(), list[flawless.LogLine])
        assert_type(engine.start(deliver, order), Execution[int])
        assert_type(engine.start(deliver, order).result(), int)
        assert_type(engine.start("app.checkout", order), Execution[Any])
        assert_type(engine.get("order-1"), Execution[Any])
        engine.start(charge, order)  # type: ignore[call-overload]  # a step is no workflow
        engine.start(checkout, order, id=5)  # type: ignore[call-overload]  # ids are text


async def asynchronous(engine: Engine, order: Order) -> None:
    """An engine in an asyncio program."""
    assert_type(await engine.start(checkout, order), list[str])
    assert_type(await engine.start(deliver, order), int)
    assert_type(await engine.start_async(checkout, order), Execution[list[str]])
    assert_type(await engine.start_async(deliver, order, id="a"), Execution[int])
    assert_type(await (await engine.start_async(deliver, order)), int)
    assert_type(await engine.start_async("app.checkout"), Execution[Any])


def mistakes() -> None:
    """What mypy must not accept."""
    step(retries="3")  # type: ignore[call-overload]  # a number
    step(on_interrupt="wait")  # type: ignore[call-overload]  # there is no such choice
    workflow(title="x")  # type: ignore[call-overload]  # there is no such option
    Engine("app.db")  # type: ignore[call-arg]  # modules are needed


def errors(run: Execution[int]) -> str:
    """Fields of errors are typed."""
    try:
        run.result()
    except flawless.ExecutionFailed as error:
        assert_type(error.traceback, str)
        return error.message
    except flawless.StoreError as error:
        assert_type(error.retriable, bool)
    except flawless.WorkflowNotFound as error:
        assert_type(error.known, list[str])
    return ""
