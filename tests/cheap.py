"""How cargo builds for tests: a crate takes two seconds then, and ten as it does for users."""

from __future__ import annotations

CHEAP = {
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_LTO": "false",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
}
"""Set for all tests by `conftest.py`: with others, cargo would build all anew."""
