"""Options and facts that all tests share."""

from __future__ import annotations

import os
import sys

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


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what fails at once: a run that is stopped from outside has no summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        crash = getattr(report.longrepr, "reprcrash", None)
        message = "" if crash is None else str(crash.message).partition("\n")[0]
        sys.stderr.write(f"\n{report.when} failed: {report.nodeid} {message[:300]}\n")
        sys.stderr.flush()
