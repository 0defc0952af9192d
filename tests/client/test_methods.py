"""Both clients have the same methods, with the same parameters and the same documentation."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import flawless
from flawless.client import AsyncClient, Client


def methods(client: type) -> dict[str, Any]:
    """Return the public methods of a client that ask a server."""
    own = {"run", "iterate", "close", "aclose"}
    found = inspect.getmembers(client, inspect.isfunction)
    return {n: f for n, f in found if not n.startswith("_") and n not in own}


def test_the_public_names_are_the_clients() -> None:
    """`flawless.Client` is found when it is asked for, and a wrong name is still wrong."""
    assert flawless.Client is Client
    assert flawless.AsyncClient is AsyncClient
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        flawless.Cleint  # type: ignore[attr-defined]  # noqa: B018 (the mistake that is meant)


def test_both_clients_can_do_the_same() -> None:
    """What one can ask, the other can, with the same words."""
    blocking, awaiting = methods(Client), methods(AsyncClient)
    assert blocking.keys() == awaiting.keys()
    assert {"start", "list", "send", "watch", "changes", "capability"} <= blocking.keys()
    for name, method in blocking.items():
        other = awaiting[name]
        assert next(iter(inspect.signature(method).parameters)) == "self"
        if name != "log_tail":
            assert inspect.signature(method) == inspect.signature(other)
            assert method.__doc__ == other.__doc__
        assert method.__doc__, name


def test_a_client_tells_no_secrets() -> None:
    """The token is not in what a client shows of itself."""
    with Client("http://127.0.0.1:1", "a-token-nobody-may-see") as client:
        assert "token" not in repr(client)
        assert "127.0.0.1" in repr(client)
