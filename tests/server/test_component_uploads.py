"""Components over HTTP: uploaded as they are, shown, started, and served after a restart."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from asking import end, expect, start

import flawless
import handmade
from flawless import api
from flawless.errors import DeploymentInvalid, ValueTooLarge
from flawless.wasm.contract import COMPONENT_BYTES_MAX
from serving import SHOP, serving

WASM = {"Content-Type": "application/wasm"}
ORDER = {"id": 1, "lines": []}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server of one's own, to be uploaded to."""
    with serving(tmp_path_factory.mktemp("components") / "data", [SHOP]) as (_, client):
        yield client


def upload(client: httpx.Client, content: bytes, **query: str) -> httpx.Response:
    """Upload a component."""
    return client.post("/deployments", content=content, headers=WASM, params=query)


def test_a_component_is_uploaded_and_started(shop: httpx.Client) -> None:
    """It serves at once, beside Python, and is shown with its workflows and sources."""
    content = handmade.shop("parcel")
    response = upload(shop, content)
    assert response.status_code == 201, response.text
    made = response.json()
    assert response.headers["Location"] == f"/api/v1/deployments/{made['id']}"
    assert (made["kind"], made["label"], made["new"]) == ("component", "parcel 1.2.3", True)
    assert (made["version"], made["language"]) == ("1.2.3", "wat")
    assert made["current"]
    assert made["uploaded"]
    assert made["files"] == []
    (described,) = made["workflows"]
    assert [one["name"] for one in described["parameters"]] == ["order", "express"]
    assert described["messages"] == {"paid": {"type": "object", "required": ["cents"]}}
    module = shop.get(f"/deployments/{made['id']}/modules/parcel").json()
    assert "made_by_hand" in module["source"]
    started = start(shop, "parcel.order", {"order": ORDER}).json()
    assert end(shop, started["id"])["result"] == {"a": [], "k": {"order": ORDER}}
    body = {"workflow": "parcel.order", "input": {"order": {"id": 0, "lines": []}}}
    refused = shop.post("/executions", json=body)
    expect(refused, 422, "input-invalid", "order.id")
    assert start(shop, "shop.greet").is_success
    again = upload(shop, content, label="again")
    assert (again.status_code, again.json()["label"]) == (200, "parcel 1.2.3")


def test_what_the_query_says(shop: httpx.Client) -> None:
    """A label, and whether it serves; neither is in the query of the JSON form."""
    kept = upload(shop, handmade.shop("kept"), label="for forks", serve="false").json()
    assert (kept["label"], kept["current"]) == ("for forks", False)
    names = [one["name"] for one in shop.get("/workflows").json()["workflows"]]
    assert "kept.order" not in names
    expect(upload(shop, b"", serve="maybe"), 422, "input-invalid", "serve")
    expect(upload(shop, b"", labl="x"), 422, "input-invalid", "labl")
    expect(upload(shop, b"", label="a\nb"), 422, "input-invalid", "one line")
    body = {"files": {"a.py": ""}, "modules": ["a"]}
    refused = shop.post("/deployments", json=body, params={"label": "x"})
    expect(refused, 422, "input-invalid", "label")


def test_what_is_no_component(shop: httpx.Client) -> None:
    """The answer says what is wrong with it; one that is too large is not read to its end."""
    expect(upload(shop, b"rubbish"), 422, "deployment-invalid", "no WebAssembly")
    expect(upload(shop, handmade.shop()[:-9]), 422, "deployment-invalid", "not a usable")
    other = shop.post("/deployments", content=b"x", headers={"Content-Type": "text/plain"})
    expect(other, 400, "request-invalid", "application/wasm")


def test_what_is_too_large_is_not_read(shop: httpx.Client) -> None:
    """The answer is there before the content is."""
    address = shop.base_url
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.putrequest("POST", "/api/v1/deployments")
    for name, value in {**WASM, "Content-Length": str(200 << 20)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with connection.getresponse() as response:
        assert response.status == 413
        assert json.loads(response.read())["type"].endswith("value-too-large")
    connection.close()
    assert api.COMPONENT_BYTES_MAX == COMPONENT_BYTES_MAX


def test_clients_upload_components(tmp_path: Path) -> None:
    """Both clients do, and the next server serves what they sent."""
    with serving(tmp_path / "data", [SHOP]) as (server, client):
        url = str(client.base_url).partition("/api/")[0]
        with flawless.Client(url) as sync:
            assert sync.deploy_component(handmade.shop("one"), "v1").label == "v1"
            with pytest.raises(DeploymentInvalid, match="no WebAssembly"):
                sync.deploy_component(b"rubbish")
            with pytest.raises(ValueTooLarge):
                sync.deploy_component(bytes(COMPONENT_BYTES_MAX + 1))

        async def work() -> api.Deployed:
            async with flawless.AsyncClient(url) as client:
                return await client.deploy_component(handmade.shop("two"), serve=False)

        assert not asyncio.run(work()).current
        assert server.stop() == 0
    with serving(tmp_path / "data", []) as (_, client):
        started = start(client, "one.order", {"order": ORDER}).json()
        assert end(client, started["id"])["status"] == "completed"
        body = {"workflow": "two.order", "input": {"order": ORDER}}
        assert client.post("/executions", json=body).status_code == 404
