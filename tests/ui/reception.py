"""The server that the tests of the web UI share, and how to talk to it beside the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

Visit = Callable[..., Page]
"""Opens a page by its path; what went wrong in it fails the test at its end."""
HERE = Path(__file__).parent
MODULES = (HERE / "office.py",)
PAYMENTS = ("pay-ok", "pay-error", "pay-retry", "pay-role", "pay-phone")
"""Executions that were interrupted by a crash, and wait for a person; each reads a pipe."""


class Office:
    """The server: what is started there, and where its pages are."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.origin = str(client.base_url).partition("/api/")[0]

    def ui(self, path: str = "") -> str:
        """Return the address of a page."""
        return f"{self.origin}/ui/{path}"

    def start(self, workflow: str, input: Any = None, **fields: Any) -> dict[str, Any]:  # noqa: A002 (field)
        """Start a workflow; one without a module's name is one of `office`."""
        name = workflow if "." in workflow else f"office.{workflow}"
        response = self.client.post(
            "/executions", json={"workflow": name, "input": input, **fields}
        )
        assert response.status_code in (200, 201), response.text
        started: dict[str, Any] = response.json()
        return started

    def get(self, execution: str) -> dict[str, Any]:
        """Return how an execution stands."""
        found: dict[str, Any] = self.client.get(f"/executions/{execution}").json()
        return found

    def status(self, execution: str) -> str:
        """Return the status of an execution."""
        return str(self.get(execution)["status"])

    def await_status(self, execution: str, status: str) -> None:
        """Wait until an execution has a status."""
        while self.status(execution) != status:
            self.client.get(f"/executions/{execution}/result", params={"wait": 0.05})

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution, and return it."""
        url = f"/executions/{execution}/result"
        found: dict[str, Any] = self.client.get(url, params={"wait": 30}).json()
        return found
