"""What each error says about what to do."""

from __future__ import annotations

import json

import pytest

from flawless import errors
from flawless.errors import FlawlessError, StoreError
from flawless.server.wire import problems
from flawless.server.wire.problems import NotPermitted, problem

CARRIED = "what this one knows to do"
CARRY = {NotPermitted, StoreError}
"""They have hints of their own, made where they are raised."""


def errors_of(module: object) -> set[type[FlawlessError]]:
    """Return all errors of ours that a module knows."""
    known = vars(module).values()
    return {one for one in known if isinstance(one, type) and issubclass(one, FlawlessError)}


def hint(kind: type[FlawlessError]) -> str:
    """Return the hint that an error is answered with, whatever its constructor takes."""
    error = kind.__new__(kind)
    vars(error).update(hint=CARRIED, retry_after_s=1, retriable=False)
    found: str = json.loads(bytes(problem(error).body))["hint"]
    return found


@pytest.mark.parametrize(
    "kind", sorted(errors_of(problems) - {errors.EngineError}, key=lambda kind: kind.__qualname__)
)
def test_every_error_of_the_server_has_a_hint_of_its_own(kind: type[FlawlessError]) -> None:
    """People hear not only what is wrong, but what to do about this, not about errors at large."""
    assert hint(kind) == (CARRIED if kind in CARRY else problems._HINTS[kind])


@pytest.mark.parametrize("kind", sorted(errors_of(errors), key=lambda kind: kind.__qualname__))
def test_every_other_error_has_a_hint_too(kind: type[FlawlessError]) -> None:
    """Also what a request meets by chance, such as a damaged journal, says where to look."""
    assert len(hint(kind)) > 20
