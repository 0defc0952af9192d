"""The pytest plugin: fixtures, its setting, its marker, and what it costs those who use neither."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import textwrap
from pathlib import Path

APP = """
    from flawless import sleep, step, workflow

    @step
    def charge(cents: int) -> str:
        raise RuntimeError("not for tests")

    @workflow
    def buy(cents: int) -> str:
        sleep(days=30)
        return charge(cents)
"""


def run_pytest(folder: Path, **files: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on these files, in a process of its own."""
    (folder / "plugin_app.py").write_text(textwrap.dedent(APP))
    for name, text in files.items():
        suffix = "ini" if name == "pytest" else "py"
        (folder / f"{name}.{suffix}").write_text(textwrap.dedent(text))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_plugin_is_found() -> None:
    """The distribution names it; if not, `make test` installs the package anew."""
    points = importlib.metadata.entry_points(group="pytest11")
    assert [point.value for point in points if point.name == "flawless"] == ["flawless_pytest"]


def test_the_plugin_loads_nothing(tmp_path: Path) -> None:
    """Tests without workflows do not pay for the engine."""
    done = run_pytest(
        tmp_path,
        test_it="""
        import sys

        def test_it():
            assert "flawless_pytest" in sys.modules
            assert not {"flawless", "wasmtime", "httpx"} & sys.modules.keys()
        """,
    )
    assert done.returncode == 0, done.stdout


def test_a_lab_for_the_modules_of_the_setting(tmp_path: Path) -> None:
    """`flawless_modules` names them for all tests, and each test has a lab of its own."""
    done = run_pytest(
        tmp_path,
        pytest="""
        [pytest]
        flawless_modules = plugin_app.py
        """,
        test_it="""
        import plugin_app, pytest
        from datetime import datetime

        @pytest.mark.parametrize("n", [1, 2])
        def test_it(flawless_lab, n):
            fake = flawless_lab.fake(plugin_app.charge, "a receipt")
            assert flawless_lab.start(plugin_app.buy, n).result() == "a receipt"
            assert flawless_lab.now.replace(tzinfo=None) == datetime(2026, 1, 31)
            assert [call.arguments for call in fake.calls] == [{"cents": n}]
        """,
    )
    assert done.returncode == 0, done.stdout


def test_a_lab_for_the_modules_of_a_marker(tmp_path: Path) -> None:
    """The marker nearest to the test counts, with all options of a lab."""
    done = run_pytest(
        tmp_path,
        test_it="""
        import plugin_app, pytest

        pytestmark = pytest.mark.flawless(modules=["no_such_module"], seed=3)

        @pytest.mark.flawless(modules=[plugin_app], auto=False)
        def test_it(flawless_lab):
            assert (flawless_lab._auto, flawless_lab._seed) == (False, 3)
            assert flawless_lab.start(plugin_app.buy, 1).status == "waiting"
        """,
    )
    assert done.returncode == 0, done.stdout


def test_a_lab_without_modules_says_what_to_do(tmp_path: Path) -> None:
    """Neither setting nor marker: the message names both."""
    done = run_pytest(tmp_path, test_it="def test_it(flawless_lab): ...")
    assert done.returncode == 1
    assert "flawless_modules = app" in done.stdout
    assert "@pytest.mark.flawless(modules=[app])" in done.stdout
