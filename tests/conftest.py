"""Options and facts that all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that decide how long the long tests run."""
    group = parser.getgroup("flawless")
    group.addoption(
        "--sweep",
        choices=("share", "whole"),
        default="share",
        help="kill the engine at a seeded share of all points (default), or at every one",
    )
    group.addoption(
        "--seed",
        type=int,
        default=None,
        help="the seed a failed random test printed, to see that failure again",
    )
