"""Uploads that are refused: what is said, and that nothing has changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from uploading import HEAD, NATIVELY, deploy, good, version

import flawless
from flawless.engine import rehearsal
from flawless.engine.upload import Upload
from flawless.errors import DeploymentInvalid, InputInvalid
from flawless.functions import steps

pytestmark = pytest.mark.usefixtures("untouched")


IN_A_GUEST = [
    ("def broken(:\n", "SyntaxError", ""),
    ("x = 1\n", "no workflow", ""),
    ("1 / 0\n", "ZeroDivisionError", "1 / 0"),
    ("import up_nowhere\n", "up_nowhere", "import up_nowhere"),
    ("import time\ntime.sleep(5)\n", "an effect", ""),
    ("null = '\0'\n", "null", ""),
    ("# -*- coding: klingon -*-\n", "klingon", ""),
    ("# -*- coding: ascii -*-\nx = 'é'\n", "ascii", ""),
    ("x = '\ud800'\n", "surrogates", ""),
]


def test_what_does_not_load_in_a_guest(served: flawless.Engine) -> None:
    """It is refused with the guest's traceback, and the old code goes on serving."""
    deploy(served, good())
    for body, message, told in IN_A_GUEST:
        with pytest.raises((DeploymentInvalid, InputInvalid), match=message) as caught:
            deploy(served, {"up_shop.py": body + HEAD})
        assert told in getattr(caught.value, "traceback", "")
        assert served.start("up_shop.run").result(30) == (1, 1)


NATIVE = [
    ("import up_not_installed", "up_not_installed"),
    ("raise ValueError('only here')", "only here"),
    ("sys.exit(3)", "SystemExit: 3"),
    ("import os; print('last words', file=sys.stderr, flush=True); os._exit(7)", "status 7"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "status -11"),
]


def test_what_does_not_import_natively(served: flawless.Engine) -> None:
    """Where steps cannot be had the upload is refused, whatever importing does to a process."""
    deploy(served, good())
    before = {step.name: step for step in steps()}
    for line, message in NATIVE:
        body = version(2) + "\n\n" + NATIVELY.format(line)
        with pytest.raises(DeploymentInvalid, match=message) as caught:
            deploy(served, {"up_shop.py": body})
        assert "nativ" in str(caught.value)
        assert "last words" not in line or "last words" in caught.value.traceback
        assert {step.name: step for step in steps()} == before
        assert served.start("up_shop.run").result(30) == (1, 1)
    entries, _ = served.call(lambda service: service.catalogue.page())
    assert [entry.current for entry in entries] == [["up_shop.run"], ["up_file.own"]]


