"""What a guest may have at most, beside bytes of memory: wherever it lives, and in every engine.

Memory is bounded for each memory of a guest, so there is one; and tables, whose elements are not
counted as memory, are few and small. The Python runtime has 1 memory, 14 instances, 2 tables and
5,672 elements, a usual Rust program 1, 3, 2 and some hundreds.
"""

from __future__ import annotations

from typing import Final

MEMORIES_MAX: Final = 1
INSTANCES_MAX: Final = 100
TABLES_MAX: Final = 10
TABLE_ELEMENTS_MAX: Final = 20_000
"""Of each table; an element takes eight bytes."""
