"""The web UI's page and files as the server sends them."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from flawless.server.site import pages as ui
from flawless.server.site.pages import STATIC, TYPES, Pages
from flawless.server.wire.headers import CONTENT_SECURITY_POLICY
from repository import files


def ask(
    address: str, *, static: Path = STATIC, prefix: str = "", headers: dict[str, str] | None = None
) -> httpx.Response:
    """Ask an application that has nothing but the pages, mounted below a prefix or not."""
    return asyncio.run(_ask([address], static, prefix, headers or {}))[0]


async def _ask(
    addresses: list[str], static: Path, prefix: str, headers: dict[str, str]
) -> list[httpx.Response]:
    app = Starlette(routes=Pages(static).routes())
    whole = Starlette(routes=[Mount(prefix, app)]) if prefix else app
    transport = httpx.ASGITransport(app=whole)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return [await client.get(one, headers=headers) for one in addresses]


def named(page: str, ending: str) -> str:
    """Return the address of a file that the page names."""
    found = re.search(rf'(?:src|href)="(static/[^"]*{re.escape(ending)})"', page)
    assert found is not None, page
    return f"/ui/{found[1]}"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a folder with a page and a script."""
    (tmp_path / "ui" / "js").mkdir(parents=True)
    (tmp_path / "ui" / "index.html").write_text('<base href="{{base}}"><a href="{{static}}/x.js">')
    (tmp_path / "ui" / "js" / "app.js").write_text("export const one = 1;\n" * 100)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path.parent / "outside.js").write_text("outside")
    return tmp_path


@pytest.mark.parametrize("address", ["/", "/ui"])
def test_short_addresses_lead_to_the_page(address: str) -> None:
    """Who opens the server's address is led to the page, below a prefix too."""
    assert ask(address).headers["location"] == "/ui/"
    assert ask(f"/engine{address}", prefix="/engine").headers["location"] == "/engine/ui/"


