"""The page that the guide to clients shows, in a real browser: it does what the guide says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browsing import visiting
from hosting import Hosting, port_of
from repository import ROOT
from serving import environment

GUIDE = ROOT / "docs" / "guides" / "clients.md"
MINUTE_MS = 60_000


class Application(Hosting):
    """The guide's application."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.printed = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "web:app", f"--port={port}"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the files of the guide."""
    form = r"```\w+\n(?:# |<!-- )file: (\S+)(?: -->)?\n(.*?)```"
    for name, content in re.findall(form, GUIDE.read_text(), re.DOTALL):
        (tmp_path / name).write_text(content)
    assert {path.name for path in tmp_path.iterdir()} >= {"shop.py", "web.py", "page.html"}
    return tmp_path


def test_the_page_of_the_guide(browser: Browser, folder: Path) -> None:
    """A visitor's purchase is where it was after a reload, and after kill -9."""
    with Application(folder) as server:
        url = server.await_url()
        with visiting(browser, url, unreachable=True, refused=(404,)) as page:
            page.goto(url)
            stage = page.locator("#stage")
            stage.get_by_text("asked").wait_for()
            page.reload()
            stage.get_by_text("asked").wait_for()
            server.kill()
            with Application(folder, port_of(url)) as again:
                again.await_url()
                page.get_by_role("button").click()
                done = stage.get_by_text("a lamp, approved by the visitor")
                done.wait_for(timeout=MINUTE_MS)
                page.reload()
                done.wait_for()
