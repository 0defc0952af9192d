"""Three expenses in virtual time: one is approved after a reminder, one by the boss, one never.

python examples/human_approval/run.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for `world`, which all examples share

import approval
from world import Request, World

from flawless.testing import Lab


def main() -> None:
    """Let days pass in a moment, and decide now and then."""

    def tell(request: Request) -> None:
        print(f"  {lab.now:%a %H:%M}  mail to {request.body['to']}: {request.body['text']}")

    with World({"mail": lambda body: {}}, tell) as world, Lab(approval, network=True) as lab:
        print("Ann is reminded once, and approves:")
        chair = approval.Expense("Eve", "a chair", 29_900, approver="Ann", boss="Bob")
        run = lab.start(approval.approval, world.url, chair)
        lab.advance("30h")
        print(f"  {lab.now:%a %H:%M}  the web page shows: {run.state()}")
        run.send(approval.Decision(approved=True, by="Ann"))
        print(f"  -> {run.result()}")

        print("Ann is on holiday, and Bob decides:")
        desk = approval.Expense("Eve", "a desk", 89_900, approver="Ann", boss="Bob")
        run = lab.start(approval.approval, world.url, desk)
        lab.advance("4d")
        run.send(approval.Decision(approved=False, by="Bob", remark="too dear"))
        print(f"  -> {run.result()}")

        print("Nobody decides:")
        lamp = approval.Expense("Eve", "a lamp", 4_900, approver="Ann", boss="Bob")
        run = lab.start(approval.approval, world.url, lamp)
        print(f"  -> {run.result()}")


if __name__ == "__main__":
    main()