@pytest.mark.parametrize("address", ["", "executions", "executions/a:b@c", "health"])
def test_every_address_of_the_page_is_the_page(address: str) -> None:
    """The page finds out itself what its address shows; its links start at the base."""
    answer = ask(f"/ui/{address}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-cache"
    assert '<base href="/ui/">' in answer.text
    assert "{{" not in answer.text


def test_the_base_is_below_the_prefix() -> None:
    """Mounted elsewhere, the page knows where, and what the prefix holds cannot break out of it."""
    assert '<base href="/engine/ui/">' in ask("/engine/ui/start", prefix="/engine").text
    hostile = ask('/a"><b>/ui/', prefix='/a"><b>')
    assert '<base href="/a%22%3E%3Cb%3E/ui/">' in hostile.text


def test_an_unknown_address_is_not_found_and_is_the_page() -> None:
    """The status says that there is nothing; the page says it to people."""
    answer = ask("/ui/nothing/here")
    assert answer.status_code == 404
    assert '<base href="/ui/">' in answer.text


def test_the_page_has_nothing_inline() -> None:
    """Its policy forbids scripts and styles inside of documents, so there are none."""
    for path in STATIC.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", text), path


def test_files_are_kept_until_one_of_them_changes(site: Path) -> None:
    """The version of all files is in each address, so an address is good for ever."""
    pages = Pages(site)
    before = pages.version()
    answer = ask(f"/ui/static/{before}/ui/js/app.js", static=site)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    (site / "ui" / "js" / "app.js").write_text("export const two = 2;")
    assert pages.version() != before
    late = ask(f"/ui/static/{before}/ui/js/app.js", static=site)
    assert late.text == "export const two = 2;"
    assert late.headers["cache-control"] == "no-cache"


class Looking(Pages):
    """Tells how often all files were looked at."""

    looked = 0

    def version(self) -> str:
        """See `Pages.version`."""
        self.looked += 1
        return super().version()


def test_all_files_are_looked_at_now_and_then(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each page, nor for each file; but a server that goes on running sees a change."""
    pages = Looking(site)
    path = site / "ui" / "js" / "app.js"

    async def visit() -> None:
        app = Starlette(routes=pages.routes())
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            monkeypatch.setattr(ui, "_LOOK_S", 3600.0)
            first = (await client.get("/ui/")).text
            await client.get(named(first, "x.js"))
            assert (await client.get("/ui/")).text == first
            assert pages.looked == 1
            path.write_text("changed")
            monkeypatch.setattr(ui, "_LOOK_S", 0.0)
            late = (await client.get("/ui/")).text
            assert named(late, "x.js") != named(first, "x.js")
            assert pages.looked == 2

    asyncio.run(visit())


def test_what_a_browser_has_is_not_sent_again(site: Path) -> None:
    """With the tag of the content one hears that it is still right."""
    first = ask("/ui/static/x/ui/js/app.js", static=site)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = ask("/ui/static/x/ui/js/app.js", static=site, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = ask("/ui/static/x/ui/js/app.js", static=site, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_a_changed_file_is_read_anew(site: Path) -> None:
    """A server that goes on running sends what is there now."""

    async def twice() -> list[str]:
        app = Starlette(routes=Pages(site).routes())
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            found = [(await client.get("/ui/static/x/ui/js/app.js")).text]
            path = site / "ui" / "js" / "app.js"
            path.write_text("changed")
            os.utime(path, ns=(1, 1))
            return [*found, (await client.get("/ui/static/x/ui/js/app.js")).text]

    before, after = asyncio.run(twice())
    assert (before[:6], after) == ("export", "changed")


def test_large_files_travel_compressed(site: Path) -> None:
    """Who takes gzip gets it, and caches know that the answer depends on that."""
    small = ask("/ui/static/x/ui/js/app.js", static=site, headers={"Accept-Encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < 200 < len(small.text)
    plain = ask("/ui/static/x/ui/js/app.js", static=site, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == small.text
    assert plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "ui",
        "ui/",
        "",
        "secret.txt",
        "../outside.js",
        "..%2Foutside.js",
        "%2e%2e/outside.js",
        "ui/../../outside.js",
        "ui/..%2f..%2foutside.js",
        "..%5Coutside.js",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "//outside.js",
        "ui/js/app.js%00.js",
        "ui/js/app.js/",
        "ui/js/app.js/x.js",
        "link.js",
        "x" * 5_000 + ".js",
        "%ff.js",
    ],
)
def test_only_our_own_files_are_sent(site: Path, name: str) -> None:
    """Whatever is asked for, nothing outside of the folder is sent, nor any unknown type."""
    (site / "link.js").symlink_to(site.parent / "outside.js")
    answer = ask(f"/ui/static/x/{name}", static=site)
    assert answer.status_code == 404
    assert "outside" not in answer.text
    assert "secret" not in answer.text


def test_modules_import_only_what_there_is() -> None:
    """Each import in the UI's scripts leads to a file, and none to another server."""
    imported = re.compile(
        r'(?:^(?:import|export)\b[^;"]*\bfrom\s+|^import\s+|\bimport\()"([^"]+)"', re.MULTILINE
    )
    for path in (STATIC / "ui").rglob("*.js"):
        for name in imported.findall(path.read_text()):
            assert name.startswith("."), f"{path}: {name}"
            assert (path.parent / name).resolve().is_file(), f"{path}: {name}"


def test_styles_and_pages_load_nothing_from_elsewhere() -> None:
    """No style sheet imports or shows anything that is not ours or written into it."""
    for path in (STATIC / "ui").rglob("*.css"):
        for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", path.read_text()):
            assert address.startswith(("data:", "#")), f"{path}: {address}"
        assert "@import" not in path.read_text(), path


def test_every_file_of_the_ui_can_be_sent() -> None:
    """All that is in the folder has a type that is sent; the wheel takes the folder as it is."""
    ours = [path for path in files() if STATIC / "ui" in path.parents]
    assert len(ours) > 30
    assert [path for path in ours if path.suffix not in TYPES] == []


def test_the_real_server_sends_it(shop: httpx.Client) -> None:
    """Over HTTP, with the headers every answer has, and without any token."""
    origin = str(shop.base_url).partition("/api/")[0]
    page = httpx.get(f"{origin}/", follow_redirects=True, trust_env=False)
    assert page.status_code == 200
    assert page.headers["x-content-type-options"] == "nosniff"
    script = httpx.get(f"{origin}{named(page.text, 'js/main.js')}", trust_env=False)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"].endswith("immutable")
    missing = httpx.get(f"{origin}/ui/static/x/nothing.js", trust_env=False)
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
