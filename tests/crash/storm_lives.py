"""Workflows that live long: through a hundred kills, for days, and by the thousand.

See `storm_workflows` for what the names of effects promise.
"""

from __future__ import annotations

import random
import time

from storm_steps import act, act_once
from storm_workflows import Answers

from flawless import Interrupted, http, receive, select, sleep, workflow

ROUNDS = 25
DAY_S = 86_400


@workflow
def lasts(ledger: str) -> Answers:
    """Steps, requests, pauses and messages, one after the other, for many rounds."""
    chance = random.random()
    answers: Answers = {}
    for n in range(ROUNDS):
        answers[f"s{n}"] = act(ledger, f"s{n}", chance, n)
        put = http.put(f"{ledger}/p{n}", json={"chance": chance})
        answers[f"p{n}"] = put.json()["answer"]
        try:
            answers[f"once-{n}"] = act_once(ledger, f"once-{n}", n)
        except Interrupted:
            answers[f"once-{n}"] = "interrupted"
        sleep(seconds=0.01)
        answers[f"m{n}"] = receive("item")
    return answers


@workflow
def naps(ledger: str) -> Answers:
    """A step, a day of sleep, a step, and a message that does not come within another day."""
    began_s = time.time()
    answers: Answers = {"before": act(ledger, "before", 0.0, 1)}
    sleep(days=1)
    answers["slept a day"] = time.time() - began_s >= DAY_S
    answers["after"] = act(ledger, "after", 0.0, 2)
    answers["never"] = receive("never", timeout=DAY_S)
    answers["waited a day"] = time.time() - began_s >= 2 * DAY_S
    answers["last"] = act(ledger, "last", 0.0, 3)
    return answers


@workflow
def dozes(ledger: str) -> Answers:
    """The least of all: a step, a day of sleep, a step."""
    answers: Answers = {"before": act(ledger, "before", 0.0, 1)}
    sleep(days=1)
    answers["after"] = act(ledger, "after", 0.0, 2)
    return answers


@workflow
def hopes(ledger: str) -> Answers:
    """An answer that does not come for a day, while the guest has other things to wait for."""
    answers: Answers = {"before": act(ledger, "before", 0.0, 1)}
    slow = http.get.start(f"{ledger}/maybe-slow?delay=600", timeout=3_000)
    timer = sleep.start(days=1)
    answers["first"] = "timer" if select(slow, timer) is timer else "answer"
    slow.cancel()
    answers["after"] = act(ledger, "after", 0.0, 2)
    return answers
