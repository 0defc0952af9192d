"""How many examples random tests try: all of them in `make sweep`, fewer in `make test`."""

from __future__ import annotations

whole = False
"""Whether this is the sweep; set before tests are collected."""


def examples(all_of_them: int, share: int) -> int:
    """Return the one or the other."""
    return all_of_them if whole else share
