"""The endpoints about deployments: what there is, what it consists of, and uploads."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.catalogue import Listed
from flawless.engine.deployment import Deployment, ModuleCode
from flawless.engine.service import Service
from flawless.engine.upload import FILES_BYTES_MAX
from flawless.errors import DeploymentNotFound
from flawless.server.access.roles import DEPLOY, READ
from flawless.server.routing import endpoint
from flawless.server.wire.documents import document
from flawless.server.wire.requests import (
    WASM,
    Query,
    expect_json,
    location,
    media_type,
    parse,
    read_body,
)

BODY_BYTES_MAX: Final = 2 * FILES_BYTES_MAX
"""A body may be larger than the files in it: JSON writes line ends and quotes as two characters."""

COMPONENT_S_MAX: Final = 300.0
"""How long a component may take to arrive."""


class Deployments:
    """The endpoints below `/deployments`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        one = f"{api.PREFIX}/deployments/{{id}}"
        return [
            endpoint(f"{api.PREFIX}/deployments", self.upload_or_list, GET=READ, POST=DEPLOY),
            endpoint(one, self.get, GET=READ),
            endpoint(f"{one}/modules/{{name}}", self.module, GET=READ),
        ]

    async def upload_or_list(self, request: Request) -> Response:
        """`/deployments` is one route, so that a wrong method hears of both."""
        return await (self.upload if request.method == "POST" else self.list)(request)

    async def upload(self, request: Request) -> Response:
        """`POST /deployments`: 201 for new code, 200 for code that is known; both serve from now.

        The body is JSON with Python sources, or a component as it is, by the media type.

        Unless `serve` is false: such code is only kept, and is not imported natively.
        After a refused one the same code serves as before. Its modules have been imported in a
        process of their own, though, and perhaps in the engine's, with all that importing them did.
        """
        if media_type(request) == WASM:
            deployment, new = await self._upload_component(request)
        else:
            deployment, new = await self._upload_sources(request)
        fields = await self._detail(deployment)
        return document(
            api.Deployed(**fields, new=new),
            201 if new else 200,
            headers={"Location": location(request, f"/deployments/{deployment}")},
        )

    async def _upload_sources(self, request: Request) -> tuple[str, bool]:
        Query(request, set())
        expect_json(request, alternatives=f" (or a component, with {WASM})")
        asked = parse(await read_body(request, BODY_BYTES_MAX), api.DeployRequest)
        return await self._service.deploying.sources(
            asked.files, asked.modules, asked.label, serve=asked.serve
        )

    async def _upload_component(self, request: Request) -> tuple[str, bool]:
        query = Query(request, {"label", "serve"})
        label, serve = query.text("label") or "", query.flag("serve", default=True)
        wasm = await read_body(request, api.COMPONENT_BYTES_MAX, within_s=COMPONENT_S_MAX)
        return await self._service.deploying.component(wasm, label, serve=serve)

    async def list(self, request: Request) -> Response:
        """`GET /deployments`: newest first, with the names of what each can run."""
        query = Query(request, {"limit", "before"})
        most = api.DEPLOYMENTS_LIMIT_MAX
        limit = query.number("limit", most, least=1, most=most)
        page, after = await self._service.catalogue.page(limit=limit, before=query.text("before"))
        return document(api.DeploymentPage([_listed(one) for one in page], after))

    async def get(self, request: Request) -> Response:
        """`GET /deployments/{id}`: its workflows, modules, stand-ins and allowed hosts."""
        Query(request, set())
        return document(api.DeploymentDetail(**await self._detail(request.path_params["id"])))

    async def module(self, request: Request) -> Response:
        """`GET /deployments/{id}/modules/{name}`: the source that its executions run."""
        Query(request, set())
        name = request.path_params["name"]
        _, deployment = await self._service.catalogue.get(request.path_params["id"])
        for module in deployment.manifest.modules:
            if module.name == name:
                return document(
                    api.ModuleSource(
                        **msgspec.structs.asdict(_module(module)), source=module.source
                    )
                )
        raise DeploymentNotFound(deployment.id, name)

    async def _detail(self, id_: str) -> dict[str, Any]:
        catalogue = self._service.catalogue
        listed, deployment = await catalogue.get(id_)
        return _detail(listed, deployment) | {"files": await catalogue.files(deployment)}


def _listed(listed: Listed) -> api.Deployment:
    return api.Deployment(
        listed.id,
        listed.label,
        listed.kind,
        api.timestamp(listed.created_us),
        listed.component,
        listed.entry_modules,
        sorted(listed.workflows),
        current=bool(listed.current),
        uploaded=listed.uploaded,
    )


def _detail(listed: Listed, deployment: Deployment) -> dict[str, Any]:
    fields = msgspec.structs.asdict(_listed(listed))
    workflows = sorted(deployment.manifest.workflows, key=lambda info: info.name)
    return fields | {
        "workflows": msgspec.convert(msgspec.to_builtins(workflows), list[api.Workflow]),
        "current_workflows": listed.current,
        "modules": [_module(module) for module in deployment.manifest.modules],
        "egress": deployment.manifest.egress,
        "standins": deployment.manifest.standins,
        "version": deployment.manifest.version,
        "language": deployment.manifest.language,
    }


def _module(module: ModuleCode) -> api.ModuleInfo:
    return api.ModuleInfo(
        module.name,
        module.file,
        len(module.source.splitlines()),
        user=module.user,
        package=module.package,
    )
