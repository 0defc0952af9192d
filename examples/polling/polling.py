"""Asking until something is ready, more and more rarely, for as long as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flawless import HTTPError, http, publish, sleep, workflow

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """How it stands: published while it waits, and returned in the end."""

    job: str
    status: str
    asked: int
    waited: timedelta


def pauses() -> Iterator[timedelta]:
    """Yield pauses that double up to the longest one, and go on for ever."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def status_of(office: str, job: str) -> str:
    """Ask once. Trouble on the way there is no answer, and no reason to give up."""
    try:
        answer = http.get(f"{office}/status", params={"job": job}, timeout="10s")
    except HTTPError:
        return "unreachable"
    return str(answer.json()["status"]) if answer.ok else "in trouble"


@workflow
def wait_until_ready(office: str, job: str) -> Progress:
    """Wait for a job that may take a minute or a year.

    A year means some 375 requests, and as many sleeps: the journal of one run holds that easily.
    A loop that goes on for ever would use `continue_as_new`, as the example `subscription` does.
    """
    began = datetime.now()
    for asked, pause in enumerate(pauses(), 1):
        status = status_of(office, job)
        progress = Progress(job, status, asked, datetime.now() - began)
        publish(progress)
        if status == "ready":
            return progress
        sleep(pause)
    raise AssertionError("the pauses never end")
