"""What still counts of a journal, and where a failed execution can go on."""

from __future__ import annotations

import pytest

from flawless.core.entries import (
    FORMAT,
    Arrived,
    Called,
    Cancelled,
    CancelObserved,
    ClockRead,
    Completed,
    Continued,
    Dropped,
    Elapsed,
    Entered,
    Entry,
    Failed,
    Invoked,
    Logged,
    Observed,
    Parked,
    Published,
    Repeated,
    Resolved,
    Responded,
    Retried,
    Slept,
    Started,
)
from flawless.core.history import History, NoResumePoint, end_of, history, resume_point

INVOKED = Invoked(FORMAT, "app.checkout", "d1", 0, b"", b"{}")
RAISED = Failed(90, b'{"type":"StepFailed","traceback":"..."}')
STOPPED = Failed(90, b'{"type":"GuestCpuExceeded"}')


def ok(effect: int, at: int = 1) -> Called:
    """Return an effect that went well."""
    return Called(at, 7, effect, f"step s{effect}", False, b"1")


def bad(effect: int, at: int = 1) -> Called:
    """Return an effect that failed."""
    return Called(at, 7, effect, f"step s{effect}", True, b"{}")


def started(effect: int, until: int | None = None) -> Started:
    """Return the start of an effect."""
    return Started(1, 7, effect, f"step s{effect}", until)


def seen(effect: int, *, failed: bool = False, payload: bytes | None = b"1") -> Observed:
    """Return the end of a started effect."""
    return Observed(2, 7, effect, failed, payload)


def kept(*entries: Entry) -> list[Entry]:
    """Return what counts behind entry 0."""
    return history([INVOKED, *entries]).entries[1:]


# --- what counts ----------------------------------------------------------------------------------


def test_without_a_retry_everything_counts() -> None:
    """A journal without `Retried` is what it is."""
    entries: list[Entry] = [INVOKED, ok(1), bad(2), RAISED]
    assert history(entries) == History(entries, [0, 1, 2, 3], None)


def test_one_retry() -> None:
    """Entries from the resume point to the retry no longer count, those behind it do."""
    retried = Retried(95, 2, 2, "ann")
    entries: list[Entry] = [INVOKED, ok(1), bad(2), RAISED, retried, ok(2), Completed(99, b"1")]
    past = history(entries)
    assert past.entries == [INVOKED, ok(1), ok(2), Completed(99, b"1")]
    assert past.positions == [0, 1, 5, 6]
    assert past.retried == retried
    assert past.retried_at == 4


def test_several_retries() -> None:
    """Positions are those of the whole journal, however often it was retried."""
    entries: list[Entry] = [INVOKED, ok(1), bad(2), RAISED]
    entries += [Retried(95, 2, 2), bad(2), RAISED]
    entries += [Retried(96, 2, 5), ok(2), bad(3), RAISED]
    entries += [Retried(97, 1, 1), ok(1)]
    past = history(entries[:8])
    assert past.entries == [INVOKED, ok(1)]
    past = history(entries[:11])
    assert past.entries == [INVOKED, ok(1), ok(2), bad(3), RAISED]
    assert past.positions == [0, 1, 8, 9, 10]
    past = history(entries)
    assert past.entries == [INVOKED, ok(1)]
    assert past.positions == [0, 12]
    assert past.retried == Retried(97, 1, 1)


def test_earlier_tries_of_the_effect_are_forgotten() -> None:
    """What stands before the resume point about the retried effect itself does not count."""
    before: list[Entry] = [
        started(1),
        Entered(1, 7, 2, "step s2"),
        Arrived(1, 2, True, b"{}"),
        Parked(1, 2, "step s2"),
        Resolved(1, 2, True, b"{}"),
        Repeated(1, 2),
        Parked(1, 1, "step s1"),
    ]
    assert kept(*before, bad(2), RAISED, Retried(95, 2, 8)) == [started(1), Parked(1, 1, "step s1")]
    assert kept(*before, RAISED, Retried(95, 0, 8)) == before


