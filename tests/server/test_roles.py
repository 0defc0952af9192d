"""Each role may do what it may and nothing else: every endpoint, with real tokens, really asked.

`TABLE` is written by hand, from what each endpoint is for. It does not look at what the routes
declare, so a route that declares the wrong thing fails here, as does one that is not in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from flawless.engine.service import Service
from flawless.server import make_app
from flawless.server.routing import Endpoint, require_needs
from flawless.stores import open_store
from serving import DESK, SHOP, run_here, serving

API = "/api/v1"
ONE = f"{API}/executions/{{id}}"
OWN, OTHER = "own", "other"

# Who may: anyone; anyone with a token; those with the role; and which right opens it on the
# capability's own execution.
ANYONE, KNOWN, READ, OPERATE, DEPLOY = range(5)
TABLE: dict[tuple[str, str], tuple[int, str | None]] = {
    ("GET", API): (READ, None),
    ("GET", f"{API}/"): (READ, None),
    ("GET", f"{API}/health"): (READ, None),
    ("GET", f"{API}/workflows"): (READ, None),
    ("GET", f"{API}/openapi.json"): (READ, None),
    ("GET", f"{API}/stats"): (READ, None),
    ("GET", f"{API}/restarts"): (READ, None),
    ("GET", f"{API}/inbox"): (READ, None),
    ("GET", f"{API}/events"): (READ, None),
    ("GET", f"{API}/whoami"): (KNOWN, None),
    ("GET", f"{API}/executions"): (READ, None),
    ("POST", f"{API}/executions"): (OPERATE, None),
    ("GET", ONE): (READ, "state"),
    ("GET", f"{ONE}/result"): (READ, "state"),
    ("GET", f"{ONE}/response"): (READ, "state"),
    ("GET", f"{ONE}/state"): (READ, "state"),
    ("GET", f"{ONE}/events"): (READ, "state"),
    ("GET", f"{ONE}/journal"): (READ, "journal"),
    ("GET", f"{ONE}/logs"): (READ, "journal"),
    ("GET", f"{ONE}/export"): (READ, None),
    ("GET", f"{ONE}/path"): (READ, None),
    ("GET", f"{ONE}/path/lines"): (READ, None),
    ("GET", f"{ONE}/path/variables"): (READ, None),
    ("GET", f"{ONE}/children"): (READ, None),
    ("GET", f"{ONE}/parked"): (READ, None),
    ("GET", f"{ONE}/messages"): (READ, None),
    ("POST", f"{ONE}/messages"): (OPERATE, "send"),
    ("POST", f"{ONE}/capability"): (OPERATE, None),
    ("POST", f"{ONE}/cancel"): (OPERATE, None),
    ("POST", f"{ONE}/terminate"): (OPERATE, None),
    ("POST", f"{ONE}/retry"): (OPERATE, None),
    ("POST", f"{ONE}/resolve"): (OPERATE, None),
    ("POST", f"{ONE}/fork"): (OPERATE, None),
    ("GET", f"{API}/deployments"): (READ, None),
    ("POST", f"{API}/deployments"): (DEPLOY, None),
    ("GET", f"{API}/deployments/{{id}}"): (READ, None),
    ("GET", f"{API}/deployments/{{id}}/modules/{{name}}"): (READ, None),
    ("GET", "/metrics"): (READ, None),
    ("GET", "/healthz"): (ANYONE, None),
    ("GET", "/readyz"): (ANYONE, None),
    ("GET", "/login"): (ANYONE, None),
    ("POST", "/login"): (ANYONE, None),
    ("POST", "/logout"): (ANYONE, None),
    ("GET", "/"): (ANYONE, None),
    ("GET", "/ui"): (ANYONE, None),
    ("GET", "/ui/static/{version}/{path:path}"): (ANYONE, None),
    ("GET", "/ui/{path:path}"): (ANYONE, None),
    ("GET", "/flawless.js"): (ANYONE, None),
    ("GET", "/flawless.d.ts"): (ANYONE, None),
}
ENDPOINTS = sorted(TABLE)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
ROLES = {"read": READ, "operate": OPERATE, "deploy": DEPLOY}
REFUSED = {"urn:flawless:problem:token-required": 401, "urn:flawless:problem:not-permitted": 403}


@dataclass(frozen=True)
class Secured:
    """A server with tokens, and the tokens by role, or by right for capabilities of `own`."""

    client: httpx.Client
    tokens: dict[str, str]
    capabilities: dict[str, str]

    def allows(self, method: str, path: str, token: str | None) -> bool:
        """Send a request that cannot change anything; tell whether its sender may make it."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if method not in ("GET", "HEAD"):
            headers["Content-Type"] = "application/json"
        body = None if method in ("GET", "HEAD", "OPTIONS") else b'{"no such field": 1}'
        with self.client.stream(method, path, headers=headers, content=body) as response:
            if response.status_code not in (401, 403):
                return True
            if method != "HEAD":
                response.read()
                assert REFUSED[response.json()["type"]] == response.status_code
            assert response.status_code == (401 if token is None else 403)
            return False


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Give a server that wants tokens, with executions `own` and `other`, a child, and runs."""
    data = tmp_path_factory.mktemp("roles")
    tokens = {}
    for role in ROLES:
        made = run_here("tokens", "add", f"some-{role}", "--role", role, "--data", data)
        tokens[role] = made.stdout.strip()
    with serving(data, [SHOP, DESK]) as (_, client):
        client.base_url = httpx.URL(str(client.base_url).removesuffix("/api/v1/"))
        operate = {"Authorization": f"Bearer {tokens['operate']}"}
        for execution, workflow, given in (
            (OWN, "desk.family", [1]),
            (OTHER, "desk.listen", []),
            ("rounds", "desk.rounds", [2]),
        ):
            body = {"workflow": workflow, "id": execution, "input": given}
            started = client.post(f"{API}/executions", json=body, headers=operate)
            assert started.status_code == 201, started.text
        client.get(f"{API}/executions/rounds/result", params={"wait": 60}, headers=operate)
        capabilities = {}
        for right in ("state", "send", "journal"):
            path = f"{API}/executions/{OWN}/capability"
            made_ = client.post(path, json={"rights": [right]}, headers=operate)
            capabilities[right] = made_.json()["token"]
        made_ = client.post(path, json={"rights": ["state", "send", "journal"]}, headers=operate)
        capabilities["all"] = made_.json()["token"]
        while not _children(client, operate):
            client.get(f"{API}/executions/{OWN}/result", params={"wait": 0.05}, headers=operate)
        yield Secured(client, tokens, capabilities)


def _children(client: httpx.Client, headers: dict[str, str]) -> list[str]:
    page = client.get(f"{API}/executions/{OWN}/children", headers=headers).json()
    return [child["id"] for child in page["children"]]


def filled(path: str, execution: str = OWN) -> str:
    """Return the path of an endpoint with something in its places."""
    for place, value in {
        "{id}": execution,
        "{name}": "shop",
        "{version}": "0",
        "{path:path}": "ui/favicon.svg" if "static" in path else "",
    }.items():
        path = path.replace(place, value)
    return path


def routes() -> list[Endpoint]:
    """Return the routes of the application."""
    found = make_app(Service(open_store(":memory:"), [SHOP])).routes
    return [route for route in found if isinstance(route, Endpoint)]


def test_every_route_is_in_the_table() -> None:
    """The table has all methods of all paths, and the application has no other kind of route."""
    app = make_app(Service(open_store(":memory:"), [SHOP]))
    assert all(isinstance(route, Endpoint) for route in app.routes)
    assert {(method, route.path) for route in routes() for method in route.needs} == set(TABLE)


def test_a_route_that_says_nothing_does_not_start() -> None:
    """What nobody asks for a need would be open to all, so such an application is not made."""
    open_ = Route("/open", lambda _: PlainTextResponse("yes"))
    for route in (open_, Mount("/mounted", routes=[open_])):
        with pytest.raises(TypeError, match="endpoint"):
            require_needs([route])


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_a_role_may_do_what_it_may_and_nothing_else(
    secured: Secured, method: str, path: str
) -> None:
    """Without a token, and with one of each role, exactly the endpoints of the table answer."""
    wanted, _ = TABLE[method, path]
    target = filled(path)
    assert secured.allows(method, target, None) == (wanted == ANYONE)
    for role, rank in ROLES.items():
        assert secured.allows(method, target, secured.tokens[role]) == (rank >= wanted), role


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_a_capability_opens_its_own_execution_and_nothing_else(
    secured: Secured, method: str, path: str
) -> None:
    """Each right opens what it is for, on the execution of the token; on others all are shut."""
    wanted, right = TABLE[method, path]
    everybody = wanted in (ANYONE, KNOWN)
    for name, token in secured.capabilities.items():
        opens = everybody or (right is not None and name in (right, "all"))
        assert secured.allows(method, filled(path), token) == opens, name
    if "{id}" in path:
        child = _children(secured.client, {"Authorization": f"Bearer {secured.tokens['read']}"})[0]
        for other in (OTHER, child, "rounds", "rounds~1", "no-such", "OWN", "own~1", "own.", "ow"):
            token = secured.capabilities["all"]
            assert not secured.allows(method, filled(path, other), token), other


@pytest.mark.parametrize("path", sorted({path for _, path in TABLE}))
def test_methods_that_are_not_there_are_shut_to_strangers(secured: Secured, path: str) -> None:
    """Who is not known hears of other methods only where there is something for anyone."""
    declared = {method for method, there in TABLE if there == path}
    open_ = any(TABLE[method, path][0] == ANYONE for method in declared)
    for method in METHODS:
        if method in declared or (method == "HEAD" and "GET" in declared):
            continue
        response = secured.client.request(method, filled(path))
        assert response.status_code == (405 if open_ else 401), method


@pytest.mark.parametrize(("method", "path"), [key for key in ENDPOINTS if key[0] == "GET"])
def test_head_needs_what_get_needs(secured: Secured, method: str, path: str) -> None:
    """HEAD tells as much as it answers, so it is held to the same."""
    wanted, right = TABLE[method, path]
    target = filled(path)
    assert secured.allows("HEAD", target, None) == (wanted == ANYONE)
    assert secured.allows("HEAD", target, secured.tokens["read"]) == (wanted <= READ)
    capability = secured.capabilities["state"]
    assert secured.allows("HEAD", target, capability) == (
        wanted in (ANYONE, KNOWN) or right == "state"
    )


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1/nothing", "/api", "/api/v1/executions/", "/ui2", "//api/v1"]
)
def test_nothing_is_told_of_paths_to_strangers(secured: Secured, path: str) -> None:
    """Whether a path exists is known to those with a token only."""
    assert secured.client.get(path).status_code == 401
    bearer = {"Authorization": f"Bearer {secured.tokens['read']}"}
    assert secured.client.get(path, headers=bearer).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/executions/{OWN}/../{OTHER}",
        f"/api/v1/executions/{OWN}%2F..%2F{OTHER}",
        f"/api/v1/executions/{OWN}/../../executions",
        f"/api/v1/executions/{OWN}?id={OTHER}&x=/",
        f"/api/v1/executions/{OTHER}%00{OWN}",
        "/api/v1/executions/%6f%74%68%65%72",
    ],
)
def test_writing_a_path_in_another_way_opens_nothing(secured: Secured, path: str) -> None:
    """What is compared is what is used: no spelling of a path reaches another execution."""
    bearer = {"Authorization": f"Bearer {secured.capabilities['all']}"}
    url = str(secured.client.base_url).rstrip("/")
    request = httpx.Request("GET", httpx.URL(url).copy_with(raw_path=path.encode()), headers=bearer)
    response = secured.client.send(request)
    assert response.status_code in (400, 403, 404, 422)
    assert "desk.listen" not in response.text


def test_a_stream_of_one_execution_hides_what_the_right_does_not_cover(secured: Secured) -> None:
    """With `state` alone neither journal nor logs can be had by way of the events."""
    path = f"/api/v1/executions/{OWN}/events"
    for include, status in (("state", 200), ("journal", 403), ("state,logs", 403)):
        bearer = {"Authorization": f"Bearer {secured.capabilities['state']}"}
        query = {"include": include}
        with secured.client.stream("GET", path, params=query, headers=bearer) as response:
            assert response.status_code == status, include


def test_a_refusal_says_which_role_is_needed(secured: Secured) -> None:
    """Who may not do something is told with what token it can be done."""
    bearer = {"Authorization": f"Bearer {secured.tokens['read']}"}
    refused = secured.client.post(f"{API}/executions/{OWN}/cancel", json={}, headers=bearer).json()
    assert "'some-read' has the role read" in refused["detail"]
    assert "--role operate" in refused["hint"]


def test_whoami_tells_what_one_may(secured: Secured) -> None:
    """Each caller hears its name, role and rights; nobody is told what is not theirs."""

    def who(token: str) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {token}"}
        found: dict[str, object] = secured.client.get(f"{API}/whoami", headers=headers).json()
        return found

    found = who(secured.tokens["operate"])
    assert (found["name"], found["role"], found["via"]) == ("some-operate", "operate", "token")
    assert (found["rights"], found["csrf"]) == (["state", "send", "journal"], None)
    assert who(secured.tokens["read"])["rights"] == ["state", "journal"]
    found = who(secured.capabilities["send"])
    assert (found["role"], found["via"], found["execution"]) == (None, "capability", OWN)
    assert found["rights"] == ["send"]


def test_nothing_above_has_changed_anything(secured: Secured) -> None:
    """The requests of these tests were refused or invalid: both executions still wait."""
    bearer = {"Authorization": f"Bearer {secured.tokens['read']}"}
    for execution in (OWN, OTHER):
        found = secured.client.get(f"{API}/executions/{execution}", headers=bearer).json()
        assert found["status"] == "waiting"


def test_files_of_the_data_folder_are_private(secured: Secured, tmp_path: Path) -> None:
    """Tokens and key are for the server's user alone, whatever the umask."""
    del secured
    run_here("tokens", "add", "ann", "--role", "read", "--data", tmp_path)
    with serving(tmp_path):
        for name in ("tokens.json", "capability.key"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
