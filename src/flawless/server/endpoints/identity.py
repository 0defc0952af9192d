"""The endpoints about callers: who one is, and tokens that open a single execution."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.service import Service
from flawless.server.access.authentication import Authenticator
from flawless.server.access.callers import caller
from flawless.server.access.capabilities import granted
from flawless.server.access.roles import KNOWN, OPERATE, Right
from flawless.server.routing import endpoint
from flawless.server.wire.documents import document
from flawless.server.wire.requests import Query, parse, read_body

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
