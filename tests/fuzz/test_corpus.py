"""What fuzzing has kept is tried again: what reached much of the code, and all that broke it once.

Files named by a hash are those that reach the most with the least; the others, with a name that
says what they are, are seeds, and inputs that broke a promise until the code was mended.
"""

from __future__ import annotations

import hashlib
from random import Random

import pytest
from attempts import attempt
from distilling import is_hash
from surfaces import SURFACES, kept

COSTLY = ("engine", "http", "component")
"""Surfaces of which a run of all tests takes so many of the files without a name."""
SHARE = 8
FILES_MAX = 100
BYTES_MAX = 150_000


@pytest.mark.parametrize("name", list(SURFACES))
def test_kept_inputs_keep_all_promises(name: str, whole: bool, chance: Random) -> None:
    """Every kept input is answered as the documentation says."""
    files = kept(name)
    hashed = [file for file in files if is_hash(file.name)]
    named = [file for file in files if file not in hashed]
    if name in COSTLY and not whole and len(hashed) > SHARE:
        hashed = chance.sample(hashed, SHARE)
    for file in named + hashed:
        attempt(name, file.read_bytes())


@pytest.mark.parametrize("name", list(SURFACES))
def test_corpora_stay_small(name: str) -> None:
    """A corpus has few files, each named by its content or by what it is about."""
    files = kept(name)
    assert files
    assert len(files) <= FILES_MAX
    assert sum(file.stat().st_size for file in files) <= BYTES_MAX
    for file in files:
        if is_hash(file.name):
            assert hashlib.sha256(file.read_bytes()).hexdigest().startswith(file.name)