def test_an_import_that_never_returns(
    served: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up, and its process is ended."""
    monkeypatch.setattr(rehearsal, "REHEARSAL_S_MAX", 0.5)
    body = version(2) + "\n\n" + NATIVELY.format("import threading; threading.Event().wait()")
    with pytest.raises(DeploymentInvalid, match=r"took longer than 0\.5 s"):
        deploy(served, {"up_shop.py": body})


LOUD = """
import os
import subprocess

os.write(2, b"x" * 3_000_000 + b"heard until here")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(MARK, "w") as mark:
    mark.write(str(child.pid))
"""


def test_what_holds_the_pipes_when_the_rehearsal_has_ended(
    served: flawless.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Processes that modules start end with the rehearsal, which does not wait for them."""
    mark = tmp_path / "mark"
    code = "".join(f"    {line}\n" for line in LOUD.replace("MARK", repr(str(mark))).splitlines())
    rehearsed = "import sys\nif sys.platform != 'wasi' and 'pytest' not in sys.modules:\n" + code
    monkeypatch.setattr(rehearsal, "LAST_WORDS_S_MAX", 600.0)  # all have ended long before
    deploy(served, {"up_shop.py": version(2) + "\n\n" + rehearsed})
    assert served.start("up_shop.run").result(30) == (2, 2)
    assert not is_running(int(mark.read_text()))
    with pytest.raises(DeploymentInvalid) as caught:
        deploy(served, {"up_shop.py": version(3) + "\n\n" + rehearsed + "    os._exit(9)\n"})
    assert caught.value.traceback == ("x" * 4_000 + "heard until here")[-4_000:]
    assert not is_running(int(mark.read_text()))


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that is dead and not collected yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_what_imports_in_another_process_only(served: flawless.Engine, tmp_path: Path) -> None:
    """Should the engine's own process fail at it all the same, nothing has changed either."""
    deploy(served, good())
    before = {step.name: step for step in steps()}
    modules = dict(sys.modules)
    mark = tmp_path / "mark"
    once = f"import pathlib; p = pathlib.Path({str(mark)!r}); 1 / (not p.exists()); p.touch()"
    with pytest.raises(DeploymentInvalid, match="ZeroDivisionError"):
        deploy(served, {"up_shop.py": version(2) + "\n\n" + NATIVELY.format(once)})
    assert mark.exists()
    assert {step.name: step for step in steps()} == before
    assert {n: m for n, m in sys.modules.items() if n.startswith("up_")} == {
        n: m for n, m in modules.items() if n.startswith("up_")
    }
    assert served.start("up_shop.run").result(30) == (1, 1)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/up.py",
        "../up.py",
        "a/../../up.py",
        "./up.py",
        "a//up.py",
        "up.py/",
        "C:\\up.py",
        "a\\up.py",
        "up.txt",
        "up.pyc",
        ".py",
        "",
        ".hidden/up.py",
        "a b.py",
        "up-shop.py",
        "up\0.py",
        "up\n.py",
        "~/up.py",
        "__init__.py",
        "__main__.py",
        "\N{LATIN SMALL LIGATURE FI}x.py",
        "x" * 300 + ".py",
    ],
)
def test_hostile_paths(path: str) -> None:
    """A path that is not plainly that of a module is refused."""
    with pytest.raises(InputInvalid) as caught:
        Upload({**good(), path: "x = 1\n"}, ["up_shop"])
    assert caught.value.path == "files"
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("files", "modules", "field"),
    [
        ({}, ["up_shop"], "files"),
        (good(), [], "modules"),
        (good(), ["up_shop", "up_shop"], "modules"),
        (good(), ["up_other"], "modules"),
        (good(), ["up_shop.py"], "modules"),
        (good(), [f"up_{n}" for n in range(51)], "modules"),
        (good() | {"up_shop/__init__.py": ""}, ["up_shop"], "files"),
        (good() | {"up_shop/part.py": ""}, ["up_shop"], "files"),
        (good() | {"json.py": ""}, ["up_shop"], "files"),
        (good() | {"httpx/__init__.py": ""}, ["up_shop"], "files"),
        (good() | {"flawless.py": ""}, ["up_shop"], "files"),
        (good() | {"sys.py": ""}, ["up_shop"], "files"),
        (good() | {f"up_{n}.py": "" for n in range(1_000)}, ["up_shop"], "files"),
        (good() | {"up_long.py": "#" * 8_400_000}, ["up_shop"], "files"),
    ],
)
def test_uploads_that_are_none(files: dict[str, str], modules: list[str], field: str) -> None:
    """Too many, too long, nothing at all, or names that belong to others: each is said."""
    with pytest.raises(InputInvalid) as caught:
        Upload(files, modules).check_names()
    assert caught.value.path == field


def test_labels_are_one_line_and_nothing_refused_is_written(
    served: flawless.Engine, tmp_path: Path
) -> None:
    """A label is for people, and short; what is refused leaves nothing on the disk."""
    for label in ("x" * 201, "two\nlines", "\x1b[31mred"):
        with pytest.raises(InputInvalid, match="label"):
            deploy(served, good(), label=label)
    with pytest.raises(InputInvalid, match="path"):
        deploy(served, {"../up_shop.py": version(1)}, "up_shop")
    assert not (tmp_path / "t.db.code").exists()
