"""What is deployed, over HTTP: lists, details, sources, and uploads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import await_status, end, expect, start

from flawless.server.endpoints.deployments import BODY_BYTES_MAX
from serving import SHOP, Serving, serving


def test_deployments_are_listed_newest_first(tmp_path: Path) -> None:
    """Each version of the code is listed, a page at a time; the newest is what serves."""
    app = tmp_path / "app.py"
    for version in (1, 2, 3):
        app.write_text(
            "from flawless import workflow\n\n\n@workflow\n"
            f'def run() -> int:\n    """Version {version}."""\n    return {version}\n'
        )
        with serving(tmp_path / "data", [app]) as (server, client):
            page = client.get("/deployments").json()
            if version < 3:
                assert server.stop() == 0
                continue
            assert [one["current"] for one in page["deployments"]] == [True, False, False]
            assert {one["label"] for one in page["deployments"]} == {"app"}
            assert {tuple(one["workflows"]) for one in page["deployments"]} == {("app.run",)}
            assert page["next"] is None
            started = start(client, "app.run").json()
            assert started["deployment"] == page["deployments"][0]["id"]
            docs = [
                client.get(f"/deployments/{one['id']}").json()["workflows"][0]["doc"]
                for one in page["deployments"]
            ]
            assert docs == ["Version 3.", "Version 2.", "Version 1."]
            first = client.get("/deployments", params={"limit": 2}).json()
            assert first["deployments"] == page["deployments"][:2]
            rest = client.get("/deployments", params={"before": first["next"]}).json()
            assert rest == {"deployments": page["deployments"][2:], "next": None}


def test_one_deployment_and_its_sources(shop: httpx.Client) -> None:
    """A deployment shows signatures and modules, and the source of each as it was deployed."""
    listed = shop.get("/deployments").json()["deployments"][0]
    detail = shop.get(f"/deployments/{listed['id']}").json()
    assert detail["current"]
    assert detail["egress"] is None
    assert detail["entry_modules"] == ["shop", "desk"]
    assert [each["name"] for each in detail["workflows"]] == listed["workflows"]
    assert detail["current_workflows"] == listed["workflows"]
    assert detail["workflows"] == shop.get("/workflows").json()["workflows"]
    module = next(each for each in detail["modules"] if each["name"] == "shop")
    text = SHOP.read_text()
    assert module == {
        "name": "shop",
        "file": "shop.py",
        "lines": len(text.splitlines()),
        "user": True,
        "package": False,
    }
    source = shop.get(f"/deployments/{listed['id']}/modules/shop").json()
    assert source == module | {"source": text}


def test_what_is_not_deployed_is_not_found(shop: httpx.Client) -> None:
    """Unknown deployments and modules are named in the answer, as are wrong parameters."""
    known = shop.get("/deployments").json()["deployments"][0]["id"]
    expect(shop.get("/deployments/nope"), 404, "deployment-not-found", "'nope'")
    expect(shop.get("/deployments/nope/modules/shop"), 404, "deployment-not-found", "'nope'")
    missing = shop.get(f"/deployments/{known}/modules/..%2Fetc")
    assert missing.status_code == 404
    expect(shop.get(f"/deployments/{known}/modules/os"), 404, "deployment-not-found", "'os'")
    expect(shop.get("/deployments?before=nope"), 404, "deployment-not-found", "'nope'")
    expect(shop.get("/deployments?limit=0"), 422, "input-invalid", "limit")
    expect(shop.get("/deployments?limit=101"), 422, "input-invalid", "limit")
    expect(shop.get(f"/deployments/{known}?x=1"), 422, "input-invalid", "no parameter 'x'")


# --- uploads --------------------------------------------------------------------------------------

BILLING = """
from flawless import receive, step, workflow


@step
def price() -> int:
    return {n}


@workflow
def bill(wait: bool = False) -> list[int]:
    if wait:
        receive("go")
    return [{n}, price()]
