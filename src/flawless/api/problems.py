"""What an error looks like."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType


class Problem(msgspec.Struct):
    """An error as `application/problem+json` (RFC 9457), with further fields of its class.

    `type` names the class, `detail` says what is wrong, and `hint` what to do, where the detail
    does not.
    """

    type: str
    title: str
    status: int
    detail: str
    hint: str | UnsetType = UNSET
