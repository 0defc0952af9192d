"""Where requests may go: patterns, redirects, and the list of a deployment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from mirror import Mirror, error, mirrors, response, send

from flawless.engine.deployment import Deployment, Manifest
from flawless.engine.egress import PATTERNS_MAX, Egress, HostPattern
from flawless.errors import UsageError


@pytest.fixture(scope="module")
def two() -> Iterator[list[Mirror]]:
    """Two services."""
    with mirrors(2) as made:
        yield made


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        ("api.example.com", "https://api.example.com/x", True),
        ("api.example.com", "http://api.example.com:8080/x", True),
        ("api.example.com", "https://API.Example.COM./", True),
        ("api.example.com", "https://evil-api.example.com/", False),
        ("api.example.com", "https://api.example.com.evil.net/", False),
        ("api.example.com", "https://api.example.com@evil.net/", False),
        ("api.example.com", "https://evil.net/api.example.com", False),
        ("api.example.com", "https://evil.net#@api.example.com", False),
        ("api.example.com", "https://evil.net?@api.example.com", False),
        ("*.example.com", "https://a.example.com/", True),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://badexample.com/", False),
        ("example.com:443", "https://example.com/", True),
        ("example.com:443", "https://example.com:444/", False),
        ("example.com:80", "http://example.com/", True),
        ("https://example.com", "https://example.com:444/", True),
        ("https://example.com", "http://example.com/", False),
        ("bücher.example", "https://xn--bcher-kva.example/", True),
        ("xn--bcher-kva.example", "https://BÜCHER.example/", True),
        ("[::1]:8080", "http://[::1]:8080/", True),
        ("127.0.0.1", "http://localhost/", False),
        ("127.0.0.1", "http://2130706433/", False),
    ],
)
def test_patterns(pattern: str, url: str, *, fits: bool) -> None:
    """A pattern fits exactly the hosts, ports and schemes it says."""
    assert HostPattern.parse(pattern).matches(httpx.URL(url)) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "",
            "*",
            "*.",
            "a.*.com",
            "example.com/path",
            "ftp://example.com",
            "u@example.com",
            "a b",
        ),
        *("example.com:port", "a\\b", "a?b", "a#b", "https://", 7, None, "a,b", "a%2eb"),
    ],
)
def test_what_is_no_pattern(pattern: object) -> None:
    """It is refused with the way to write it."""
    with pytest.raises(UsageError, match="host"):
        HostPattern.parse(pattern)


def test_a_list_that_is_none() -> None:
    """A text in place of a list, and too long a list, are refused."""
    with pytest.raises(UsageError, match="list of hosts"):
        Egress("example.com")
    with pytest.raises(UsageError, match="are allowed"):
        Egress(["example.com"] * (PATTERNS_MAX + 1))


def test_other_hosts_are_refused(two: list[Mirror]) -> None:
    """Nothing is sent to a host that is not on the list; the error says where to add it."""
    egress = Egress([two[0].host])
    assert response(send(two[0].url, egress=egress))["status"] == 200
    before = len(two[1].seen)
    refused = error(send(f"{two[1].url}/secret/path?x=1", egress=egress))
    assert refused["type"] == "EgressDenied"
    assert refused["fields"] == {"host": two[1].host}
    assert "allow-list" in refused["message"]
    assert len(two[1].seen) == before


def test_an_empty_list_allows_nothing(two: list[Mirror]) -> None:
    """It is not the same as none."""
    assert error(send(two[0].url, egress=Egress([])))["type"] == "EgressDenied"
    assert response(send(two[0].url, egress=None))["status"] == 200


@pytest.mark.parametrize("target", ["{}/x", "//{}/x"])
def test_redirects_are_checked(two: list[Mirror], target: str) -> None:
    """A redirect does not lead around the list."""
    egress = Egress([two[0].host])
    target = target.format(two[1].url if target.startswith("{") else two[1].host)
    before = len(two[1].seen)
    refused = error(send(f"{two[0].url}/to?url={target}", egress=egress))
    assert refused["type"] == "EgressDenied"
    assert len(two[1].seen) == before
    both = Egress([two[0].host, two[1].host])
    assert response(send(f"{two[0].url}/to?url={target}", egress=both))["url"].endswith("/x")


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        *((301, "GET", "GET"), (301, "POST", "GET"), (301, "PUT", "PUT"), (302, "POST", "GET")),
        *((303, "PUT", "GET"), (307, "POST", "POST"), (308, "PUT", "PUT")),
    ],
)
def test_how_redirects_are_followed(two: list[Mirror], status: int, method: str, then: str) -> None:
    """Method and body are kept or dropped as browsers do; authorization stays with its host."""
    headers = {"Authorization": "Basic eDp5", "X-Other": "1", "Cookie": "a=b"}
    for target, authorization in ((0, "Basic eDp5"), (1, None)):
        url = f"{two[0].url}/to?status={status}&url={two[target].url}/end"
        send(url, method, headers=headers, text=None if method == "GET" else "body")
        last = two[target].seen[-1]
        assert (last.method, last.path) == (then, "/end")
        assert last.body == ("body" if then != "GET" else "")
        assert last.headers.get("authorization") == authorization
        assert last.headers["x-other"] == "1"
        assert "cookie" not in last.headers
        assert last.headers["host"] == two[target].host


def test_user_and_password_in_the_url(two: list[Mirror]) -> None:
    """They are sent as basic authorization, also after a redirect to the same host only."""
    for target, authorization in ((0, "Basic YW5uOnAlZA=="), (1, None)):
        send(f"http://ann:p%25d@{two[0].host}/to?url={two[target].url}/end")
        assert two[0].seen[-1 if target else -2].headers["authorization"] == "Basic YW5uOnAlZA=="
        assert two[target].seen[-1].headers.get("authorization") == authorization


def test_redirects_to_something_else(two: list[Mirror]) -> None:
    """A redirect to an address that is no HTTP is an error; relative ones are followed."""
    assert error(send(f"{two[0].url}/to?url=ftp://x/y"))["type"] == "InvalidURL"
    assert response(send(f"{two[0].url}/to?url=end%23part"))["url"] == f"{two[0].url}/end#part"
    round_about = f"{two[0].url}/to?url={two[0].url}/to%3Furl%3D/end"
    assert error(send(round_about, redirects=1))["type"] == "TooManyRedirects"
    assert response(send(round_about, redirects=0))["status"] == 302


MANIFEST = Manifest(1, "bundle", "c0ffee", ["app"], [], {}, [])


def test_the_list_is_a_part_of_the_deployment() -> None:
    """A deployment without a list keeps the id it always had; each list makes another one."""
    plain = Deployment(MANIFEST)
    assert b"egress" not in plain.encoded
    assert plain.id == "145979996f236ff0"
    assert plain.egress is None
    listed = Deployment(msgspec.structs.replace(MANIFEST, egress=["a.example"]))
    empty = Deployment(msgspec.structs.replace(MANIFEST, egress=[]))
    assert len({plain.id, listed.id, empty.id}) == 3
    again = Deployment.decode(listed.encoded)
    assert again.id == listed.id
    assert again.egress is not None
    assert again.egress.hosts == ["a.example"]
    assert Deployment.decode(plain.encoded).egress is None
    assert listed.on("c0de", "baked").manifest.egress == ["a.example"]


def test_a_manifest_keeps_its_id() -> None:
    """What an older release has written is the same deployment for this one."""
    workflow = b'{"name":"app.go","module":"app","function":"go"}'
    kept = Deployment(MANIFEST).encoded.replace(b'"workflows":[]', b'"workflows":[%s]' % workflow)
    found = Deployment.decode(kept)
    assert (found.encoded, found.id) == (kept, hashlib.sha256(kept).hexdigest()[:16])
    assert list(found.workflows) == ["app.go"]
