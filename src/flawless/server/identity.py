"""The endpoints about callers: who one is, and tokens that open a single execution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless._messages import check_name
from flawless.engine.service import Service
from flawless.errors import InputInvalid, UsageError
from flawless.server.access import caller
from flawless.server.authentication import Authenticator
from flawless.server.capabilities import (
    CAPABILITY_S_MAX,
    MESSAGE_NAMES_MAX,
    Capability,
)
from flawless.server.documents import document
from flawless.server.requests import Query, parse, read_body
from flawless.server.roles import KNOWN, OPERATE, Right
from flawless.server.routing import endpoint

_BODY_BYTES_MAX = 0
"""Beyond the slack every body has: nothing here carries a value."""


class Identity:
    """Tells callers who they are, and gives out capability tokens."""

    def __init__(self, service: Service, authenticator: Authenticator) -> None:
        self._service = service
        self._authenticator = authenticator

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            endpoint(f"{api.PREFIX}/whoami", self.whoami, GET=KNOWN),
            endpoint(f"{api.PREFIX}/executions/{{id}}/capability", self.capability, POST=OPERATE),
        ]

    async def whoami(self, request: Request) -> Response:
        """`GET /whoami`: who asks, and what they may."""
        Query(request, set())
        who = caller(request)
        rights = who.rights if who.role is None else who.role.rights
        return document(
            api.Whoami(
                who.name,
                who.role,
                who.via,
                [right.value for right in Right if right in rights],
                who.execution,
                who.csrf,
                None if who.expires_us is None else api.timestamp(who.expires_us),
            )
        )

    async def capability(self, request: Request) -> Response:
        """`POST /executions/{id}/capability`: a token for this execution and nothing else."""
        Query(request, set())
        asked = parse(await read_body(request, _BODY_BYTES_MAX), api.CapabilityRequest)
        record = await self._service.get(request.path_params["id"])
        who = caller(request)
        capability = granted(
            record.id,
            asked.rights,
            asked.ttl_s,
            asked.messages,
            now_us=self._authenticator.clock.now_us(),
            issuer=who.token_id or "",
            # With the token behind it, it ends anyway.
            ends_us=who.expires_us if who.via == "token" else None,
        )
        return document(
            api.Capability(
                self._authenticator.capabilities.write(capability),
                api.timestamp(capability.expires_us),
                [right.value for right in Right if right in capability.rights],
            ),
            201,
        )


def granted(
    execution: str,
    rights: Sequence[str],
    ttl_s: float,
    messages: Sequence[str] | None,
    *,
    now_us: int,
    issuer: str,
    ends_us: int | None = None,
) -> Capability:
    """Return what a capability token is to allow; raises `InputInvalid` naming the field."""
    if not 0 < ttl_s <= CAPABILITY_S_MAX:
        raise InputInvalid(
            f"ttl_s must be a number of seconds up to {CAPABILITY_S_MAX:.0f} (30 days), not "
            f"{ttl_s:g}",
            path="ttl_s",
        )
    expires_us = now_us + math.ceil(ttl_s * 1_000_000)
    known = _rights(rights)
    return Capability(
        execution,
        known,
        expires_us if ends_us is None else min(expires_us, ends_us),
        issuer,
        _messages(messages, known),
    )


def _rights(names: Sequence[str]) -> frozenset[Right]:
    if not names or not set(Right) >= set(names):
        raise InputInvalid(f"rights names at least one of {', '.join(Right)}", path="rights")
    return frozenset(map(Right, names))


def _messages(names: Sequence[str] | None, rights: frozenset[Right]) -> frozenset[str] | None:
    if names is None:
        return None
    if Right.SEND not in rights:
        raise InputInvalid("messages are for the right send, which is not given", path="messages")
    if len(names) > MESSAGE_NAMES_MAX:
        raise InputInvalid(f"messages has at most {MESSAGE_NAMES_MAX} names", path="messages")
    for name in names:
        try:
            check_name(name)
        except UsageError as error:
            raise InputInvalid(str(error), path="messages") from None
    return frozenset(names)
