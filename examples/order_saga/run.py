"""Three orders: one that succeeds, and two that fail half way.

python examples/order_saga/run.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for `world`, which all examples share

import saga
import shop
from world import Request, World

from flawless import Engine, ExecutionFailed

ORDERS = [
    saga.Order(1, "lamp", 4_900, "Lisbon"),
    saga.Order(2, "unicorn", 99_900, "Lisbon"),
    saga.Order(3, "lamp", 4_900, "Atlantis"),
]


def tell(request: Request) -> None:
    """Show what a service of the shop was asked for."""
    details = ", ".join(f"{name} {value}" for name, value in request.body.items())
    print(f"  {request.service:<8} {details}")


def main() -> None:
    """Place the orders, one after the other."""
    with (
        tempfile.TemporaryDirectory() as folder,
        World(shop.SERVICES, tell) as world,
        Engine(Path(folder) / "saga.db", modules=[saga]) as engine,
    ):
        for order in ORDERS:
            print(f"order {order.number}: a {order.item} to {order.city}")
            run = engine.start(saga.place, order, world.url, id=f"order-{order.number}")
            try:
                print(f"  -> {run.result(timeout=60).parcel}, {run.state()}")
            except ExecutionFailed as error:
                print(f"  -> {error.message}: everything is undone")


if __name__ == "__main__":
    main()
