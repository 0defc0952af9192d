"""What an engine's steps and requests lead to, and where its chance comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flawless.engine.clock import new_jitter
from flawless.engine.http import HttpPerformer
from flawless.functions import Step, find_step
from flawless.ids import new_seed


@dataclass(frozen=True, slots=True)
class Outside:
    """The real world, unless tests hand in another."""

    find_step: Callable[[str], Step[..., Any] | None] = find_step
    """Returns the step of that name, or None."""
    http: Callable[..., HttpPerformer] = HttpPerformer
    """Makes what sends requests."""
    jitter: Callable[[], float] = new_jitter
    """Returns a number from 0 to 1 that spreads retries."""
    seed: Callable[[str], bytes] = lambda execution: new_seed()
    """Returns the seed of an execution that somebody starts; what it starts has seeds from that."""
