"""More workflows that are killed everywhere: those that talk, wait, end early and are repaired.

As in `storm_workflows`, the beginning of a name in the ledger says what is promised; besides,
`exact-…` happens exactly once, since a person decides where nobody else can know. What an outsider
does to them stands in `drivers.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from storm_steps import Parcel, act, act_async
from storm_workflows import Answers

from flawless import (
    Cancelled,
    ExecutionCancelled,
    ExecutionFailed,
    ExecutionNotFound,
    as_completed,
    execution_id,
    gather,
    http,
    messages,
    publish,
    receive,
    respond,
    select,
    send,
    sleep,
    wait,
    workflow,
)

# --- talking --------------------------------------------------------------------------------------


@workflow
def receives(ledger: str) -> Answers:
    """Messages: named, typed, none within a time, and many in a row."""
    answers: Answers = {"first": receive("first")}
    act(ledger, "between", 0.0, 1)
    answers["parcel"] = receive(Parcel).label
    answers["never"] = receive("never", timeout=0.05)
    items = []
    for message in messages("item", "stop"):
        if message.name == "stop":
            break
        items.append([message.id, message.payload])
        if len(items) == 2:
            sleep(seconds=0.3)  # it leaves memory, and messages go on to come
    answers["items"] = items
    answers["after"] = act(ledger, "after", 0.0, len(items))
    return answers


@workflow
async def receives_async(ledger: str) -> Answers:
    """The same, while something else goes on."""

    async def work() -> str:
        await asyncio.sleep(0.02)
        return await act_async(ledger, "between", 1)

    working = asyncio.create_task(work())
    answers: Answers = {"first": await receive.start("first")}
    answers["parcel"] = (await receive.start(Parcel)).label
    try:
        async with asyncio.timeout(0.05):
            await receive.start("never")
    except TimeoutError:
        answers["never"] = None
    items = []
    async for message in messages("item", "stop"):
        if message.name == "stop":
            break
        items.append([message.id, message.payload])
    answers["items"] = items
    answers["between"] = await working
    return answers


@workflow
def echoes(ledger: str, parent: str) -> list[Any]:
    """Answer each message until there is none left to come."""
    heard = []
    for message in messages("call"):
        heard.append(message.payload)
        send(parent, "echo", [len(heard), message.payload])
        if message.payload == "last":
            return heard
    return heard


@workflow
def talks(ledger: str) -> Answers:
    """Two executions send to each other; each message is received once, in order."""
    child = echoes.start(ledger, execution_id())
    calls = [f"{n} {time.time_ns()}" for n in range(3)] + ["last"]
    for call in calls:
        child.send("call", call)
    answers: Answers = {"act": act(ledger, "act", 0.0, 1)}
    echoed = [receive("echo") for _ in calls]
    answers["echoed in order"] = echoed == [[n, call] for n, call in enumerate(calls, 1)]
    answers["heard in order"] = child.result() == calls
    try:
        send("nobody", "call", 1)
    except ExecutionNotFound:
        answers["nobody"] = "not found"
    return answers


@workflow
def shows(ledger: str) -> Answers:
    """States and a response that hold what only this run can know."""
    at = time.time_ns()
    publish({"stage": 1, "at": at, "chance": random.random()})
    act(ledger, "one", 0.0, 1)
    respond({"at": time.time_ns(), "began": at})
    publish({"stage": 2, "at": time.time_ns()})
    sleep(seconds=0.05)
    act(ledger, "two", 0.0, 2)
    publish({"stage": 3, "at": time.time_ns()})
    time.sleep(0.05)
    publish({"stage": 4, "at": time.time_ns(), "chance": random.random()})
    return {"done": act(ledger, "three", 0.0, 3)}


# --- several at once ------------------------------------------------------------------------------


@workflow
def leaf(ledger: str, name: str, pause_s: float) -> str:
    """A child that acts once."""
    sleep(seconds=pause_s)
    return act(ledger, name, 0.0, 1)


@workflow
async def leaf_async(ledger: str, name: str, pause_s: float) -> str:
    """The same."""
    await asyncio.sleep(pause_s)
    return await act_async(ledger, name, 1)


@workflow
def leaf_failing(ledger: str, name: str) -> str:
    """A child that fails."""
    act(ledger, name, 0.0, 1)
    raise LookupError(name)


@workflow
def races(ledger: str) -> Answers:
    """Steps, timers, messages, requests and children, waited for together in every way."""
    go = receive.start("go")
    answers: Answers = {"gathered": gather(
        act.start(ledger, "a", 0.0, 1), leaf.start(ledger, "b", 0.01), sleep.start(seconds=0.02)
    )}  # fmt: skip
    slow = http.get.start(f"{ledger}/slow?delay=0.3")
    timer = sleep.start(seconds=0.01)
    answers["first"] = "timer" if select(slow, receive.start("never"), timer) is timer else "?"
    kinds = {leaf_async.start(ledger, "c", 0.0): "child", go: "message", slow: "request"}
    answers["completed"] = sorted(kinds[future] for future in as_completed(kinds))
    answers["go"] = go.result()
    steps = [act.start(ledger, f"s{n}", 0.0, n) for n in range(3)]
    failing = leaf_failing.start(ledger, "failing")
    done, pending = wait([*steps, failing])
    answers["all"] = [len(done), len(pending)]
    try:
        gather(*steps, failing)
    except ExecutionFailed as error:
        answers["failed"] = error.type
    return answers


@workflow
async def races_async(ledger: str) -> Answers:
    """The same in asyncio."""

    async def message() -> Any:
        return await receive.start("go")

    async with asyncio.TaskGroup() as group:
        going = group.create_task(message())
        child = leaf.start(ledger, "b", 0.01)
        acts = [group.create_task(act_async(ledger, f"a{n}", n)) for n in range(3)]
    answers: Answers = {"go": going.result(), "acts": [one.result() for one in acts]}
    failing = leaf_failing.start(ledger, "failing")
    got = await asyncio.gather(child, failing, return_exceptions=True)
    answers["gathered"] = [got[0], getattr(got[1], "type", "?")]
    never = receive.start("never")
    done, pending = await asyncio.wait(
        [never, sleep.start(seconds=0.02)], return_when="FIRST_COMPLETED"
    )
    answers["first"] = [len(done), never in pending]
    never.cancel()
    try:
        async with asyncio.timeout(0.05):
            await leaf_async.start(ledger, "late", 0.2)
    except TimeoutError:
        answers["late"] = "gave up waiting"
    return answers


# --- children -------------------------------------------------------------------------------------


@workflow
def families(ledger: str) -> Answers:
    """Children whose ids and arguments are known to this run alone: each starts once."""
    me = execution_id()
    ids, children = [], []
    for n in range(3):
        ids.append(f"{me}.{n}-{time.time_ns()}")
        children.append(leaf.start(ledger, f"child{n}", 0.005 * n, id=ids[-1]))
    answers: Answers = {"children": ids, "results": gather(*children)}
    failing = leaf_failing.start(ledger, "failing", id=f"{me}.failing-{time.time_ns()}")
    try:
        failing.result()
    except ExecutionFailed as error:
        answers["failing"] = [error.type, error.execution == failing.id]
    ids.append(failing.id)
    act(ledger, "between", 0.0, 1)
    nested = families_below.start(ledger, id=f"{me}.below-{time.time_ns()}")
    ids.append(nested.id)
    answers["below"] = nested.result()
    return answers


@workflow
async def families_below(ledger: str) -> list[str]:
    """A child with children."""
    children = [leaf_async.start(ledger, f"below{n}", 0.01) for n in range(2)]
    return list(await asyncio.gather(*children))


@workflow
def waits_for_ever(ledger: str, name: str) -> str:
    """A child that ends when it is cancelled, and cleans up."""
    try:
        receive("never")
    finally:
        act(ledger, f"{name}-cleaned", 0.0, 1)
    return name


@workflow
def leaves(ledger: str) -> Answers:
    """It ends while its children run: one is waited for, one cancelled, one goes on alone."""
    leaf.start(ledger, "waited", 0.05)
    leaf.start(ledger, "alone", 0.3, parent_close="abandon")
    waits_for_ever.start(ledger, "called-off", parent_close="cancel")
    return {"act": act(ledger, "act", 0.0, 1)}


@workflow
async def leaves_failing(ledger: str) -> Answers:
    """The same, when it fails."""
    leaf.start(ledger, "waited", 0.05)
    leaf.start(ledger, "alone", 0.3, parent_close="abandon")
    waits_for_ever.start(ledger, "called-off", parent_close="cancel")
    await act_async(ledger, "act", 1)
    raise LookupError("on purpose")


# --- ending early ---------------------------------------------------------------------------------


@workflow
def patient(ledger: str, parent: str, kind: str) -> str:
    """Wait in one of many ways until it is cancelled, then clean up."""
    try:
        send(parent, "ready", kind)
        match kind:
            case "receive":
                receive("never")
            case "sleep":
                sleep(seconds=1_000)
            case "long sleep":
                sleep(days=3)
            case "request":
                http.get(f"{ledger}/maybe-slow?delay=8")
            case "child":
                waits_for_ever.start(ledger, "nested", parent_close="cancel").result()
            case "gather":
                gather(receive.start("never"), sleep.start(days=1))
    except Cancelled as told:
        return f"{kind} {told} {act(ledger, f'{kind}-cleaned'.replace(' ', '-'), 0.0, 1)}"
    return f"{kind} was not cancelled"


@workflow
async def patient_async(ledger: str, parent: str, kind: str) -> str:
    """The same in asyncio."""
    try:
        send(parent, "ready", kind)
        match kind:
            case "async sleep":
                await asyncio.sleep(1_000)
            case "async receive":
                await receive.start("never")
            case "async group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(1_000))
                    group.create_task(asyncio.wait_for(receive.start("never"), 1_000))
    except asyncio.CancelledError as told:
        cleaned = await act_async(ledger, f"{kind}-cleaned".replace(" ", "-"), 1)
        return f"{kind} {told} {cleaned}"
    return f"{kind} was not cancelled"


def _cancels(ledger: str, workflow_: Any, kinds: list[str]) -> Answers:
    me = execution_id()
    children = {kind: workflow_.start(ledger, me, kind) for kind in kinds}
    ready = sorted(receive("ready") for _ in kinds)
    told = [child.cancel(f"because of {kind}") for kind, child in children.items()]
    answers: Answers = {"ready": ready, "told": told}
    answers["ends"] = gather(*children.values())
    answers["again"] = [child.cancel() for child in children.values()]
    return answers


@workflow
def cancels(ledger: str) -> Answers:
    """Children are cancelled, each while it waits for something else."""
    kinds = ["receive", "sleep", "long sleep", "request", "child", "gather"]
    return _cancels(ledger, patient, kinds)


@workflow
def cancels_async(ledger: str) -> Answers:
    """The same with children in asyncio, and one that obeys."""
    child = waits_for_ever.start(ledger, "obeys")
    answers = _cancels(ledger, patient_async, ["async sleep", "async receive", "async group"])
    child.cancel("enough")
    try:
        child.result()
    except ExecutionCancelled as error:
        answers["obeys"] = error.reason
    return answers


@workflow
def stopped(ledger: str) -> Answers:
    """Somebody outside cancels it; it cleans up in several steps, and ends as cancelled."""
    try:
        publish({"stage": 1})
        receive("never")
    finally:
        act(ledger, "clean-one", 0.0, 1)
        sleep(seconds=0.02)
        act(ledger, "clean-two", 0.0, 2)
    return {}


@workflow
async def stopped_async(ledger: str) -> Answers:
    """The same in asyncio; but it ends well."""
    answers: Answers = {}
    try:
        publish({"stage": 1})
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1_000))
            await receive.start("never")
    except asyncio.CancelledError as told:
        answers["told"] = str(told)
        answers["one"] = await act_async(ledger, "clean-one", 1)
        await asyncio.sleep(0.02)
        answers["two"] = await act_async(ledger, "clean-two", 2)
    return answers


@workflow
def terminated(ledger: str) -> Answers:
    """Somebody outside ends it at once."""
    try:
        publish({"stage": 1})
        receive("never")
    finally:
        act(ledger, "clean-never", 0.0, 1)
    return {}


@workflow
def begins_later(ledger: str) -> Answers:
    """It begins a while after its start, and has what was sent to it before that."""
    answers: Answers = {"first": act(ledger, "first", 0.0, 1)}
    answers["items"] = [receive("item") for _ in range(6)]
    sleep(seconds=0.02)
    answers["last"] = act(ledger, "last", 0.0, len(answers["items"]))
    return answers


@workflow
def never_begins(ledger: str) -> Answers:
    """Somebody outside cancels it before it begins: none of this happens."""
    act(ledger, "first", 0.0, 1)
    return {}


@workflow(deadline=0.3)
def expires(ledger: str) -> Answers:
    """Its deadline passes while it waits."""
    try:
        receive("never")
    except Cancelled as told:
        return {"told": str(told), "cleaned": act(ledger, "cleaned", 0.0, 1)}
    return {}
