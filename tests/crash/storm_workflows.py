"""The workflows that are killed everywhere. Imported natively and in guests.

Each takes the address of its run at the ledger, and returns what its effects answered, by their
names. The beginning of a name says what is promised: `once-…` may happen at most once (the result
may be "interrupted"), `maybe-…` is dropped while it is under way and may or may not happen,
everything else happens at least once. `chance` is random, and the same in all effects of a run.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Any

from storm_steps import act, act_apart, act_async, act_broken, act_flaky, act_once

from flawless import Interrupted, http, sleep, workflow

Answers = dict[str, Any]


@workflow
def steps(ledger: str) -> Answers:
    """Steps one after the other, with randomness and time between them."""
    chance, began_s = random.random(), time.time()
    answers: Answers = {"first": act(ledger, "first", chance, 1)}
    print("uuid", uuid.uuid4())
    answers["second"] = act_async.start(ledger, "second", 2).result()
    answers["third"] = act(ledger, "third", chance, len(answers["second"]))
    try:
        act_broken(ledger, "broken")
    except ValueError as error:
        answers["broken"] = str(error)
    answers["time goes on"] = time.time() >= began_s
    return answers


@workflow
def requests(ledger: str) -> Answers:
    """HTTP of each kind, and steps that must not be repeated."""
    chance = random.random()

    def post(name: str, **options: Any) -> str:
        body = {"chance": chance}
        try:
            return str(http.post(f"{ledger}/{name}", json=body, **options).json()["answer"])
        except Interrupted:
            return "interrupted"

    def once(name: str) -> str:
        try:
            return act_once(ledger, name, 5)
        except Interrupted:
            return "interrupted"

    answers: Answers = {"get": http.get(f"{ledger}/get").json()["answer"]}
    answers["once-post"] = post("once-post")
    answers["put"] = http.put(f"{ledger}/put", json={"chance": chance}).json()["answer"]
    answers["once-step"] = once("once-step")
    answers["again"] = post("again", idempotent=True)
    answers["once-more"] = post("once-more")
    return answers


@workflow
def retries(ledger: str) -> Answers:
    """Steps that fail before they succeed."""
    answers: Answers = {"steady": act_flaky(ledger, "steady", 0)}
    answers["flaky"] = act_flaky(ledger, "flaky", 3)
    try:
        act_flaky(ledger, "hopeless", 9)
    except ConnectionError as error:
        answers["hopeless"] = str(error)
    return answers


@workflow
def sleeps(ledger: str) -> Answers:
    """Sleeps that last (the guest is dropped meanwhile) and sleeps that do not."""
    chance, began_s = random.random(), time.time()
    answers: Answers = {"before": act(ledger, "before", chance, 0)}
    sleep(seconds=0.02)
    answers["between"] = act(ledger, "between", chance, 1)
    time.sleep(0.4)
    try:
        answers["once-post"] = http.post(f"{ledger}/once-post").json()["answer"]
    except Interrupted:
        answers["once-post"] = "interrupted"
    sleep(seconds=0.3)
    answers["after"] = act(ledger, "after", chance, 2)
    answers["slept long enough"] = time.time() - began_s >= 0.72
    return answers


@workflow
def futures(ledger: str) -> Answers:
    """Effects that are started and waited for in another order, later, or not at all."""
    names = ["a", "b", "c"]
    started = {name: http.put.start(f"{ledger}/{name}", json={}) for name in names}
    slow = http.get.start(f"{ledger}/slow?delay=0.8")
    dropped = http.get.start(f"{ledger}/maybe-dropped?delay=5")
    once = act_once.start(ledger, "once-started", 1)
    forgotten = act.start(ledger, "maybe-forgotten", 0.0, 1)
    sleep(seconds=0.02)
    answers: Answers = {n: started[n].result().json()["answer"] for n in reversed(names)}
    dropped.cancel()
    try:
        answers["once-started"] = once.result()
    except Interrupted:
        answers["once-started"] = "interrupted"
    answers["slow"] = slow.result().json()["answer"]  # the guest is evicted while it waits
    answers["forgotten"] = isinstance(forgotten.done(), bool)
    return answers


@workflow
async def concurrent(ledger: str) -> Answers:
    """Many things at the same time, in asyncio."""

    async def fetch(name: str, **options: Any) -> tuple[str, str]:
        try:
            response = await http.request.start(
                options.pop("method", "GET"), f"{ledger}/{name}", **options
            )
        except Interrupted:
            return name, "interrupted"
        return name, response.json()["answer"]

    async def work(name: str, amount: int) -> tuple[str, str]:
        await asyncio.sleep(amount / 100)
        return name, await act_async(ledger, name, amount)

    answers = dict(
        await asyncio.gather(
            fetch("g1"),
            fetch("p1", method="PUT", json={}),
            fetch("once-p2", method="POST", json={}),
            work("w1", 2),
            work("w2", 1),
        )
    )
    try:
        async with asyncio.timeout(0.15):
            await fetch("maybe-late?delay=5")
    except TimeoutError:
        answers["late"] = "gave up"
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(f"t{n}", n)) for n in range(3)]
    answers.update(task.result() for task in tasks)
    return answers


@workflow
def processes(ledger: str) -> Answers:
    """Steps in worker processes."""
    answers: Answers = {"one": act_apart(ledger, "one", 1)}
    answers["two"] = act_apart.start(ledger, "two", 2).result()
    return answers


@workflow
def many(ledger: str) -> Answers:
    """A loop of small effects, so that there is a journal to come back along."""
    chance = random.random()
    total = 0
    answers: Answers = {}
    for n in range(6):
        answers[f"e{n}"] = act(ledger, f"e{n}", chance, total)
        total += sum(map(ord, answers[f"e{n}"]))
        print(n, random.random(), time.time())
    return answers
