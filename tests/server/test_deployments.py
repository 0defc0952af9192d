"""What is deployed, over HTTP: lists, details and sources."""

from __future__ import annotations

from pathlib import Path

import httpx
from asking import expect, start

from serving import SHOP, serving


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