def test_outcomes_behind_the_resume_point() -> None:
    """An outcome of an effect that was started before is not forgotten: it may come only once."""
    late: list[Entry] = [
        Arrived(1, 1, False, b"1"),
        seen(2),
        seen(3, payload=None),
        Resolved(1, 4, False, b"4"),
        Resolved(1, 5, False, None),
        seen(6),
        Arrived(1, 7, False, b"7"),
        Arrived(1, 8, False, b"8"),
        Arrived(1, 10, False, b"10"),
    ]
    begun: list[Entry] = [
        started(1),
        started(2),
        started(3),
        started(4),
        started(5),
        started(6, 50),
        started(7),
    ]
    begun += [started(8), Arrived(1, 3, False, b"3"), Dropped(1, 7, 8)]
    entries: list[Entry] = [*begun, bad(9), *late, RAISED]
    assert kept(*entries, Retried(95, 9, len(begun) + 1)) == [
        *begun,
        Arrived(1, 1, False, b"1"),
        Arrived(2, 2, False, b"1"),
        Resolved(1, 4, False, b"4"),
        Arrived(1, 7, False, b"7"),
    ]


def test_the_retried_effect_s_own_outcome_is_forgotten() -> None:
    """A started effect that is retried has no outcome, wherever it stood."""
    entries: list[Entry] = [
        started(1),
        Arrived(1, 1, True, b"{}"),
        seen(1, failed=True, payload=None),
        RAISED,
    ]
    assert kept(*entries, Retried(95, 1, 3)) == [started(1)]
    entries = [started(1), seen(1, failed=True), RAISED]
    assert kept(*entries, Retried(95, 1, 2)) == [started(1)]


def test_cancelled() -> None:
    """The news that it is cancelled counts while its entry does; a retry begins the grace anew."""
    told = CancelObserved(10, 7, 1, "enough", 40)
    assert history([INVOKED, ok(1)]).cancelled is None
    assert history([INVOKED, told, bad(2), RAISED]).cancelled == told
    again = history([INVOKED, told, bad(2), RAISED, Retried(95, 2, 2)]).cancelled
    assert again == CancelObserved(10, 7, 1, "enough", 125)
    assert history([INVOKED, bad(2), told, RAISED, Retried(95, 2, 1)]).cancelled is None
    later = CancelObserved(99, 7, 1, "enough", 140)
    assert history([INVOKED, bad(2), RAISED, Retried(95, 2, 1), later]).cancelled == later
    endless = CancelObserved(10, 7, 1, "enough")
    assert history([INVOKED, endless, bad(2), RAISED, Retried(95, 2, 2)]).cancelled == endless


def test_parked() -> None:
    """Effects wait for a decision until it comes, or nobody wants it any more."""
    entries: list[Entry] = [INVOKED]
    entries += [Parked(1, effect, "step", effect == 2) for effect in range(1, 8)]
    assert history(entries).parked == {n: n == 2 for n in range(1, 8)}
    entries += [
        Resolved(1, 1, False, None),
        CancelObserved(1, 7, 2, "enough"),
        Dropped(1, 7, 3),
        ok(4),
        seen(5),
        CancelObserved(1, 7, 0, "enough"),
        Resolved(1, 6, False, b"1"),
    ]
    assert history(entries).parked == {7: False}
    entries.append(Parked(2, 1, "step"))
    assert history(entries).parked == {7: False, 1: False}


@pytest.mark.parametrize(
    "end", [Completed(1, b"1"), STOPPED, RAISED, Cancelled(1, b"{}"), Continued(1, b"{}")]
)
def test_end(end: Entry) -> None:
    """A journal's end is its last entry, if that is one."""
    assert end_of([INVOKED, end]) == end
    assert end_of([INVOKED, end, Retried(1, 0, 1)]) is None
    assert end_of([INVOKED]) is None


# --- where to go on -------------------------------------------------------------------------------


def test_the_effect_that_failed() -> None:
    """By default an execution goes on with the effect whose error ended it."""
    point = resume_point([INVOKED, ok(1), bad(2), RAISED])
    assert (point.effect, point.resume, point.label) == (2, 2, "step s2")
    assert point.outcomes == [bad(2)]


def test_a_started_effect_that_failed() -> None:
    """A started effect is named by its start."""
    entries: list[Entry] = [INVOKED, started(1), ok(2), seen(1, failed=True), RAISED]
    point = resume_point(entries)
    assert (point.effect, point.resume, point.label) == (1, 3, "step s1")
    assert point.outcomes == [entries[3]]


def test_harmless_things_behind_the_failure() -> None:
    """Logs, looks at the clock and what merely happened do not hinder a retry."""
    harmless: list[Entry] = [
        Logged(1, 7, 20, "app", "oh"),
        ClockRead(1),
        Published(1, 7),
        Arrived(1, 3, False, b"1"),
        CancelObserved(1, 7, 4, "enough"),
        Entered(1, 7, 4, "step"),
        Parked(1, 5, "step"),
        Resolved(1, 5, False, None),
    ]
    assert resume_point([INVOKED, bad(1), *harmless, RAISED]).resume == 1


