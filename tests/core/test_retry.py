"""Backoff arithmetic."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawless.core.retry import RetryPolicy

policies = st.builds(
    lambda retries, first_s, factor, more_s: RetryPolicy(
        retries, first_s, factor, first_s + more_s
    ),
    st.integers(0, 10_000),
    st.floats(0, 1e6),
    st.floats(1, 1e6),
    st.floats(0, 1e9),
)
jitters = st.floats(0, 1)


def test_pauses_double() -> None:
    """Pauses grow by the factor up to the longest; the upper half is drawn from."""
    policy = RetryPolicy(retries=5, first_s=1, factor=2, longest_s=6)
    assert [policy.pause_s(n, 1) for n in range(1, 7)] == [1, 2, 4, 6, 6, None]
    assert [policy.pause_s(n, 0) for n in range(1, 7)] == [0.5, 1, 2, 3, 3, None]
    assert policy.pause_s(3, 0.5) == 3


def test_no_retries_by_default() -> None:
    """Nothing is tried again unless asked for."""
    assert RetryPolicy().pause_s(1, 0.5) is None


@given(policies, st.integers(1, 20_000), jitters)
def test_bounds(policy: RetryPolicy, failures: int, jitter: float) -> None:
    """A pause is finite, at most the longest, at least half of the full one; or it is over."""
    pause = policy.pause_s(failures, jitter)
    assert (pause is None) == (failures > policy.retries)
    if pause is not None:
        assert math.isfinite(pause)
        assert policy.first_s / 2 <= pause * (1 + 1e-9)
        assert 0 <= pause <= policy.longest_s


@given(policies, st.integers(1, 5_000), jitters)
def test_pauses_never_shrink(policy: RetryPolicy, failures: int, jitter: float) -> None:
    """With equal jitter, a later pause is no shorter than an earlier one."""
    pause, later = policy.pause_s(failures, jitter), policy.pause_s(failures + 1, jitter)
    assert pause is None or later is None or pause <= later


def test_huge_numbers_do_no_harm() -> None:
    """Neither a huge count of failures nor a whole-number factor takes time or overflows."""
    policy = RetryPolicy(retries=10**9, first_s=1e-3, factor=10, longest_s=60)
    assert policy.pause_s(10**9, 1) == 60
    assert RetryPolicy(retries=9, first_s=0, longest_s=0).pause_s(9, 1) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"retries": -1},
        {"first_s": -1},
        {"first_s": math.nan},
        {"first_s": 2, "longest_s": 1},
        {"longest_s": math.inf},
        {"longest_s": math.nan},
        {"factor": 0.5},
        {"factor": math.nan},
        {"factor": math.inf},
    ],
)
def test_senseless_policies(fields: dict[str, Any]) -> None:
    """A policy that cannot work is refused with the value that is wrong."""
    with pytest.raises(ValueError, match="must"):
        RetryPolicy(**fields)


@pytest.mark.parametrize(("failures", "jitter"), [(0, 0.5), (1, -0.1), (1, 1.1), (1, math.nan)])
def test_senseless_questions(failures: int, jitter: float) -> None:
    """Counting from 0 or drawing outside 0..1 is a mistake of the caller."""
    with pytest.raises(ValueError, match=r"failures|jitter"):
        RetryPolicy(retries=3).pause_s(failures, jitter)
