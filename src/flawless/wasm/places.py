"""Places for small guests: memory, stack and tables that are mapped once, not for each guest.

A guest of Rust that returns at once spends a quarter of its time in the kernel, which maps its
memory and its stack and takes them back. wasmtime's pooling allocator keeps them mapped, and only
empties them. It has a fixed number of places, and a place costs 4 GB of address space, though no
memory while it is empty. So guests of small components live in places while there are free ones;
all others have memory of their own. What a guest can see is the same in both.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Final

from . import binding, sizes

PLACES: Final = 100
CODE_BYTES_MAX: Final = 16 << 20
"""Compiled code of a small component. The start of larger ones is bound by other things."""

_CORE_INSTANCES_MAX: Final = 20
_KEPT_BYTES: Final = 32 << 10
_LIMITS: Final = {
    "total_component_instances": PLACES,
    "total_core_instances": PLACES * _CORE_INSTANCES_MAX,
    "total_memories": PLACES * sizes.MEMORIES_MAX,
    "total_tables": PLACES * sizes.TABLES_MAX,
    "total_stacks": PLACES,
    "total_gc_heaps": 0,  # nobody has one: see `SETTINGS`
    "table_elements": sizes.TABLE_ELEMENTS_MAX,
    # A component that needs more than this gets no place.
    "max_core_instances_per_component": _CORE_INSTANCES_MAX,
    "max_memories_per_component": sizes.MEMORIES_MAX,
    "max_tables_per_component": sizes.TABLES_MAX,
    # So much is filled with zeros again; the kernel takes what lies beyond.
    "async_stack_keep_resident": _KEPT_BYTES,
    "table_keep_resident": _KEPT_BYTES,
}
_MAP_NORESERVE: Final = 0x4000  # Python has no name for it before 3.13
_ADDRESS_SPACE_BYTES: Final = (PLACES + 1) * (5 << 30)


def can_be_had() -> bool:
    """Tell whether this process may have so much address space; wasmtime would end it if not."""
    try:
        mmap.mmap(
            -1,
            _ADDRESS_SPACE_BYTES,
            flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE,
            prot=0,
        ).close()
    except OSError:
        return False
    return True


def provide(config: int) -> None:
    """Let the engine that is made of this configuration have places."""
    pool = ctypes.c_void_p(binding.pooling_new())
    for name, value in _LIMITS.items():
        binding.pooling_limit(name)(pool, value)
    binding.pooling_use(config, pool)
    binding.pooling_delete(pool)
