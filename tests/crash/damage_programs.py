"""The workflows whose stores are damaged: a bit of all that a store keeps, and certain results."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

from flawless import publish, receive, sleep, step, workflow


def mark(name: str) -> None:
    """Leave a trace in the outside world."""
    with Path(os.environ["DAMAGE_MARKS"]).open("a") as file:
        file.write(f"{name}\n")


@step
def note(name: str, size: int = 0) -> str:
    """Act, and answer with what depends on the arguments alone."""
    mark(name)
    text = hashlib.sha256(name.encode()).hexdigest()
    return (text * (1 + size // len(text)))[: max(16, size)]


@step(at_most_once=True)
def note_once(name: str) -> str:
    """Act at most once."""
    mark(name)
    return name


@workflow
def chain(name: str, count: int) -> list[str]:
    """One step after the other, with answers of very different lengths."""
    chances = [random.random()]
    answers = []
    for n in range(count):
        answers.append(note(f"{name}-{n}", size=(n * 977) % 5000)[:16])
        chances.append(random.random())
    assert len(set(chances)) == count + 1
    return answers


@workflow
def once(name: str) -> list[str]:
    """Steps that must not be repeated."""
    answers = []
    for n in range(3):
        try:
            answers.append(note_once(f"{name}-{n}"))
        except Exception as error:
            answers.append(type(error).__name__)
        publish({"stage": n})
    return answers


@workflow
def family(name: str) -> list[list[str]]:
    """Children that work side by side."""
    from flawless import gather

    begun = [chain.start(f"{name}.{n}", 2, id=f"{name}.{n}") for n in range(2)]
    return [*gather(*begun)]


@workflow
def listener(name: str) -> list[str]:
    """Messages, and a nap before each."""
    heard = []
    for n in range(3):
        sleep(0.01)
        heard.append(str(receive("word")))
        note(f"{name}-{n}")
    return heard