def test_looks_at_what_was_started_before_are_harmless() -> None:
    """A failed fan-out waits for the others before it ends: the first failure is the point."""
    before = [INVOKED, started(1), started(2), started(3), started(4)]
    rest = [seen(2), Observed(1, 7, 3, True, b"{}"), Elapsed(1, 7), Dropped(1, 7, 4)]
    entries: list[Entry] = [*before, Observed(1, 7, 1, True, b"{}"), *rest, RAISED]
    point = resume_point(entries)
    assert (point.effect, point.resume) == (1, 5)
    assert [outcome.effect for outcome in point.outcomes] == [1, 3]
    past = history([*entries, Retried(2, 1, 5, "ann", [3])])
    outcomes = [e.effect for e in past.entries if isinstance(e, Arrived | Observed)]
    assert outcomes == [2], "what failed is open again, what succeeded is known"


def test_a_call_that_failed_later_is_the_point() -> None:
    """A call that was made after an earlier failure is what the retry begins with."""
    entries: list[Entry] = [INVOKED, bad(1), bad(2), RAISED]
    assert resume_point(entries).effect == 2
    assert [outcome.effect for outcome in resume_point(entries).outcomes] == [2]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (ok(3), "effect 3"),
        (started(4), "effect 4"),
        (Slept(1, 7, 5, 9), "effect 5"),
        (Responded(1, 7), "the response to the caller"),
    ],
)
def test_more_was_done_after_the_failure(entry: Entry, words: str) -> None:
    """What the workflow did after the failure would be done again: somebody has to say so."""
    entries: list[Entry] = [INVOKED, bad(2), entry, RAISED]
    with pytest.raises(NoResumePoint) as caught:
        resume_point(entries)
    text = str(caught.value)
    assert f"after effect 2 had failed the workflow did more ({words})" in text
    assert "--effect 2" in text
    assert "--from-start" in text
    assert resume_point(entries, 2).resume == 1


def test_only_the_first_few_are_listed() -> None:
    """A long list of what came after is cut."""
    entries: list[Entry] = [INVOKED, bad(1), *[ok(n) for n in range(2, 30)], RAISED]
    with pytest.raises(NoResumePoint, match=r"effect 25, effect 26, .*, effect 29\)"):
        resume_point(entries)


def test_an_effect_of_one_s_choice() -> None:
    """Any effect whose outcome the workflow has seen will do, failed or not."""
    entries: list[Entry] = [INVOKED, ok(1), started(2), seen(2), bad(3), RAISED]
    assert resume_point(entries, 1).resume == 1
    assert resume_point(entries, 2).resume == 3
    assert resume_point(entries, 2).label == "step s2"
    with pytest.raises(NoResumePoint, match="has seen no outcome of an effect 4"):
        resume_point(entries, 4)


def test_the_workflow_s_own_mistake() -> None:
    """Without a failed effect there is nothing to repeat."""
    with pytest.raises(NoResumePoint, match="no effect failed, the workflow's own code raised"):
        resume_point([INVOKED, ok(1), RAISED])
    assert resume_point([INVOKED, ok(1), RAISED], 1).resume == 1


def test_stopped_by_the_engine() -> None:
    """What the engine stopped goes on from its end, unless an effect is named."""
    entries: list[Entry] = [INVOKED, bad(1), ok(2), STOPPED]
    point = resume_point(entries)
    assert (point.effect, point.resume, point.outcomes) == (0, 3, ())
    assert resume_point(entries, 1).resume == 1


@pytest.mark.parametrize(
    "end", [ok(1), Completed(1, b"1"), Cancelled(1, b"{}"), Continued(1, b"{}")]
)
def test_not_failed(end: Entry) -> None:
    """Only a failed execution can be retried."""
    with pytest.raises(NoResumePoint, match="it has not failed"):
        resume_point([INVOKED, bad(1), end])


def test_a_second_retry_sees_what_counts() -> None:
    """Effects on a path that no longer counts cannot be gone on from."""
    entries: list[Entry] = [
        INVOKED,
        ok(1),
        bad(2),
        ok(3),
        RAISED,
        Retried(95, 2, 2),
        ok(2),
        bad(4),
        RAISED,
    ]
    assert resume_point(entries).resume == 7
    assert resume_point(entries, 2).resume == 6
    with pytest.raises(NoResumePoint, match="effect 3"):
        resume_point(entries, 3)
