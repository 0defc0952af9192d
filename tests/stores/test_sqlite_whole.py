"""Sound stores that look unusual are not taken for damaged ones."""

from __future__ import annotations

import pytest

from flawless.stores.sqlite.whole import lacks_pages

pytestmark = pytest.mark.anyio

LOCK_PAGE = 524_289
"""The page of the byte 2^30, with pages of 2,048 bytes."""


@pytest.mark.parametrize(
    ("file_pages", "count", "logged", "lacks"),
    [
        (10, 10, set(), False),
        (10, 12, {11, 12}, False),
        (10, 12, {12}, True),
        (12, 10, set(), False),
        (LOCK_PAGE - 1, LOCK_PAGE + 1, {LOCK_PAGE + 1}, False),
        (LOCK_PAGE - 2, LOCK_PAGE + 1, {LOCK_PAGE + 1}, True),
        (LOCK_PAGE - 1, LOCK_PAGE + 2, {LOCK_PAGE + 2}, True),
    ],
)
def test_a_store_of_more_than_a_gibibyte(
    file_pages: int, count: int, logged: set[int], lacks: bool
) -> None:
    """The page that SQLite never writes is not missed, and any other page is."""
    assert lacks_pages(file_pages, count, logged, 2048) is lacks
