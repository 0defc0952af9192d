"""What is played with each example: which executions, which messages and when, in which world.

A scene is played again from its beginning in each life of the process: what it starts and sends has
ids, so nothing happens twice, and of its times those that are over are over.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import flawless
from flawless.testing import Lab

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BEGAN = datetime(2026, 1, 1)
READY_AT_POLL = 376
A_DAY_S = 86_400.0

Runs = list[flawless.Execution[Any]]


@dataclass(frozen=True, slots=True)
class Scene:
    """`play` starts the executions; `services` makes the world, in the process of the test."""

    folder: str
    module: str
    play: Callable[[Any, Any, str], Runs]
    services: Callable[[], dict[str, Any]]
    virtual: bool = False
    patience_s: tuple[float, ...] = (1.0, 0.05)
    """How long a guest may wait before it is dropped; one of these in each life."""


_loaded: dict[str, ModuleType] = {}
"""Modules of examples, by their files: each is imported once."""

on_stage = False
"""Whether examples run in this process, so that their modules have to stay where they are found."""


def load(folder: str, module: str) -> Any:
    """Import a module of an example, whatever other tests have imported under the same names.

    In the process of the tests, others may import their own under those names afterwards.
    """
    places = [EXAMPLES / folder, EXAMPLES]
    files = [file for place in places for file in place.glob("*.py")]
    for path in places:
        if str(path) not in sys.path:
            sys.path.append(str(path))
    names = [file.stem for file in files]
    foreign = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.modules.update({f.stem: _loaded[str(f)] for f in files if str(f) in _loaded})
    before = sys.path[:]
    sys.path[:0] = [str(path) for path in places]
    try:
        return importlib.import_module(module)
    finally:
        sys.path[:] = before
        _loaded.update({str(f): sys.modules[f.stem] for f in files if f.stem in sys.modules})
        if not on_stage:
            for name in names:
                sys.modules.pop(name, None)
        sys.modules.update(foreign)


# --- order_saga -------------------------------------------------------------------------------


def place_orders(engine: flawless.Engine, saga: Any, url: str) -> Runs:
    """Place one order that succeeds, and two that fail at different services."""
    orders = [
        saga.Order(1, "lamp", 4_900, "Lisbon"),
        saga.Order(2, "unicorn", 99_900, "Lisbon"),
        saga.Order(3, "lamp", 4_900, "Atlantis"),
    ]
    return [engine.start(saga.place, order, url, id=f"order-{order.number}") for order in orders]


# --- human_approval ---------------------------------------------------------------------------


def ask_people(lab: Lab, approval: Any, url: str) -> Runs:
    """Let the approver decide about a chair, the boss about a desk, and nobody about a lamp."""
    expenses = {
        what: approval.Expense("Eve", what, 9_900, approver="Ann", boss="Bob")
        for what in ("chair", "desk", "lamp")
    }
    runs = {
        what: lab.start(approval.approval, url, expense, id=what)
        for what, expense in expenses.items()
    }
    for hours, what, approved, by in ((30, "chair", True, "Ann"), (96, "desk", False, "Bob")):
        lab.advance_to(BEGAN + timedelta(hours=hours))
        runs[what].send(approval.Decision(approved, by), id=f"decision-{what}")
    return list(runs.values())


# --- fan_out ----------------------------------------------------------------------------------


def shrink_photos(engine: flawless.Engine, photos: Any, url: str) -> Runs:
    """Shrink all photos, over steps and over children at the same time."""
    names = load("fan_out", "studio").PHOTOS
    return [
        engine.start(photos.with_steps, f"{url}/a", names, id="steps"),
        engine.start(photos.with_children, f"{url}/b", names, id="children"),
    ]


def two_studios() -> dict[str, Any]:
    """Return one studio for each workflow, so that each is counted for itself."""
    shrink = load("fan_out", "studio").shrink
    return {"a/shrink": shrink, "b/shrink": shrink}


# --- polling ----------------------------------------------------------------------------------


def wait_a_year(lab: Lab, polling: Any, url: str) -> Runs:
    """Wait for a permit."""
    return [lab.start(polling.wait_until_ready, url, "permit-7", id="permit")]


def slow_office() -> dict[str, Any]:
    """Return an office that is ready after so many polls: about a year."""
    polls = count(1)

    def status(body: Any) -> Any:
        return {"status": "ready" if next(polls) == READY_AT_POLL else "in progress"}

    return {"status": status}


# --- agent ------------------------------------------------------------------------------------


def give_tasks(engine: flawless.Engine, agent: Any, url: str) -> Runs:
    """Give a task that ends with a booking, one that is refused, and one without an end."""
    budget = agent.Budget()
    yes = engine.start(agent.agent, url, "lunch for twelve", budget, id="yes")
    no = engine.start(agent.agent, url, "lunch for all", budget, id="no")
    endless = engine.start(agent.agent, url, "philosophy", budget, id="endless")
    yes.send("answer", "yes", id="answer")
    no.send("answer", "no", id="answer")
    return [yes, no, endless]


# --- subscription -----------------------------------------------------------------------------


def subscribe(lab: Lab, app: Any, url: str) -> Runs:
    """Subscribe for ten years, with two changes of the plan."""
    account = app.Account("Ada", app.Plan("basic", 500), BEGAN)
    run = lab.start(app.subscription, url, account, id="ada")
    for year, wish in (
        (2028, app.ChangePlan(app.Plan("family", 1_200))),
        (2033, app.ChangePlan(app.Plan("single", 700))),
        (2036, app.Cancel("I am moving")),
    ):
        lab.advance_to(datetime(year, 1, 1) - timedelta(days=9))
        run.send(wish, id=f"wish-{year}")
    return [run]


def services_of(folder: str, module: str) -> Callable[[], dict[str, Any]]:
    """Return what gives the services of an example's own world."""
    return lambda: dict(load(folder, module).SERVICES)


SCENES = {
    "order_saga": Scene("order_saga", "saga", place_orders, services_of("order_saga", "shop")),
    "human_approval": Scene(
        "human_approval", "approval", ask_people, lambda: {"mail": lambda body: {}}, virtual=True
    ),
    "fan_out": Scene("fan_out", "photos", shrink_photos, two_studios),
    "polling": Scene(
        "polling", "polling", wait_a_year, slow_office, virtual=True, patience_s=(2 * A_DAY_S,)
    ),
    "agent": Scene("agent", "agent", give_tasks, services_of("agent", "model")),
    "subscription": Scene(
        "subscription",
        "subscription",
        subscribe,
        lambda: {"charge": lambda body: {}},
        virtual=True,
        patience_s=(1.0, 40 * A_DAY_S),
    ),
}
