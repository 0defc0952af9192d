"""`init --rust`: a crate that works, with the library it depends on beside it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import flawless
from compiling import rust
from flawless.rust.vendoring import CRATES, vendored
from repository import ROOT
from serving import run_here


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("shop", "shop"),
        ("My Shop 2", "my-shop-2"),
        ("2nd", "app"),
        ("flawless", "app"),
        ("übung", "bung"),
    ],
)
def test_the_crate_is_named_after_its_folder(folder: str, name: str, tmp_path: Path) -> None:
    """A crate's name has only letters, digits and hyphens, and is that of no other crate."""
    done = run_here("init", "--rust", tmp_path / folder)
    assert done.returncode == 0, done.stderr
    manifest = tomllib.loads((tmp_path / folder / "Cargo.toml").read_text())
    assert manifest["package"]["name"] == name
    assert f"flawless start {name.replace('-', '_')}.order " in done.stdout


def test_the_library_stands_alone() -> None:
    """The copies inherit nothing, depend on each other by path, and allow newer dependencies."""
    files = vendored()
    sources = {path for path in files if path.endswith(".rs")}
    assert {"flawless/src/lib.rs", "flawless-macros/src/lib.rs"} <= sources
    for name in CRATES:
        manifest = tomllib.loads(files[f"{name}/Cargo.toml"].decode())
        assert manifest["package"]["version"] == version("flawless-engine")
        assert manifest["package"]["edition"] == "2024"
        assert "workspace" not in str(manifest)
        assert "lints" not in manifest
        for dependency, wanted in manifest["dependencies"].items():
            if dependency in CRATES:
                assert wanted["path"] == f"../{dependency}"
            else:
                assert re.match(r"\d", wanted["version"])
    assert "dev-dependencies" not in tomllib.loads(files["flawless/Cargo.toml"].decode())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """If one file is there, none is written; exit status 2."""
    (tmp_path / "steps.py").write_text("mine")
    done = run_here("init", "--rust", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path / 'steps.py'} exists, and nothing is overwritten" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["steps.py"]
    assert (tmp_path / "steps.py").read_text() == "mine"
    assert run_here("init", "--rust", tmp_path / "steps.py").returncode == 2


@pytest.mark.slow
@pytest.mark.sweep
def test_the_crate_runs_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It compiles without a warning, and its workflow ends well, with the step beside it."""
    rust()
    monkeypatch.setenv("CARGO_TARGET_DIR", str(ROOT / "target"))  # dependencies are there
    assert run_here("init", "--rust", tmp_path / "starter").returncode == 0
    done = run_here("build", tmp_path / "starter", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert done.stdout.endswith("  starter.order\n")
    steps = (tmp_path / "starter" / "steps.py").read_text()
    (tmp_path / "steps.py").write_text(steps.replace("0.3", "0.0"))
    modules = [tmp_path / "starter.wasm", tmp_path / "steps.py"]
    with flawless.Engine(":memory:", modules=modules) as engine:
        run = engine.start("starter.order", "a book", 1290)
        assert re.fullmatch(r"a book is on its way \(receipt-\d+\)", run.result(timeout=60))
