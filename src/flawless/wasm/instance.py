"""One instance of a component, in a store of its own, with all that a call of it needs."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Final, Literal

from flawless.errors import GuestTrapped

from . import binding, sizes
from .binding import WORD0, Frame, bytes_new
from .memory import KNOWN
from .values import STRING

if TYPE_CHECKING:
    from .compiled import Component
    from .memory import Snapshot

# Where the parts of a frame are.
_FUNC: Final = Frame.func.offset
_ARGUMENT: Final = Frame.argument.offset
_RESULT: Final = Frame.result.offset
_ERROR: Final = Frame.error.offset
_READY: Final = Frame.ready.offset


class Instance:
    """A store with one instance in it. Whoever has it makes one call at a time, from one thread.

    `context` is what wasmtime hands to every callback. After `delete` nothing may be done with it.
    """

    __slots__ = (
        "_base",
        "component",
        "context",
        "frame",
        "idle_since_s",
        "memory",
        "memory_bytes",
        "runs",
        "snapshot",
        "store",
    )

    def __init__(self, component: Component, memory_bytes: int) -> None:
        self.component = component = component.claimed()
        self.memory_bytes = memory_bytes
        self.memory: int | None = None
        """Where its memory begins, if that is known."""
        self.snapshot: Snapshot | None = None
        """What that is put back to."""
        self.runs = 0
        self.idle_since_s = 0.0
        self.frame = Frame()
        self._base = ctypes.addressof(self.frame)
        self.store: int = binding.store_new(component.runtime.engine_address, None, None)
        self.context: int = binding.store_context(self.store)
        binding.store_limiter(
            self.store,
            memory_bytes,
            sizes.TABLE_ELEMENTS_MAX,
            sizes.INSTANCES_MAX,
            sizes.TABLES_MAX,
            sizes.MEMORIES_MAX,
        )
        binding.epoch_deadline(self.context, 1)
        binding.epoch_yield(self.context, 1)

    @property
    def ready(self) -> int:
        """The address of the flag that says whether a suspended guest may go on."""
        return self._base + _READY

    def instantiate(self) -> int:
        """Begin to instantiate the component; return the future."""
        component, base = self.component, self._base
        future: int = binding.instantiate_async(
            component.linker_address, self.context, component.address, base, base + _ERROR
        )
        return future

    def call(self, export: Literal["run", "describe"], data: bytes) -> int:
        """Begin to call an export with a string; return the future."""
        base = self._base
        self._drop_values()
        func, argument = base + _FUNC, base + _ARGUMENT
        if not binding.get_func(base, self.context, self.component.export(export), func):
            raise GuestTrapped("an export of the component is not a function")
        bytes_new(argument + WORD0, len(data), data)
        self.frame.argument.kind = STRING
        future: int = binding.func_call_async(
            func, self.context, argument, 1, base + _RESULT, 1, base + _ERROR
        )
        return future

    def result(self) -> bytes:
        """Return what the call that is over has returned."""
        result = self.frame.result
        if result.kind != STRING:
            raise GuestTrapped("an export of the component returned something else than a string")
        return ctypes.string_at(result.word1, result.word0)

    def take_error(self) -> str | None:
        """Return the message of the error that a future has ended with, if it has."""
        error = self.frame.error
        if not error:
            return None
        self.frame.error = 0
        return binding.take_error(error)

    def renew(self) -> None:
        """Make ready for a call by somebody else."""
        self.component.runtime.ticker.guest_born()
        binding.epoch_deadline(self.context, 1)
        self.runs += 1

    def rest(self) -> None:
        """Have no call for some time: it needs no ticks."""
        self._drop_values()
        self.component.runtime.ticker.guest_gone()

    def delete(self, *, resting: bool = False) -> None:
        """Free it."""
        if self.memory is not None:
            KNOWN.discard(self.memory)  # first: it may be somebody else's as soon as it is free
        binding.store_delete(self.store)
        if not resting:
            self.component.runtime.ticker.guest_gone()  # its place is free only now
        self._drop_values()

    def _drop_values(self) -> None:
        for value in (self.frame.argument, self.frame.result):
            if value.kind == STRING:
                binding.val_delete(ctypes.addressof(value))
                value.kind = 0
