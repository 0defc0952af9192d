"""What is deployed: builds of the user's code, what they can start, and their sources."""

from __future__ import annotations

import msgspec

from flawless.api.fields import Label, ModuleNames, Sources
from flawless.api.workflows import Workflow


class Deployment(msgspec.Struct):
    """A deployment, as lists show it.

    `kind` is `bundle` or `baked`, both of which are Python, or `component`: what was built from
    Rust, say.
    `entry_modules` are the modules it was made of, `workflows` the names of all it can run.
    `current` tells whether new executions run on it, of one of its workflows at least; `uploaded`,
    whether it came as an upload. `component` is the SHA-256 of what it runs on.
    """

    id: str
    label: str
    kind: str
    created_at: str
    component: str
    entry_modules: list[str]
    workflows: list[str]
    current: bool = False
    uploaded: bool = False


class DeploymentPage(msgspec.Struct):
    """Deployments, newest first; `next` is the `before` of the next page, or null."""

    deployments: list[Deployment]
    next: str | None = None


class ModuleInfo(msgspec.Struct):
    """A module that workflows of a deployment have. `user`: the user's own code, no library."""

    name: str
    file: str
    lines: int
    user: bool
    package: bool = False


class DeploymentDetail(msgspec.Struct):
    """A deployment with all that it consists of, but for the code itself.

    `workflows` are whole documents here. `current_workflows` names those that new executions run
    from here. `egress` are the hosts that requests of its workflows may go to, null for all.
    `standins` are libraries that workflows see stand-ins of, each with the reason. `files` are the
    paths that were uploaded. A component may tell its `version` and `language`.
    """

    id: str
    label: str
    kind: str
    created_at: str
    component: str
    entry_modules: list[str]
    workflows: list[Workflow]
    current: bool = False
    uploaded: bool = False
    current_workflows: list[str] = []
    modules: list[ModuleInfo] = []
    egress: list[str] | None = None
    standins: dict[str, str] = {}
    files: list[str] = []
    version: str = ""
    language: str = ""


class ModuleSource(ModuleInfo, kw_only=True):
    """A module with its source, as the deployment holds it."""

    source: str


class DeployRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /deployments`.

    `files` are Python sources by their paths (`shop.py`, `parts/__init__.py`), `modules` the names
    of those that are loaded first: where workflows and steps are. `label` is for people. Code that
    is not to `serve` is only kept, for forks that name it; no step of it is ever run.
    """

    files: Sources
    modules: ModuleNames
    label: Label = ""
    serve: bool = True


class Deployed(DeploymentDetail, kw_only=True):
    """The answer to an upload. `new` is false when the same code was deployed before."""

    new: bool = True
