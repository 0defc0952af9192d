"""Workflows that carry out a program they are given; imported natively and in guests.

A program is a list of operations, each a list with its name in front. Every outcome goes into a
digest, and the digest goes into every request: whatever differs once differs for ever after.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import math
import random
import time
import uuid
import weakref
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from flawless import EffectError, Future, http, sleep, step, workflow

log = logging.getLogger("programs")

Program = list[list[Any]]


@step
def echo(text: str) -> str:
    """Give it back."""
    return text


@step
async def echo_async(text: str, failing: bool) -> str:
    """Give it back, or fail."""
    if failing:
        raise LookupError(text)
    return text


class Digest:
    """What has happened so far, in a few characters."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, *values: object) -> None:
        """Take in the outcome of an operation."""
        self._hash.update(repr(values).encode())

    def __str__(self) -> str:
        return self._hash.hexdigest()[:12]


@workflow
def carry_out(program: Program, site: str) -> str:
    """Carry out a program one operation after the other."""
    digest = Digest()
    _sync(program, site, digest)
    return str(digest)


@workflow
async def carry_out_async(program: Program, site: str) -> str:
    """Carry out a program with asyncio, parts of it at the same time."""
    digest = Digest()
    await _async(program, site, digest)
    return str(digest)


def _sync(program: Program, site: str, digest: Digest) -> None:
    started: list[Future[Any]] = []
    for name, *arguments in program:
        match name:
            case "sleep":
                sleep(seconds=arguments[0] / 1_000)
            case "start":
                started.append(_start(arguments, site, digest))
            case "join" if started:
                digest.add(_outcome(started.pop(arguments[0] % len(started))))
            case "drop" if started:
                started.pop(arguments[0] % len(started)).cancel()
            case "effect":
                digest.add(_outcome(_start(arguments, site, digest)))
            case "loop" | "gather" | "race" | "timeout":
                for part in arguments[-1]:
                    _sync(part, site, digest)
            case _:
                _pure(name, arguments, digest)
    for future in started[1:]:
        digest.add(_outcome(future))


async def _async(program: Program, site: str, digest: Digest) -> None:
    for name, *arguments in program:
        match name:
            case "sleep":
                await asyncio.sleep(arguments[0] / 1_000)
            case "effect" | "start":
                digest.add(await _outcome_async(_start(arguments, site, digest)))
            case "loop":
                for part in arguments[-1]:
                    await _async(part, site, digest)
            case "gather":
                async with asyncio.TaskGroup() as group:
                    for part in arguments[-1]:
                        group.create_task(_async(part, site, digest))
            case "race":
                tasks = {asyncio.create_task(_async(part, site, digest)) for part in arguments[-1]}
                done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                digest.add(len(done), len(pending))
                for task in pending:
                    task.cancel()
                digest.add(await asyncio.gather(*pending, return_exceptions=True))
            case "timeout":
                try:
                    async with asyncio.timeout(arguments[0] / 1_000):
                        for part in arguments[-1]:
                            await _async(part, site, digest)
                except TimeoutError:
                    digest.add("timeout")
            case _:
                _pure(name, arguments, digest)


def _start(arguments: list[Any], site: str, digest: Digest) -> Future[Any]:
    kind, text = arguments
    match kind:
        case "step":
            return echo.start(f"{digest} {text}")
        case "async step" | "failing step":
            return echo_async.start(f"{digest} {text}", kind == "failing step")
        case "closed port":
            return http.get.start("http://127.0.0.1:1/")
        case _:
            body = None if kind == "GET" else {"text": text, "digest": str(digest)}
            return http.request.start(kind, f"{site}/{text}", json=body)


def _outcome(future: Future[Any]) -> Any:
    try:
        return _plain(future.result())
    except (EffectError, LookupError) as error:
        return repr(error)


async def _outcome_async(future: Future[Any]) -> Any:
    try:
        return _plain(await future)
    except (EffectError, LookupError) as error:
        return repr(error)


def _plain(value: Any) -> Any:
    return value.text if isinstance(value, http.Response) else value


def _pure(name: str, arguments: list[Any], digest: Digest) -> None:
    operation = PURE.get(name)
    if operation is not None:
        digest.add(operation(arguments, digest))


def _sets(arguments: list[Any], digest: Digest) -> list[str]:
    mixed = {frozenset(arguments[0]), str(digest), (1, str(digest)), 1.5}
    return [str(item) for item in mixed]


def _finalizers(arguments: list[Any], digest: Digest) -> list[int]:
    order: list[int] = []
    for number in range(arguments[0]):
        thing = Digest()
        thing.itself = thing  # type: ignore[attr-defined]  # a cycle, for the collector
        weakref.finalize(thing, order.append, number)
    gc.collect()
    return order


def _log(arguments: list[Any], digest: Digest) -> None:
    print(digest, arguments)
    log.warning("at %s", digest)


PURE: dict[str, Callable[[list[Any], Digest], Any]] = {
    "random": lambda a, d: (random.random(), random.gauss(0, 1), random.sample(range(99), 5)),
    "time": lambda a, d: (time.time(), datetime.now().isoformat(), time.monotonic()),
    "uuid": lambda a, d: str(uuid.uuid4()),
    "set": lambda a, d: list({f"{d}{item}" for item in a[0]}),
    "sets": _sets,
    "dict": lambda a, d: list({item: str(d) for item in a[0]}.items()),
    "hash": lambda a, d: (hash(str(d)), hash((1.5, "x")), hash(object) != 0),
    "address": lambda a, d: (id(d), repr(object()), hash(Digest)),
    "float": lambda a, d: (math.sin(a[1]), math.fsum([0.1] * 9), float("nan"), a[1] ** 0.5),
    "decimal": lambda a, d: Decimal(a[1]).sqrt(),
    "finalizers": _finalizers,
    "log": _log,
}
"""Operations without effects, or with such as every program has: logs, time, randomness."""
