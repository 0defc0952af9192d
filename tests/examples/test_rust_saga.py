"""The order saga in Rust does what the one in Python does, undisturbed, cancelled and killed."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rust_scenes import ORDERS
from scenes import load, services_of
from theatre import Theatre, World

import flawless

Saga = Callable[[flawless.Engine, dict[str, Any], str, str], flawless.Execution[Any]]


@pytest.fixture(scope="module")
def saga(component: Any) -> Path:
    """The component."""
    found: Path = component("saga")
    return found


def start_rust(engine: flawless.Engine, order: Any, url: str, name: str) -> Any:
    """Place an order with the saga in Rust."""
    return engine.start("saga.place", order, url, id=name)


def start_python(engine: flawless.Engine, order: Any, url: str, name: str) -> Any:
    """Place an order with the saga in Python."""
    module = sys.modules["saga"]
    return engine.start(module.place, module.Order(**order), url, id=name)


def played(module: Any, start: Saga, cancel_at: str = "") -> dict[str, Any]:
    """Place all orders, one after the other; return what became of them, and what was done.

    Each is cancelled while the service `cancel_at` carries out its request.
    """
    told: dict[str, Any] = {}
    name = ""

    def seen(request: Any) -> None:
        if request.service == cancel_at:
            engine.get(name).cancel("the customer has changed her mind")

    with (
        World(services_of("order_saga", "shop")(), seen) as world,
        flawless.Engine(":memory:", modules=[module]) as engine,
    ):
        for name, order in ORDERS.items():
            run = start(engine, order, world.url, name)
            try:
                end = run.result(timeout=60)
            except flawless.ExecutionFailed as error:
                end = error.message
            except flawless.ExecutionCancelled as error:
                end = f"cancelled: {error.reason}"
            entries = [type(entry).__name__ for entry in run.journal()]
            told[name] = (plain(end), run.state(), entries)
        told["world"] = [(one.service, one.body, one.again) for one in world.requests]
        return told


def plain(end: Any) -> Any:
    """Return a receipt as what both languages have."""
    return {"payment": end.payment, "parcel": end.parcel} if hasattr(end, "parcel") else end


@pytest.mark.parametrize("cancel_at", ["", "pay", "reserve", "ship", "release"])
def test_both_languages_do_the_same(
    saga: Path, cancel_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same ends and states, same requests in the same order, same kinds of entries."""
    in_rust = played(saga, start_rust, cancel_at)
    monkeypatch.setitem(sys.modules, "saga", load("order_saga", "saga"))
    assert in_rust == played(sys.modules["saga"], start_python, cancel_at)
    done = [service for service, _, _ in in_rust["world"]]
    if not cancel_at:
        assert in_rust["order-1"][0] == {"payment": "payment-1", "parcel": "parcel-1"}
        assert in_rust["order-3"][0] == "no courier goes to Atlantis"
        assert done[-5:] == ["pay", "reserve", "ship", "release", "refund"]
    elif cancel_at in ("reserve", "ship"):
        assert in_rust["order-1"][0] == "cancelled: the customer has changed her mind"
        assert done.count("refund") == 3


def test_a_killed_saga_undoes_nothing_twice(saga: Path, theatre: Theatre) -> None:
    """Killed in an order, in a release and in a refund, and around commits: the same is done."""
    theatre.components["rust_saga"] = saga
    undisturbed = theatre.undisturbed("rust_saga")
    crashes = ["commit:3:after", "at:reserve", "at:release", "commit:4:before", "at:refund"]
    played = theatre.play("rust_saga", crashes, random.Random(0))
    assert played.deaths == len(crashes)
    assert {one.service for one in played.requests if one.again} >= {"release", "refund"}
    assert played.report["ends"] == undisturbed.report["ends"]
    assert played.report["states"] == undisturbed.report["states"]
    assert played.carried_out() == undisturbed.carried_out()
