"""The document of the API, held against the server by schemathesis."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Route

from flawless.api import PREFIX
from flawless.engine.service import Service
from flawless.server import make_app
from flawless.server.openapi import OPERATIONS, openapi
from flawless.server.routing import Endpoint
from flawless.stores import open_store
from serving import DESK, SHOP, environment, serving

HERE = Path(__file__).resolve().parent
EXAMPLES = {"share": 3, "whole": 200}
SEED = 20_260_301
STARTED = [
    ("done", "shop.echo", ["ok"]),
    ("listening", "desk.listen", ["word"]),
    ("failed", "shop.stumble", ["on purpose"]),
]

PAGES = {
    "/",
    "/ui",
    "/ui/{path}",
    "/ui/static/{version}/{path}",
    "/login",
    "/logout",
    "/flawless.js",
    "/flawless.d.ts",
}
"""For browsers: no part of the API."""


def test_every_endpoint_is_described() -> None:
    """The document names each method of each path that the server has, and no others."""
    app = make_app(Service(open_store(":memory:"), [SHOP]))
    served = {
        (method, route.path.replace(":path}", "}"))
        for route in app.routes
        if isinstance(route, Endpoint)
        for method in route.needs
    }
    described = {(one.method, one.path if one.root else PREFIX + one.path) for one in OPERATIONS}
    served = {(method, path) for method, path in served if path not in PAGES}
    served.discard(("GET", f"{PREFIX}/"))
    assert described == served
    assert all(isinstance(route, Route) for route in app.routes)


def test_the_document_is_json_and_its_names_are_unique() -> None:
    """Each operation has a name of its own, and every reference leads somewhere."""
    document = openapi({})
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))
    for reference in text.split('"#/components/schemas/')[1:]:
        assert reference.partition('"')[0] in schemas


def test_schemathesis_finds_nothing(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Whatever fits the document is taken, what does not is refused, and each answer is as told."""
    seed = pytestconfig.getoption("--seed") or SEED
    examples = EXAMPLES[pytestconfig.getoption("--sweep")]
    with serving(tmp_path / "data", [SHOP, DESK]) as (_, client):
        for execution, workflow, given in STARTED:
            body = {"workflow": workflow, "id": execution, "input": given}
            assert client.post("/executions", json=body).status_code == 201
        assert client.get("/executions/done/result", params={"wait": 30}).json()["result"] == "ok"
        found = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                f"--config-file={HERE / 'schemathesis.toml'}",
                "run",
                str(client.base_url.join("openapi.json")),
                f"--seed={seed}",
                f"--max-examples={examples}",
                "--no-color",
            ],
            cwd=tmp_path,
            env=environment(SCHEMATHESIS_HOOKS="schema_hooks", PYTHONPATH=str(HERE)),
            capture_output=True,
            text=True,
        )
        told = f"--seed={seed}\n{found.stdout[-20_000:]}{found.stderr[-2_000:]}"
        assert found.returncode == 0, told
        assert re.search(r"(\d{3,}) generated, \1 passed", found.stdout), told
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/executions/done/result").json()["result"] == "ok"
