"""Workflows that are forked; for the engine's tests."""

import time
from pathlib import Path

from life_programs import mark

import flawless
from flawless import Cancelled, continue_as_new, publish, receive, respond, send, step, workflow


@step
def stamps(name: str) -> list[str]:
    info = flawless.step_info()
    return [name, info.execution_id, info.idempotency_key]


@workflow
def walks(names: list[str]) -> list[list[str]]:
    publish("begun")
    respond("hello")
    stamped = []
    for name in names:
        stamped.append(stamps(name))
        publish(name)
    return stamped


@workflow
def adds(a: int, b: int) -> int:
    return a + b


@workflow
def listens() -> object:
    return receive("word")


@workflow
def minds(runs: int = 1) -> list[object]:
    """Have children, and talk to them and to itself, in the last of some runs."""
    if runs > 1:
        adds(1, 1)
        continue_as_new(runs - 1)
    first = adds.start(1, 2)
    total = first.result()
    second, third = listens.start(), adds.start(total, 1)
    second.send("word", "for the second")
    send(flawless.execution_id(), "note", 5)
    return [first.id, total, second.id, second.result(), third.result(), receive("note")]


@workflow
def tidies() -> str:
    try:
        receive("never")
    except Cancelled:
        publish("tidying")
        receive("tidied")
        raise
    return "done"


@workflow(deadline="2s")
def hurries() -> object:
    return receive("word")


@step
def must_exist(file: str) -> str:
    return Path(file).read_text()


@workflow
def reads(folder: str) -> str:
    mark(folder, "begun")
    stamps("before")
    return must_exist(f"{folder}/wanted")


@step(on_interrupt="park")
def pays(folder: str) -> str:
    mark(folder, "paid")
    return "receipt"


@step(at_most_once=True)
def charges(folder: str) -> str:
    mark(folder, "charged")
    return "receipt"


@workflow
def settles(folder: str) -> list[str]:
    paid = pays(folder)
    try:
        return [paid, charges(folder)]
    except flawless.Interrupted:
        return [paid, "interrupted"]


@workflow
def hears() -> list[object]:
    return [flawless.execution_id(), receive("word")]


@workflow
def naps() -> str:
    time.sleep(3_600)
    return "rested"
