"""The examples in Rust are served and used as their READMEs say."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scenes import load, services_of
from theatre import World

from compiling import CHEAP, rust
from repository import ROOT, files
from serving import Serving, run_here

RUST = ROOT / "examples" / "rust"
NAMES = sorted({path.relative_to(RUST).parts[0] for path in files() if path.is_relative_to(RUST)})
HERE = "http://127.0.0.1:8000"
"""Where the world outside is in the READMEs."""


def commands(name: str) -> list[list[str]]:
    """Return the `flawless` commands of an example's README, apart from `up`."""
    text = (RUST / name / "README.md").read_text()
    typed = re.findall(r"^    (\S.*(?:\n     +.*)*)$", text, re.MULTILINE)
    words = [shlex.split(one) for one in typed]
    assert ["flawless", "up", f"examples/rust/{name}", "&"] in words
    return [one[1:] for one in words if one[0] == "flawless" and one[1] != "up"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that serves all of the crates."""
    rust()
    crates = [RUST / name for name in NAMES]
    data = tmp_path_factory.mktemp("rust") / "data"
    with Serving(*crates, f"--data={data}", "--port=0", changes=CHEAP) as server:
        yield server.await_url()


def typed(name: str, url: str, world: str = "") -> list[Any]:
    """Type the commands of a README; return what they print, read if it is JSON."""
    printed = []
    for command in commands(name):
        done = run_here(*(word.replace(HERE, world) for word in command), FLAWLESS_URL=url)
        assert done.returncode == 0, done.stderr
        begins_json = done.stdout.startswith(("{", "["))
        printed.append(json.loads(done.stdout) if begins_json else done.stdout)
    return printed


def test_the_crawler_reads_the_site(url: str) -> None:
    """Its report has all the pages."""
    website: Any = load("rust/crawler", "website")
    with website.Website() as site:
        (report,) = typed("crawler", url, site.url)
    assert report["pages"] > website.PAGES
    assert len(report["loops"]) == 2


def test_the_saga_places_the_order(url: str) -> None:
    """Its receipt is that of the shop."""
    with World(services_of("order_saga", "shop")()) as shop:
        assert typed("saga", url, shop.url) == [{"payment": "payment-1", "parcel": "parcel-1"}]


def test_the_game_is_interfered_with(url: str) -> None:
    """All messages are those it knows."""
    shown = typed("life", url)
    assert "life.life" in shown[1]
    assert len(shown) == 6


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_on_the_page(name: str) -> None:
    """The page of examples tells of it, and its README names files that are there."""
    page = (ROOT / "docs" / "guides" / "examples.md").read_text()
    assert f"(`{name}`)" in page
    readme = (RUST / name / "README.md").read_text()
    for file in re.findall(r"`((?:src/)?\w+\.(?:rs|py))`", readme):
        assert (RUST / name / file).is_file(), file
    for other in re.findall(r"`((?:docs|examples)/[\w./-]+)`", readme):
        assert (ROOT / other).exists(), other


def test_the_functions_of_the_examples_are_short() -> None:
    """Each file of an example can be read in one go, the one with the workflow in a minute."""
    for path in files():
        if path.suffix == ".rs" and path.is_relative_to(RUST):
            lines = Path(path).read_text().splitlines()
            assert len(lines) <= (120 if path.name == "lib.rs" else 320), path
