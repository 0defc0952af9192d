"""All randomness of one execution, from one seed."""

from __future__ import annotations

import hashlib


class RandomStream:
    """Deterministic bytes: the n-th request of an execution always gets the same ones.

    SHAKE-256 (FIPS 202) over the seed and the number of the request: unpredictable without the
    seed, which is journaled once and never shown.
    """

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        self._count += 1
        return hashlib.shake_256(self._seed + self._count.to_bytes(8, "big")).digest(size)
