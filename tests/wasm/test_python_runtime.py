"""Building Python components."""

from __future__ import annotations

from pathlib import Path

import pytest

from flawless.wasm import CacheFolder
from flawless.wasm.python_runtime import BuildFailed, componentize, guest_files, wit_file
from wasm.conftest import APP


def test_found_by_content(component_bytes: bytes) -> None:
    """The same files are built once; the progress is not even told."""

    def progress(stage: str, share: float | None) -> None:
        raise AssertionError(stage)

    files = {"app.py": APP.read_bytes()}
    assert componentize(files, "app", cache=CacheFolder(), progress=progress) == component_bytes


@pytest.mark.sweep
def test_failing_import(tmp_path: Path) -> None:
    """An application that does not import fails the build with its traceback, and nothing else.

    It also shows that the libraries installed on the host are not visible to the build.
    """
    stages: list[str] = []
    with pytest.raises(BuildFailed) as caught:
        componentize(
            {"app.py": b"import pytest"},
            "app",
            cache=CacheFolder(tmp_path),
            progress=lambda stage, _: stages.append(stage),
        )
    assert caught.value.output.startswith("Traceback")
    assert caught.value.output.endswith("ModuleNotFoundError: No module named 'pytest'")
    assert set(stages) == {"building a component"}
    assert list(tmp_path.glob("python-*")) == []


def test_guest_files_are_complete() -> None:
    """The guest's package has its own files and those it shares with the host."""
    files = guest_files()
    assert {"flawless_guest.py", "flawless/__init__.py", "flawless/errors.py"} <= files.keys()
    assert any(name.startswith("flawless/codec/") for name in files)
    assert b"world workflow" in wit_file().read_bytes()
