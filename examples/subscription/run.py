"""Ten years of a subscription, in virtual time: two changes of plan, and a farewell.

python examples/subscription/run.py
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for `world`, which all examples share

import subscription
from subscription import Account, Cancel, ChangePlan, Plan
from world import World

from flawless.testing import Lab

BASIC, FAMILY, SINGLE = Plan("basic", 500), Plan("family", 1_200), Plan("single", 700)


def main() -> None:
    """Let ten years pass, with a message now and then."""
    began_s = time.monotonic()
    began = datetime(2026, 1, 31, 9)
    with (
        World({"charge": lambda bill: {}}) as world,
        Lab(subscription, network=True, now=began) as lab,
    ):
        account = Account("Ada", BASIC, began)
        run = lab.start(subscription.subscription, world.url, account, id="ada")
        for year, wish in (
            (2028, ChangePlan(FAMILY)),
            (2033, ChangePlan(SINGLE)),
            (2036, Cancel("I am moving")),
        ):
            lab.advance_to(datetime(year, 1, 15))
            print(f"{lab.now:%Y-%m-%d}  run {run.info().run:>2}  {run.state()}")
            print(f"            -> {wish}")
            run.send(wish)
        account = run.result()
        runs = lab.list(prefix="ada", runs=True)
        entries = sum(len(lab.get(one.id).journal()) for one in runs)
        longest = max(len(lab.get(one.id).journal()) for one in runs)
    assert len(world.carried_out("charge")) == account.bills
    print(f"{account.bills} bills, {account.paid_cents / 100:.2f} paid, in {len(runs)} runs")
    print(f"{entries} entries in all journals, {longest} in the longest one")
    print(f"ten years took {time.monotonic() - began_s:.1f} s")


if __name__ == "__main__":
    main()
