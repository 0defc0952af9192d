"""Guests: WebAssembly components run as coroutines, with everything outside answered by a host."""

from .cache import CacheFolder
from .compiled import Component
from .compiling import CompileBounds
from .guest import Finished, Guest, GuestHost, GuestLimits, Preempted, State, Suspended
from .preparation import NotAlike, Preparation, trim_instances
from .traps import GuestExited

__all__ = [
    "CacheFolder",
    "CompileBounds",
    "Component",
    "Finished",
    "Guest",
    "GuestExited",
    "GuestHost",
    "GuestLimits",
    "NotAlike",
    "Preempted",
    "Preparation",
    "State",
    "Suspended",
    "trim_instances",
]