"""


def upload(client: httpx.Client, n: int, **more: Any) -> httpx.Response:
    """Upload a version of the module `billing`."""
    body = {"files": {"billing.py": BILLING.format(n=n)}, "modules": ["billing"], **more}
    return client.post("/deployments", json=body)


def test_an_upload_serves_beside_what_is_there(shop: httpx.Client) -> None:
    """A new version runs what is new, what waits ends on its own, and other modules go on."""
    response = upload(shop, 1, label="first")
    assert response.status_code == 201, response.text
    one = response.json()
    assert one["new"]
    assert one["current"]
    assert one["uploaded"]
    assert (one["label"], one["files"]) == ("first", ["billing.py"])
    assert [workflow["name"] for workflow in one["workflows"]] == ["billing.bill"]
    assert response.headers["Location"] == f"/api/v1/deployments/{one['id']}"
    assert shop.get(response.headers["Location"].removeprefix("/api/v1")).json() == {
        name: value for name, value in one.items() if name != "new"
    }
    started = start(shop, "billing.bill", {"wait": True}).json()
    assert started["deployment"] == one["id"]
    await_status(shop, started["id"], "waiting")

    again = upload(shop, 1, label="again")
    assert again.status_code == 200
    assert again.json() == one | {"new": False}
    two = upload(shop, 2)
    assert two.status_code == 201
    assert two.json()["label"] == "billing"
    assert end(shop, start(shop, "billing.bill").json()["id"])["result"] == [2, 2]
    shop.post(f"/executions/{started['id']}/messages", json={"name": "go"})
    assert end(shop, started["id"])["result"] == [1, 2]

    listed = {each["id"]: each for each in shop.get("/deployments").json()["deployments"]}
    assert not listed[one["id"]]["current"]
    assert listed[two.json()["id"]]["current"]
    names = [workflow["name"] for workflow in shop.get("/workflows").json()["workflows"]]
    assert "billing.bill" in names
    assert "shop.greet" in names
    assert end(shop, start(shop, "shop.greet").json()["id"])["result"] == "Hello, world"


def test_arguments_are_checked_against_uploaded_signatures(shop: httpx.Client) -> None:
    """What is started is held to the types of the code that was uploaded."""
    assert upload(shop, 1).is_success
    response = shop.post("/executions", json={"workflow": "billing.bill", "input": {"wait": "so"}})
    expect(response, 422, "input-invalid", "wait")


@pytest.mark.parametrize(
    ("body", "status", "slug", "text"),
    [
        ({"files": {"up.py": "def"}, "modules": ["up"]}, 422, "deployment-invalid", "SyntaxError"),
        ({"files": {"up.py": ""}, "modules": ["up"]}, 422, "deployment-invalid", "no workflow"),
        ({"files": {"../up.py": ""}, "modules": ["up"]}, 422, "input-invalid", "../up.py"),
        ({"files": {"up.py": ""}, "modules": ["down"]}, 422, "input-invalid", "down"),
        ({"files": {"up.py": 1}, "modules": ["up"]}, 422, "input-invalid", "files"),
        ({"files": {"up.py": ""}, "modules": "up"}, 422, "input-invalid", "modules"),
        ({"files": {}, "modules": []}, 422, "input-invalid", "file"),
        ({"files": {"up.py": ""}}, 422, "input-invalid", "modules"),
        ({"files": {"up.py": ""}, "modules": ["up"], "x": 1}, 422, "input-invalid", "x"),
        ({"files": {"up.py": ""}, "modules": ["up"], "label": "\n"}, 422, "input-invalid", "label"),
        ([], 422, "input-invalid", "object"),
    ],
)
def test_uploads_that_are_refused(
    shop: httpx.Client, body: Any, status: int, slug: str, text: str
) -> None:
    """Each mistake is named, and nothing is deployed."""
    before = shop.get("/deployments").json()
    expect(shop.post("/deployments", json=body), status, slug, text)
    assert shop.get("/deployments").json() == before


def test_a_refusal_shows_the_traceback(shop: httpx.Client) -> None:
    """Where code raises in the guest, or natively, the answer has the user's lines."""
    natively = "import sys\nif sys.platform != 'wasi':\n    import up_missing\n"
    for source, line in (("1 / 0\n", "1 / 0"), (natively, "import up_missing")):
        files = {"up.py": source + BILLING.format(n=1)}
        response = shop.post("/deployments", json={"files": files, "modules": ["up"]})
        problem = expect(response, 422, "deployment-invalid", "up cannot be")
        assert line in problem["traceback"]
        assert "flawless/engine" not in problem["traceback"]


