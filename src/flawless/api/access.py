"""Who asks, and what may be given to others: one execution, for a while."""

from __future__ import annotations

from typing import Final

import msgspec

from flawless.api.fields import CapabilityLifetime, MessageNames, Rights

CAPABILITY_S: Final = 3_600.0
"""How long a capability lasts unless the request says otherwise."""


class Whoami(msgspec.Struct):
    """Who asks. `via` is `local`, `token`, `session`, `capability` or `host`.

    A capability has no `role`, but `rights` on its one `execution`. Pages with a session send
    `csrf` as the header `X-Flawless-CSRF` with every POST, PUT and DELETE.
    """

    name: str
    role: str | None
    via: str
    rights: list[str]
    execution: str | None = None
    csrf: str | None = None
    expires_at: str | None = None


class CapabilityRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /executions/{id}/capability`. `messages`: the only ones it may send."""

    rights: Rights
    ttl_s: CapabilityLifetime = CAPABILITY_S
    messages: MessageNames | None = None


class Capability(msgspec.Struct):
    """A token that opens one execution until it expires."""

    token: str
    expires_at: str
    rights: list[str]
