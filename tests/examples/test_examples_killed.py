"""The examples, killed at random moments: the same ends, and each outside effect as promised."""

from __future__ import annotations

import random
import re

import pytest
from scenes import READY_AT_POLL, SCENES
from theatre import Played, Theatre, draw

DEATHS = 3


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of all that is left to chance here."""
    given = request.config.getoption("--seed")
    return random.SystemRandom().randrange(10**6) if given is None else int(given)


def killed(theatre: Theatre, name: str, seed: int) -> tuple[Played, Played]:
    """Play a scene undisturbed, and then with several deaths."""
    chance = random.Random(f"{seed} {name}")
    undisturbed = theatre.undisturbed(name)
    crashes = draw(undisturbed, DEATHS, chance)
    print(f"again: pytest tests/examples -k {name} --seed={seed}   ({', '.join(crashes)})")
    played = theatre.play(name, crashes, chance)
    assert played.deaths >= 2
    assert sorted(played.report["runs"]) == sorted(undisturbed.report["runs"])
    return undisturbed, played


@pytest.mark.parametrize(
    "name",
    [
        name if name == "order_saga" else pytest.param(name, marks=pytest.mark.sweep)
        for name in SCENES
        if name not in ("fan_out", "agent")
    ],
)
def test_a_killed_example_ends_as_if_nothing_had_happened(
    name: str, theatre: Theatre, seed: int
) -> None:
    """Same results, same states, and the world has done the same things, each as often."""
    undisturbed, played = killed(theatre, name, seed)
    assert played.report["ends"] == undisturbed.report["ends"]
    assert played.report["states"] == undisturbed.report["states"]
    assert played.carried_out() == undisturbed.carried_out()


@pytest.mark.sweep
def test_a_killed_fan_out_shrinks_each_photo_once(theatre: Theatre, seed: int) -> None:
    """Both workflows report the same, and no photo is shrunk twice for one of them.

    In an album that fails, what had not begun by then is given up: that is a matter of timing.
    """
    undisturbed, played = killed(theatre, "fan_out", seed)
    assert reports(played) == reports(undisturbed)
    assert played.carried_out("a/shrink") == undisturbed.carried_out("a/shrink")
    for one in (undisturbed, played):
        assert len(one.carried_out("a/shrink")) == 1_000
        by_children = one.carried_out("b/shrink")
        assert set(by_children.values()) == {1}
        assert 940 <= len(by_children) <= 1_000


def test_a_killed_agent_does_the_same_and_books_at_most_once(theatre: Theatre, seed: int) -> None:
    """What was thought and found out is not asked for again; a booking in doubt is not repeated."""
    undisturbed, played = killed(theatre, "agent", seed)
    expected, ends = undisturbed.report["ends"], played.report["ends"]
    assert "Lunch is at Basil: booking-1" in expected["yes"]
    assert "sandwiches" in expected["no"]
    assert "out of tokens" in expected["endless"]
    assert sum(played.carried_out("book").values()) <= 1
    if "Interrupted" in ends["yes"]:
        assert "please look whether lunch is booked" in ends["yes"]
        ends = ends | {"yes": expected["yes"]}
    else:
        assert played.carried_out() == undisturbed.carried_out()
    assert ends == expected


def test_a_booking_in_doubt_is_not_repeated(theatre: Theatre) -> None:
    """Killed while the booking is under way, the agent hears that, and does not book again."""
    played = theatre.play("agent", ["at:book"], random.Random(0))
    assert played.deaths == 1
    assert "book: Interrupted" in played.report["ends"]["yes"]
    assert "please look whether lunch is booked" in played.report["ends"]["yes"]
    assert [request.service for request in played.requests].count("book") == 1


def test_undos_survive_kills_in_their_midst(theatre: Theatre) -> None:
    """Killed in each undo, the saga goes on with that undo, and undoes nothing twice."""
    undisturbed = theatre.undisturbed("order_saga")
    played = theatre.play("order_saga", ["at:release", "at:refund"], random.Random(0))
    assert played.deaths == 2
    assert {request.service for request in played.requests if request.again} >= {
        "release",
        "refund",
    }
    assert played.report["ends"] == undisturbed.report["ends"]
    assert played.carried_out() == undisturbed.carried_out()


def test_the_scenes_are_as_long_as_they_say(theatre: Theatre) -> None:
    """A year of polling, ten years of bills, three days of reminders: undisturbed, as described."""
    permit = theatre.undisturbed("polling")
    assert len(permit.requests) == READY_AT_POLL
    assert "asked=376, waited=datetime.timedelta(days=365" in permit.report["ends"]["permit"]
    bills = theatre.undisturbed("subscription")
    assert len(bills.carried_out("charge")) == 120
    assert "bills=120, paid_cents=109200" in bills.report["ends"]["ada"]
    assert sorted(bills.report["runs"]) == sorted(["ada", *(f"ada~{n}" for n in range(1, 10))])


def reports(played: Played) -> dict[str, tuple[str, ...]]:
    """Return what became of the photos, whatever the order in which they came."""
    return {
        run: tuple(sorted(re.findall(r"'[^']+': (?:\d+|'[^']+')", text)))
        for run, text in played.report["ends"].items()
    }
