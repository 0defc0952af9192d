"""A parcel's way as a state machine of transitions: conditions, callbacks, nested states."""

from transitions import Machine, MachineError
from transitions.extensions import HierarchicalMachine

import flawless
from libraries.gate import pause

STATES = ["packed", {"name": "moving", "children": ["truck", "ship"]}, "delivered"]
MOVES = [
    {"trigger": "collect", "source": "packed", "dest": "moving_truck"},
    {"trigger": "load", "source": "moving_truck", "dest": "moving_ship", "unless": "is_heavy"},
    {"trigger": "deliver", "source": "moving", "dest": "delivered", "after": "sign"},
]


class Parcel:
    """A parcel; its machine adds `state` and a method for every trigger."""

    state: str

    def __init__(self, weight_kg: int) -> None:
        self.weight_kg = weight_kg
        self.story: list[str] = []

    @property
    def is_heavy(self) -> bool:
        """Whether no ship takes it."""
        return self.weight_kg > 30

    def sign(self) -> None:
        """Note who took it."""
        self.story.append("signed")

    def note(self) -> None:
        """Note where it is now."""
        self.story.append(self.state)


def send(weight_kg: int, triggers: list[str]) -> list[str]:
    """Return what a parcel went through."""
    parcel = Parcel(weight_kg)
    HierarchicalMachine(
        parcel, states=STATES, transitions=MOVES, initial="packed", after_state_change="note"
    )
    for trigger in triggers:
        try:
            if not parcel.trigger(trigger):  # type: ignore[attr-defined]  # the machine adds it
                parcel.story.append(f"refused: {trigger}")
        except MachineError as error:
            parcel.story.append(str(error))
    return parcel.story


def ring(bells: int) -> list[str]:
    """Return the states of a machine that goes round in order."""
    machine = Machine(states=["red", "green", "amber"], initial="red", ordered_transitions=True)
    seen = []
    for _ in range(bells):
        machine.next_state()
        seen.append(machine.state)
    return seen


@flawless.workflow
def parcel(weight_kg: int, triggers: list[str]) -> tuple[list[str], list[str]]:
    """Send a parcel, pause, and look at the traffic light."""
    story = send(weight_kg, triggers)
    pause()
    return story, ring(4)
