"""One server for all tests of the HTTP API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from serving import DESK, SHOP, serving


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of a server that serves `shop.py` and `desk.py`."""
    with serving(tmp_path_factory.mktemp("shop"), [SHOP, DESK]) as (_, client):
        yield client