def test_an_upload_says_that_it_is_json(shop: httpx.Client) -> None:
    """A body of another type is refused: a form of a page in a browser could have sent it."""
    content = b'{"files": {"up.py": ""}, "modules": ["up"]}'
    for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded"):
        response = shop.post("/deployments", content=content, headers={"Content-Type": kind})
        expect(response, 400, "request-invalid", "application/json")
    response = shop.post(
        "/deployments", json={"files": {}}, headers={"Origin": "https://page.example"}
    )
    assert response.status_code == 403


def test_an_upload_that_is_too_large(shop: httpx.Client) -> None:
    """A body beyond the bound is not kept in memory, and its sender hears of the limit."""
    content = b'{"files": {"up.py": "' + b"#" * (BODY_BYTES_MAX + 100_000)
    headers = {"Content-Type": "application/json"}
    response = shop.post("/deployments", content=content, headers=headers)
    expect(response, 413, "value-too-large", "request body")


def test_an_upload_lasts_once_it_is_answered(tmp_path: Path) -> None:
    """The server is killed right after its answer; the next one serves the upload."""
    data = tmp_path / "data"
    with serving(data) as (server, client):
        one = upload(client, 1).json()
        started = start(client, "billing.bill", {"wait": True}, id="w").json()
        await_status(client, started["id"], "waiting")
        assert upload(client, 2).status_code == 201
        server.kill()
    with serving(data, []) as (_, client):
        names = [workflow["name"] for workflow in client.get("/workflows").json()["workflows"]]
        assert names == ["billing.bill"]
        assert end(client, start(client, "billing.bill").json()["id"])["result"] == [2, 2]
        client.post("/executions/w/messages", json={"name": "go"})
        assert end(client, "w")["result"] == [1, 2]
        assert client.get("/executions/w").json()["deployment"] == one["id"]
        assert upload(client, 3).status_code == 201
    with serving(data) as (_, client):
        assert end(client, start(client, "billing.bill").json()["id"])["result"] == [3, 3]
        assert end(client, start(client, "shop.greet").json()["id"])["result"] == "Hello, world"


def await_attempt(shop: httpx.Client, execution: str) -> None:
    """Wait until a try of the execution's step has failed."""
    while not any(
        effect["attempts"] for effect in shop.get(f"/executions/{execution}").json()["in_flight"]
    ):
        shop.get(f"/executions/{execution}/result", params={"wait": 0.05})


def test_executions_go_on_while_code_is_uploaded(shop: httpx.Client, tmp_path: Path) -> None:
    """Steps that are retried meanwhile take the new code; none is lost, none fails."""
    slow = """
import time
from pathlib import Path
from dataclasses import dataclass
from flawless import step, workflow

if __import__("sys").platform != "wasi":
    time.sleep(0.3)


@dataclass
class Gate:
    path: str


@step(retries=100_000, backoff=0.001, backoff_max=0.001)
def enter(gate: Gate) -> Gate:
    assert type(gate) is Gate
    Path(gate.path).read_text()
    return Gate("{n}")


@workflow
def go(gate: Gate) -> str:
    return enter(gate).path
"""
    gate = tmp_path / "gate"
    for n in range(3):
        files = {"gates.py": slow.replace("{n}", str(n))}
        response = shop.post("/deployments", json={"files": files, "modules": ["gates"]})
        assert response.is_success, response.text
        for k in range(5):
            start(shop, "gates.go", {"gate": {"path": str(gate)}}, id=f"gate-{n}-{k}")
            await_attempt(shop, f"gate-{n}-{k}")
    gate.write_text("open")
    ends = [end(shop, f"gate-{n}-{k}") for n in range(3) for k in range(5)]
    assert [each.get("result") for each in ends] == ["2"] * 15


def test_nothing_to_serve(tmp_path: Path) -> None:
    """A server without modules, with a data folder without uploads, says what to do."""
    with Serving(f"--data={tmp_path}", "--port=0") as server:
        told = server.await_end()
        assert server.process.wait() == 2
    assert "nothing was" in told
