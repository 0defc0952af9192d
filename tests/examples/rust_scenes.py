"""What is played with the examples in Rust: scenes of the theatre, on components."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from scenes import A_DAY_S, BEGAN, Runs, Scene, services_of

import flawless
from flawless.testing import Lab

ORDERS = {
    "order-1": {"number": 1, "item": "lamp", "cents": 4_900, "city": "Lisbon"},
    "order-2": {"number": 2, "item": "unicorn", "cents": 99_900, "city": "Lisbon"},
    "order-3": {"number": 3, "item": "lamp", "cents": 4_900, "city": "Atlantis"},
}
GLIDER = [".#........", "..#.......", "###.......", *7 * [".........."]]
PACE_S = 3600.0
LAST = 130


def place_orders(engine: flawless.Engine, component: Any, url: str) -> Runs:
    """Place the orders of the saga in Python."""
    return [engine.start("saga.place", order, url, id=name) for name, order in ORDERS.items()]


def play_life(lab: Lab, component: Any, url: str) -> Runs:
    """Let a glider fly for five days, with an interruption, a change of pace and an accident."""
    game = {"board": GLIDER, "pace_s": PACE_S, "last": LAST}
    run = lab.start("life.life", game, id="glider")
    for hours, name, payload in (
        (10.5, "pause", None),
        (20.0, "resume", None),
        (30.25, "pace", {"seconds": 1800.0}),
        (40.2, "toggle", {"row": 5, "column": 5}),
        (40.3, "toggle", {"row": 5, "column": 6}),
        (40.4, "toggle", {"row": 5, "column": 7}),
    ):
        lab.advance_to(BEGAN + timedelta(hours=hours))
        run.send(name, payload, id=f"{name}-{hours}")
    return [run]


RUST_SCENES = {
    "rust_saga": Scene("rust/saga", "saga", place_orders, services_of("order_saga", "shop")),
    "rust_life": Scene(
        "rust/life", "life", play_life, dict, virtual=True, patience_s=(1.0, 2 * A_DAY_S)
    ),
}
"""`module` is the name of the component."""
