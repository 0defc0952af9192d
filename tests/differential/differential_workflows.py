"""Workflows that carry out a program over all primitives; imported natively and in guests.

A program is data (see `cases.py`): operations, each a list with its name in front. Every outcome
goes into a digest, and the digest goes into what is asked next: what differs once differs for ever
after.

Lengths of time are microseconds, and no two in a program are the same. So everything that happens
to an execution happens at a time of its own, and there is one right order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
import uuid
from binascii import crc32
from collections.abc import Callable
from typing import Any

from differential_steps import work, work_async, work_once

import flawless
from flawless import (
    Cancelled,
    Future,
    as_completed,
    compensation,
    continue_as_new,
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

log = logging.getLogger("programs")

Program = dict[str, Any]
Operation = list[Any]

EXPECTED = (flawless.FlawlessError, LookupError, TimeoutError)
"""What operations may raise; the program goes on."""


class Run:
    """What one run of a program has seen and has under way."""

    def __init__(self, parent: str, carried: str) -> None:
        self.parent = parent
        self.started: list[Future[Any]] = []
        self.children: list[Any] = []
        self._digest = 0
        self.note(carried)

    def note(self, *values: object) -> None:
        """Take in the outcome of an operation."""
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        self._digest = crc32(text.encode(), self._digest)

    def __str__(self) -> str:
        return f"{self._digest:08x}"

    def noted(self, error: BaseException) -> None:
        """Take in an error."""
        self.note(*shown(error))

    # --- what both styles share ---------------------------------------------------------------

    def begin(self, spec: Operation) -> Future[Any]:
        """Start what a spec tells of."""
        name, *given = spec
        match name:
            case "step":
                return work.start(f"{self} {given[0]}", *given[1:])
            case "async step":
                return work_async.start(f"{self} {given[0]}", *given[1:])
            case "fetch":
                method, us = given
                return http.request.start(method, f"http://world/{self}?us={us}")
            case "sleep":
                return sleep.start(seconds=given[0] / 1e6)
            case "receive":
                return receive.start(given[0])
            case "child":
                return self.child(*given)
        raise AssertionError(name)

    def child(self, program: Program, close: str, deadline_us: int | None) -> Future[Any]:
        """Start a child."""
        deadline = None if deadline_us is None else deadline_us / 1e6
        kind = carry_out_async if program["async"] else carry_out
        child = kind.start(program, execution_id(), "", parent_close=close, deadline=deadline)
        self.children.append(child)
        return child

    def quick(self, name: str, given: list[Any]) -> bool:
        """Do an operation that takes no time; False if it is none."""
        match name:
            case "pure":
                self.note(PURE[given[0]]())
            case "log":
                print(self, given[0])
                log.warning("at %s", self)
            case "publish":
                publish({"digest": str(self), "n": given[0]})
            case "respond":
                respond(str(self))
            case "start":
                self.started.append(self.begin(given[0]))
            case "drop":
                if self.started:
                    future = self.started.pop(given[0] % len(self.started))
                    if not isinstance(future, flawless.Child):
                        self.note(future.cancel())
            case "tell":
                self.tell(*given)
            case "cancel":
                if self.children:
                    child = self.children[given[0] % len(self.children)]
                    self.note(child.cancel(f"{self} {given[1]}"))
            case "fail":
                raise RuntimeError(f"{self} {given[0]}")
            case _:
                return False
        return True

    def tell(self, whom: str, number: int, name: str, text: str) -> None:
        """Send a message."""
        payload = {"digest": str(self), "text": text}
        if whom == "child":
            if self.children:
                self.children[number % len(self.children)].send(name, payload)
            return
        to = execution_id() if whom == "self" else self.parent
        if to:
            send(to, name, payload)

    def undo_of(self, text: str, us: int, failures: int) -> Callable[[], str]:
        """Return an undo that fails so often before it succeeds."""
        left = [failures]

        def undo() -> str:
            if left[0]:
                left[0] -= 1
                raise LookupError(f"{text} {left[0]}")
            done = work.start(f"{self} undo {text}", us, 0, False).result()
            self.note(done)
            return str(done)

        return undo

    # --- one after the other ------------------------------------------------------------------

    def carry_out(self, operations: list[Operation]) -> None:
        """Carry out operations in plain code."""
        for name, *given in operations:
            try:
                if not self.quick(name, given):
                    self.operate(name, given)
            except EXPECTED as error:
                self.noted(error)

    def operate(self, name: str, given: list[Any]) -> None:
        """Carry out an operation that waits for something."""
        match name:
            case "sleep":
                sleep(seconds=given[0] / 1e6)
            case "step":
                self.note(work(f"{self} {given[0]}", *given[1:]))
            case "once":
                self.note(work_once(f"{self} {given[0]}", given[1]))
            case "effect":
                self.note(plain(self.begin(given[0]).result()))
            case "join" if self.started:
                future = self.started.pop(given[0] % len(self.started))
                self.note(plain(future.result(timeout=given[1] / 1e6)))
            case "receive":
                self.note(receive(given[0], timeout=given[1] / 1e6))
            case "messages":
                names, us, most = given
                for message in messages(*names, timeout=us / 1e6):
                    self.note(message.name, message.payload, message.id)
                    most -= 1
                    if not most:
                        break
            case "gather":
                specs, quiet = given
                futures = [self.begin(spec) for spec in specs]
                self.note([*map(plain, gather(*futures, return_exceptions=quiet))])
            case "select":
                specs, us = given
                futures = [self.begin(spec) for spec in specs]
                self.started += futures
                first = select(*futures, timeout=us / 1e6)
                self.note(None if first is None else futures.index(first))
            case "as_completed":
                specs, us = given
                futures = [self.begin(spec) for spec in specs]
                self.started += futures
                for future in as_completed(futures, timeout=us / 1e6):
                    self.note(futures.index(future))
            case "wait":
                specs, us, when = given
                futures = [self.begin(spec) for spec in specs]
                self.started += futures
                done, pending = wait(futures, timeout=us / 1e6, return_when=when)
                self.note([futures.index(f) for f in done], len(pending))
            case "undo":
                operations, undos = given
                with compensation() as undo:
                    for one in undos:
                        undo(self.undo_of(*one))
                    self.carry_out(operations)
                    raise LookupError("undo it all")
            case "group" | "timeout":
                for part in given[-1]:
                    self.carry_out(part)

    # --- at the same time ---------------------------------------------------------------------

    async def carry_out_async(self, operations: list[Operation]) -> None:
        """Carry out operations with asyncio."""
        for name, *given in operations:
            try:
                if not self.quick(name, given):
                    await self.operate_async(name, given)
            except EXPECTED as error:
                self.noted(error)

    async def operate_async(self, name: str, given: list[Any]) -> None:
        """Carry out an operation that waits for something."""
        match name:
            case "sleep":
                await asyncio.sleep(given[0] / 1e6)
            case "step":
                self.note(await work_async(f"{self} {given[0]}", *given[1:]))
            case "once":
                self.note(await work_once.start(f"{self} {given[0]}", given[1]))
            case "effect":
                self.note(plain(await self.begin(given[0])))
            case "join" if self.started:
                future = self.started.pop(given[0] % len(self.started))
                self.note(plain(await asyncio.wait_for(future, given[1] / 1e6)))
            case "receive":
                self.note(await asyncio.wait_for(receive.start(given[0]), given[1] / 1e6))
            case "messages":
                names, us, most = given
                async for message in messages(*names, timeout=us / 1e6):
                    self.note(message.name, message.payload, message.id)
                    most -= 1
                    if not most:
                        break
            case "gather":
                specs, quiet = given
                futures = [self.begin(spec) for spec in specs]
                got = await asyncio.gather(*futures, return_exceptions=quiet)
                self.note([*map(plain, got)])
            case "select" | "wait":
                await self.wait_async(*given)
            case "as_completed":
                specs, us = given
                for completed in asyncio.as_completed(map(self.begin, specs), timeout=us / 1e6):
                    self.note(plain(await completed))
            case "undo":
                operations, undos = given
                async with compensation() as undo:
                    for one in undos:
                        undo(self.undo_of(*one))
                    await self.carry_out_async(operations)
                    raise LookupError("undo it all")
            case "group":
                async with asyncio.TaskGroup() as group:
                    for part in given[-1]:
                        group.create_task(self.branch().carry_out_async(part))
            case "timeout":
                async with asyncio.timeout(given[0] / 1e6):
                    for part in given[-1]:
                        await self.carry_out_async(part)

    async def wait_async(
        self, specs: list[Operation], us: int, when: str = "FIRST_COMPLETED"
    ) -> None:
        """Wait for some of several effects, and give up the others."""
        tasks = [asyncio.ensure_future(self.begin(spec)) for spec in specs]
        done, pending = await asyncio.wait(tasks, timeout=us / 1e6, return_when=when)
        self.note([n for n, task in enumerate(tasks) if task in done])
        for task in tasks:
            if task in pending:
                task.cancel()
        self.note([*map(plain, await asyncio.gather(*tasks, return_exceptions=True))])

    def branch(self) -> Run:
        """Return a run for a task of its own."""
        made = Run(self.parent, str(self))
        made.children = self.children
        return made


def plain(value: Any) -> Any:
    """Return what can be noted of an outcome."""
    if isinstance(value, http.Response):
        return value.text
    if isinstance(value, BaseException):
        return shown(value)
    return value


def shown(error: BaseException) -> tuple[str, str]:
    """Return what can be noted of an error: no words, where each language has its own."""
    name = type(error).__name__
    own = name in ("UsageError", "TimeoutError", "ExecutionFailed")
    return name, "" if own else str(error)


PURE: dict[str, Callable[[], Any]] = {
    "random": lambda: (str(random.random()), random.sample(range(99), 5)),
    "time": lambda: (time.time_ns(), time.monotonic() >= 0),
    "uuid": lambda: str(uuid.uuid4()),
}


@workflow
def carry_out(program: Program, parent: str, carried: str) -> str:
    """Carry out a program in plain code."""
    run = Run(parent, carried)
    try:
        run.carry_out(program["operations"])
    except Cancelled as told:
        run.note("cancelled", str(told))
        run.carry_out(program["clean-up"])
        if program["obeys"]:
            raise
    if program["runs"] > 1:
        continue_as_new({**program, "runs": program["runs"] - 1}, parent, str(run))
    return str(run)


@workflow
async def carry_out_async(program: Program, parent: str, carried: str) -> str:
    """Carry out a program with asyncio."""
    run = Run(parent, carried)
    try:
        await run.carry_out_async(program["operations"])
    except Cancelled as told:
        run.note("cancelled", str(told))
        await run.carry_out_async(program["clean-up"])
        if program["obeys"]:
            raise
    if program["runs"] > 1:
        continue_as_new({**program, "runs": program["runs"] - 1}, parent, str(run))
    return str(run)
