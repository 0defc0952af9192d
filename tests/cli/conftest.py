"""One server for all tests of client commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from serving import DESK, SHOP, serving


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server that serves `shop.py` and `desk.py`."""
    with serving(tmp_path_factory.mktemp("cli-shop"), [SHOP, DESK]) as (_, client):
        yield str(client.base_url).removesuffix("/api/v1/")
