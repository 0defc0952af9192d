"""The repository around the code: licence, pins, commands, nothing tied to one machine."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator

import pytest

from repository import ROOT, files, shown

# The text at apache.org, to the byte.
APACHE_2_SHA256 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
TARGETS = {
    "demo", "test", "bench", "bench-peers", "sweep", "soak", "fuzz", "lint", "format", "docs",
    "clean", "help",
}  # fmt: skip
PINNED = ("build", "base", "dev", "docs", "fuzz")


def project() -> dict[str, object]:
    """Return the `[project]` table of pyproject.toml."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert isinstance(table, dict)
    return table


def text_files() -> Iterator[tuple[str, str]]:
    """Return (name, content) of every file that holds text."""
    for path in files():
        try:
            yield shown(path), path.read_text()
        except UnicodeDecodeError:
            continue


def normal(name: str) -> str:
    """Return a distribution's name in its canonical spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> list[str]:
    """Return the entries of a requirements file, each with its hashes, comments left out."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", "")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_licence_is_apache_2() -> None:
    """LICENSE is the unaltered Apache License 2.0, and the package says so."""
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_SHA256
    assert project()["license"] == "Apache-2.0"


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/internals/decisions.md"]
)
def test_the_documents_everyone_looks_for_exist(name: str) -> None:
    """The usual documents are there, with a title."""
    assert (ROOT / name).read_text().startswith("# ")


def test_the_changelog_has_room_for_the_next_change() -> None:
    """CHANGELOG.md keeps an Unreleased section on top."""
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


@pytest.mark.parametrize("name", PINNED)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    """Each entry names one exact version and the hashes of its files."""
    entries = pins(name)
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==[^ ;]+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_every_dependency_of_the_package_is_pinned() -> None:
    """Whatever pyproject.toml asks for at run time stands in base.txt."""
    dependencies = project()["dependencies"]
    assert isinstance(dependencies, list)
    wanted = {normal(re.split(r"[<>=!~\[ ;]", text)[0]) for text in dependencies}
    pinned = {normal(entry.split("==")[0]) for entry in pins("base")}
    assert wanted <= pinned


def test_packages_that_several_files_share_have_one_version() -> None:
    """A package is pinned to the same version in every requirements file it stands in."""
    versions: dict[str, set[str]] = {}
    for name in PINNED:
        found: dict[str, set[str]] = {}
        for entry in pins(name):
            pin = entry.split("--hash")[0].strip()
            found.setdefault(normal(pin.split("==")[0]), set()).add(pin)
        for package, its_pins in found.items():
            assert versions.setdefault(package, its_pins) == its_pins


def test_no_file_names_a_package_registry() -> None:
    """Which registry to use is the user's choice: no pin, lock or setting records one."""
    lock_names = {"uv.lock", "Cargo.lock", "poetry.lock", "Pipfile.lock"}
    address = re.compile(
        r"^\s*(--index-url|--extra-index-url|--find-links|-i\s|-f\s)|index-url\s*="
        r'|"resolved": *"http|pythonhosted\.org|registry\.npmjs\.org|index\.crates\.io',
        re.MULTILINE,
    )
    for path in files():
        assert path.name not in lock_names, shown(path)
    for name, text in text_files():
        if not name.endswith((".md", "test_house.py")):
            assert not address.search(text), name
        if name.startswith("requirements/"):
            assert "://" not in text, name


def test_no_file_names_a_path_of_one_machine() -> None:
    """Nobody's home folder or work folder is written down anywhere."""
    machine = re.compile(r"(?<![\w.:/}-])/(home/\w|Users/\w|root/|work/|farm/)")
    for name, text in text_files():
        if name != "tests/test_house.py":
            found = machine.search(text)
            assert found is None, f"{name}: {text[found.start() : found.start() + 60]!r}"


def test_nothing_is_left_for_later() -> None:
    """No marker of unfinished work stands in the sources."""
    marker = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|raise NotImplemented" + r"Error)\b")
    for name, text in text_files():
        assert not marker.search(text), name


def test_no_file_is_large() -> None:
    """Nothing above a megabyte is kept in the repository."""
    for path in files():
        assert path.stat().st_size < 1_000_000, shown(path)


def test_make_help_lists_the_targets() -> None:
    """`make` without a target prints one line for each."""
    shown_help = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = {line.split()[1] for line in shown_help.splitlines()}
    assert listed >= TARGETS
    assert all(len(line.split()) > 3 for line in shown_help.splitlines())


def test_ci_runs_the_checks_and_the_tests() -> None:
    """`.ci/run` can be executed, stops at the first failure, and calls make lint and make test."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert [line for line in lines if "make" in line and not line.startswith("#")] == [
        "make lint",
        (
            "timeout --kill-after=30s 40m make test || timeout --kill-after=30s 15m make test "
            'ARGS="--last-failed --last-failed-no-failures=none"'
        ),
    ]


def test_shell_scripts_are_well_formed() -> None:
    """Bash accepts the syntax of every script."""
    for path in files():
        if path.read_bytes()[:19] == b"#!/usr/bin/env bash":
            checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
            assert checked.returncode == 0, checked.stderr


def test_the_set_up_program_starts_on_old_pythons() -> None:
    """tools/environment.py is read by any Python 3.8, so that it can say what is missing."""
    source = (ROOT / "tools" / "environment.py").read_text()
    ast.parse(source, feature_version=(3, 8))
