"""Options and facts that all tests share."""

from __future__ import annotations

import hashlib
import os
import sys
from random import SystemRandom
from typing import Any

import hypothesis
import pytest

import sharing
from cheap import CHEAP

SHARE = 8
"""Of the tests that are marked `sweep`, a run of all tests does one in so many."""

_SEED = pytest.StashKey[int]()


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
        help="the seed that a failed random test, or the head of the run, printed: to see it again",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose what chooses the share; all processes of a run have the same."""
    sharing.whole = config.getoption("--sweep") == "whole"
    hypothesis.settings.register_profile("flawless", max_examples=sharing.examples(100, 25))
    hypothesis.settings.load_profile("flawless")
    os.environ.update(CHEAP)
    given = config.getoption("--seed")
    chosen = SystemRandom().getrandbits(32) if given is None else int(given)
    config.stash[_SEED] = getattr(config, "workerinput", {}).get("share_seed", chosen)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what this process has chosen."""
    node.workerinput["share_seed"] = node.config.stash[_SEED]


def pytest_report_header(config: pytest.Config) -> str:
    """Tell how to repeat the share."""
    if sharing.whole:
        return "sweep: the whole"
    return f"sweep: a share, 1 in {SHARE}; --seed {config.stash[_SEED]} repeats it"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the share of the tests marked `sweep`, and those that are asked for by name."""
    if sharing.whole or config.getoption("lf", default=False):
        return
    named = tuple(argument for argument in config.args if "::" in argument)
    kept, left = [], []
    for item in items:
        asked_for = item.nodeid.startswith(named)
        if item.get_closest_marker("sweep") is None or asked_for or _of_share(item, config):
            kept.append(item)
        else:
            left.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def _of_share(item: pytest.Item, config: pytest.Config) -> bool:
    marker = item.get_closest_marker("sweep")
    together = marker.args[0] if marker is not None and marker.args else item.nodeid
    digest = hashlib.sha256(f"{config.stash[_SEED]} {together}".encode()).digest()
    return digest[0] % SHARE == 0


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what fails at once: a run that is stopped from outside has no summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        crash = getattr(report.longrepr, "reprcrash", None)
        message = "" if crash is None else str(crash.message).partition("\n")[0]
        sys.stderr.write(f"\n{report.when} failed: {report.nodeid} {message[:300]}\n")
        sys.stderr.flush()
