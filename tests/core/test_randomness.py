"""Randomness from one seed."""

from __future__ import annotations

from flawless.core.randomness import RandomStream

from .requests import SEED


def test_same_seed_same_bytes() -> None:
    """An execution that replays draws what it drew, for ever."""
    one, other = RandomStream(SEED), RandomStream(SEED)
    sizes = [16, 0, 2500, 1, 16]
    assert [one.read(n) for n in sizes] == [other.read(n) for n in sizes]
    assert RandomStream(SEED).read(8).hex() == "891b47647ca41af1"


def test_draws_differ() -> None:
    """No two draws and no two executions get the same bytes."""
    stream = RandomStream(SEED)
    assert len({stream.read(16) for _ in range(100)} | {RandomStream(b"x" * 32).read(16)}) == 101


def test_sizes() -> None:
    """As many bytes come as were asked for."""
    stream = RandomStream(SEED)
    assert [len(stream.read(n)) for n in (0, 1, 100_000)] == [0, 1, 100_000]
