"""A thousand photos at once, but not too many at once: with steps, and with children."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field

from flawless import ExecutionFailed, Future, gather, idempotency_key, step, wait, workflow


class Unreadable(Exception):
    """A photo is no photo."""


@dataclass
class Report:
    """What became of the photos: their sizes, and why some have none."""

    sizes: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def bytes_in_all(self) -> int:
        """The size of all that succeeded."""
        return sum(self.sizes.values())


@step
def shrink(studio: str, photo: str) -> int:
    """Make a small copy of a photo; return its size in bytes."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key()}
    order = urllib.request.Request(
        f"{studio}/shrink", json.dumps({"photo": photo}).encode(), headers
    )
    try:
        with urllib.request.urlopen(order, timeout=30) as answer:
            return int(json.load(answer)["bytes"])
    except urllib.error.HTTPError as error:
        raise Unreadable(json.load(error)["reason"]) from None


@workflow
async def with_steps(studio: str, photos: list[str], at_once: int = 50) -> Report:
    """Fan out over steps with asyncio alone: tasks, and a semaphore that bounds them."""
    report = Report()
    room = asyncio.Semaphore(at_once)

    async def one(photo: str) -> None:
        async with room:
            try:
                report.sizes[photo] = await shrink.start(studio, photo)
            except Unreadable as problem:
                report.failed[photo] = str(problem)

    async with asyncio.TaskGroup() as group:
        for photo in photos:
            group.create_task(one(photo))
    return report


@workflow
def album(studio: str, photos: list[str]) -> dict[str, int]:
    """Shrink the photos of one album, or fail with the first that cannot be read."""
    sizes = gather(*[shrink.start(studio, photo) for photo in photos])
    return dict(zip(photos, sizes, strict=True))


@workflow
def with_children(
    studio: str, photos: list[str], of_album: int = 20, albums_at_once: int = 4
) -> Report:
    """Fan out over children, each with an id, a journal and a failure of its own."""
    report = Report()
    albums = divide(photos, of_album)
    running: dict[Future[dict[str, int]], str] = {}
    while albums or running:
        while albums and len(running) < albums_at_once:
            some = albums.pop(0)
            running[album.start(studio, some)] = f"{some[0]} to {some[-1]}"
        done, _ = wait(running, return_when="FIRST_COMPLETED")
        for child in done:
            name = running.pop(child)
            try:
                report.sizes |= child.result()
            except ExecutionFailed as problem:
                report.failed[name] = problem.message
    return report


def divide(photos: Sequence[str], length: int) -> list[list[str]]:
    """Cut the photos into lists of that length."""
    return [list(photos[n : n + length]) for n in range(0, len(photos), length)]
