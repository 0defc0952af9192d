"""What children run on: their parent's deployment, or whichever serves their workflow.

A workflow that the parent's deployment has runs on that, so that parent and child always fit each
other. One that it does not have is looked for among all that serves: that is how a workflow in
Python starts one in Rust, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flawless.core import responses
from flawless.core.protocol import ExecuteRequest, error_object
from flawless.engine.deployment import Deployment
from flawless.engine.library import Library
from flawless.engine.signatures import decoded
from flawless.errors import InputInvalid

CheckCall = Callable[[str, Any], None]
"""Raises `InputInvalid` unless an encoded call fits the workflow of that name, as it serves."""


class Children:
    """Finds the deployments of children, and refuses those that cannot be started."""

    def __init__(self, library: Library, check: CheckCall) -> None:
        self._library = library
        self._check = check

    def deployment(self, parent: Deployment, workflow: str) -> Deployment | None:
        """Return what a child of an execution on `parent` runs on, or None."""
        return parent if workflow in parent.workflows else self._library.latest(workflow)

    def refusal(self, parent: Deployment, request: ExecuteRequest) -> bytes | None:
        """Return why an execution on `parent` cannot start that child now, or None."""
        found = self.deployment(parent, request.workflow)
        if found is None:
            return responses.no_such_workflow(request.workflow)
        try:
            if not found.is_python:
                found.signature(request.workflow).check(decoded(bytes(request.args)))
            elif found is not parent:  # otherwise the guest has looked itself
                self._check(request.workflow, decoded(bytes(request.args)))
        except InputInvalid as error:
            text = f"{request.workflow}: {error}"
            return error_object("InputInvalid", text, path=error.path)
        return None
