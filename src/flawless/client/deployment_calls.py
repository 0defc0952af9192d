"""What can be asked about deployments, and how code is uploaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from flawless import api
from flawless.client.call import Call, get, post, post_content
from flawless.client.paging import behind, newest_first
from flawless.client.plans import Series
from flawless.errors import ValueTooLarge

WASM: Final = "application/wasm"
DEPLOY_S_MAX: Final = 300.0
"""How long an upload may take: baked, or with large libraries, it is no matter of seconds."""


def deployments() -> Series[api.Deployment]:
    """Yield all deployments, newest first."""
    return newest_first(
        lambda before: get("/deployments", api.DeploymentPage, *behind(before)),
        lambda page: page.deployments,
    )


def deployment(id: str) -> Call[api.DeploymentDetail]:  # noqa: A002 (the word of the API)
    """Return all that a deployment consists of; raises `DeploymentNotFound`."""
    return get(f"/deployments/{quote(id, safe='')}", api.DeploymentDetail)


def module_source(id: str, name: str) -> Call[api.ModuleSource]:  # noqa: A002 (the word of the API)
    """Return a module of a deployment with its source; raises `DeploymentNotFound`."""
    path = f"/deployments/{quote(id, safe='')}/modules/{quote(name, safe='')}"
    return get(path, api.ModuleSource)


def deploy_component(wasm: bytes, label: str = "", *, serve: bool = True) -> Call[api.Deployed]:
    """Upload a WebAssembly component, as `flawless build` makes it of a Rust crate.

    New executions of its workflows run on it when this returns; it is durable then. Without a
    `label` it gets its module's name and version. Raises `ValueTooLarge` beyond 64 MiB and
    `DeploymentInvalid` when it is no component that can be served; nothing has changed then. The
    token needs the role `deploy`. One that is not to `serve` is only kept, for forks that name it.
    """
    if len(wasm) > api.COMPONENT_BYTES_MAX:
        raise ValueTooLarge("the component", len(wasm), api.COMPONENT_BYTES_MAX)
    query: list[tuple[str, str]] = [("label", label)] if label else []
    if not serve:
        query.append(("serve", "false"))
    return post_content("/deployments", wasm, WASM, api.Deployed, *query, wait_s=DEPLOY_S_MAX)


def deploy(
    files: Mapping[str, str], modules: Sequence[str], label: str = "", *, serve: bool = True
) -> Call[api.Deployed]:
    """Upload Python sources by path, `{"shop.py": "..."}`; `modules` are loaded first.

    New executions of their workflows run on them, and their steps serve all executions, when this
    returns; it is durable then. The same sources give the same deployment, which is `new` only
    once. Raises `InputInvalid` and `DeploymentInvalid`, with the traceback, when they are refused;
    nothing has changed then. The token needs the role `deploy`. Code that is not to `serve` is only
    kept, for forks that name it; no step of it is ever run.
    """
    body: dict[str, object] = {"files": dict(files), "modules": list(modules), "label": label}
    if not serve:  # an older server, which knows no such field, refuses it
        body["serve"] = False
    return post("/deployments", body, api.Deployed, wait_s=DEPLOY_S_MAX, repeatable=True)
