"""Three tasks: one with a question to a person, one without an end, one that nobody answers.

python examples/agent/run.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for `world`, which all examples share

import agent
import model
from world import World

from flawless.testing import Lab


def show(work: agent.Work) -> None:
    """Show what was said, and how it ended."""
    for line in work.said[:11]:
        print(f"  {line}")
    if len(work.said) > 11:
        print(f"  ... {len(work.said) - 11} more lines")
    print(f"  -> {work.stopped or 'done'} after {work.turns} turns and {work.tokens} tokens")


def main() -> None:
    """Give the agent its tasks; time is virtual, so that nobody waits for the third."""
    budget = agent.Budget()
    with World(model.SERVICES) as world, Lab(agent, network=True) as lab:
        print("Lunch, with somebody who answers after an hour:")
        run = lab.start(agent.agent, world.url, "lunch for twelve", budget)
        lab.advance("1h")
        print(f"  [the agent asks: {run.state().question}]")
        run.send("answer", "yes")
        show(run.result())

        print("A task without an end:")
        run = lab.start(agent.agent, world.url, "all of philosophy", budget)
        show(run.result())

        print("Lunch, and nobody answers:")
        run = lab.start(agent.agent, world.url, "lunch for twelve", budget)
        show(run.result())


if __name__ == "__main__":
    main()
