"""The crawler in Rust, on a site of 200 pages that keeps a ledger, and on hosts of a lab."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scenes import load

import flawless
from flawless.testing import Lab, Reply, Request
from nursery import grow

website: Any = load("rust/crawler", "website")
HERE = Path(__file__).parent
CONCURRENCY = 4
DEPTH_MAX = 9
OPTIONS = {
    "concurrency": CONCURRENCY, "delay_ms": 0, "depth_max": DEPTH_MAX, "attempts": 3,
    "backoff_ms": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def crawler(component: Any) -> Path:
    """The component."""
    found: Path = component("crawler")
    return found


# --- a site of 200 pages --------------------------------------------------------------------------


@dataclass
class Crawled:
    """What a crawl has reported, and what the site has seen of it."""

    report: dict[str, Any]
    progress: dict[str, Any]
    deaths: int
    visits: list[Any]
    at_once_max: int

    def requests(self) -> Counter[str]:
        """Count the requests by path; one that was sent again with its key counts once."""
        return Counter(path for path, _ in {(visit.path, visit.key) for visit in self.visits})


def crawl(component: Path, folder: Path, deadly: tuple[int, ...] = ()) -> Crawled:
    """Let the site be crawled; the crawler is killed at the visits with these numbers."""
    folder.mkdir()
    lives: list[Any] = []

    def seen(visit: Any) -> None:
        if len(site.visits) in deadly:
            lives[-1].kill()

    with website.Website(seen) as site:
        arguments = [str(folder / "t.db"), str(component), site.url, json.dumps(OPTIONS)]
        while not lives or lives[-1].returncode != 0:
            assert len(lives) <= len(deadly), "it ends when nobody kills it"
            lives.append(grow([str(HERE / "crawl_life.py"), *arguments]))
            printed = lives[-1].stdout.read().decode()
            lives[-1].close()
    told = json.loads(printed.replace(site.url, ""))
    deaths = len(lives) - 1
    return Crawled(told["report"], told["progress"], deaths, site.visits, site.at_once_max)


def expected() -> dict[str, Any]:
    """Return what a crawl finds: the site's own knowledge, gone through in breadth."""
    known, by_depth, linked = set[str](), [], dict[str, set[str]]()
    redirects, broken = {}, {}
    level = {"/"}
    for _ in range(DEPTH_MAX + 1):
        pages, found = 0, set[str]()
        while level - known:
            path = min(level - known)
            known.add(path)
            targets = []
            if path in website.REDIRECTS:
                redirects[path] = website.REDIRECTS[path].replace("../", "/")
                targets = [redirects[path]]
                level.update(targets)
            elif path in website.STATUSES:
                broken[path] = str(website.STATUSES[path])
            elif path == "/paper.pdf":
                pages += 1
            else:
                pages += 1
                targets = [target.split("#")[0] for target in website.targets(path)]
                found.update(targets)
            for target in targets:
                linked.setdefault(target, set()).add(path)
            level = {one for one in level if one.startswith("/") and "private" not in one}
        level = {one for one in found if one.startswith("/") and "private" not in one}
        by_depth.append(pages)
    flaky = sum(website.FLAKY.values()) + sum(website.DROPPED.values())
    again = flaky + 2 * sum(status >= 500 for status in website.STATUSES.values())
    return {
        "pages": sum(by_depth),
        "pages_by_depth": by_depth,
        "requests": 1 + len(known) + again,
        "broken": [
            {"address": path, "why": broken[path], "linked_from": sorted(linked[path])[:10]}
            for path in sorted(broken)
        ],
        "redirects": [{"from": one, "to": redirects[one]} for one in sorted(redirects)],
        "loops": [["/loop/1", "/loop/2", "/loop/3"], ["/self"]],
        "disallowed": ["/private/1"],
        "elsewhere": 2,
        "left_out": 1,
    }


@pytest.fixture(scope="module")
def undisturbed(crawler: Path, tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    """A crawl that nobody disturbs."""
    return crawl(crawler, tmp_path_factory.mktemp("crawl") / "undisturbed")


def test_a_site_is_read_to_its_end(undisturbed: Crawled) -> None:
    """Everything is found, by the shortest way, and reported: loops, broken links, redirects."""
    assert undisturbed.report == expected()
    assert undisturbed.report["pages"] >= website.PAGES
    assert undisturbed.progress["pages"] == undisturbed.report["pages"]
    assert undisturbed.progress["broken"] == len(undisturbed.report["broken"])


def test_each_page_is_read_once(undisturbed: Crawled) -> None:
    """Nothing is read twice but what was in trouble, and nothing that is forbidden or hidden."""
    requests = undisturbed.requests()
    tries = website.FLAKY | website.DROPPED | {"/trouble": 2}
    assert requests.total() == len(undisturbed.visits) == undisturbed.report["requests"]
    assert {path: n - 1 for path, n in requests.items() if n > 1} == tries
    forbidden = ("/private", "/missing/3", "/missing/4", "/missing/5")
    assert not [path for path in requests if path.startswith(forbidden)]
    assert {visit.agent for visit in undisturbed.visits} == {"flawless-crawler"}


def test_no_more_requests_than_allowed_are_under_way(undisturbed: Crawled) -> None:
    """The site has seen several requests at once, and never more than the bound."""
    assert 2 <= undisturbed.at_once_max <= CONCURRENCY


def test_a_killed_crawl_finds_the_same(crawler: Path, undisturbed: Crawled, tmp_path: Path) -> None:
    """Killed with kill -9 five times: the same report, and no page read again but those in flight.

    What was in flight at a kill is sent again, with its key.
    """
    deadly = (2, 40, 41, 120, 200)
    killed = crawl(crawler, tmp_path / "killed", deadly)
    assert killed.deaths >= 4  # the 41st may come before the 40th has killed
    assert killed.report == undisturbed.report
    assert killed.progress == undisturbed.progress
    assert killed.requests() == undisturbed.requests()
    assert len(killed.visits) - killed.requests().total() <= killed.deaths * CONCURRENCY


# --- hosts of a lab -------------------------------------------------------------------------------

PAGES = {
    "http://a.example/": "<a href=/1>1</a> <a href=//b.example/>b</a> <a href=/2>2</a>",
    "http://a.example/1": "<a href=/trouble> <a href=/closed> <a href=/3> <a href=/secret/x>",
    "http://a.example/2": "<a href=/3> <a href=http://b.example/1>",
    "http://a.example/3": "<base href=/deep/><a href=4>",
    "http://a.example/deep/4": "",
    "http://a.example/robots.txt": "User-agent: *\nDisallow: /secret/",
    "http://b.example/": "<a href=1>",
    "http://b.example/1": "<a href=http://c.example/>",
    "http://b.example/robots.txt": "User-agent: flawless\nCrawl-delay: 5",
}


def answer(request: Request) -> Any:
    """Answer for all hosts."""
    if request.url.endswith("/trouble"):
        return Reply(503, headers={"Retry-After": "60"})
    if request.url.endswith("/closed"):
        raise flawless.ConnectError("nobody listens")
    text = PAGES.get(request.url)
    if text is None:
        return 404
    return Reply(content=text.encode(), headers={"Content-Type": "text/html"})


def times_s(requests: list[Request], url: str) -> list[float]:
    """Return when the addresses that begin like this were asked for."""
    return [one.at.timestamp() for one in requests if one.url.startswith(url)]


def gaps_s(requests: list[Request], url: str) -> list[float]:
    """Return how much time lies between such requests."""
    times = times_s(requests, url)
    return [round(later - earlier, 3) for earlier, later in itertools.pairwise(times)]


@pytest.mark.parametrize("crash", [False, True])
def test_hosts_are_left_in_peace(crawler: Path, crash: bool) -> None:
    """Between two requests to a host there is the pause that it wants, or ours; after trouble, too.

    In virtual time, to the millisecond.
    """
    with Lab(crawler) as lab:
        fake = lab.fake_http("*", answer, takes="100ms")
        if crash:
            for entry in (12, 20):
                lab.crash_at(entry)
        options = {"hosts": ["b.example"], "delay_ms": 500, "attempts": 3, "backoff_ms": 2000}
        report: Any = lab.start("crawler.crawl", "http://A.example", options).result()
        assert len(lab.crashes) == (2 if crash else 0)
    assert report["pages_by_depth"] == [1, 3, 2, 1]
    assert [(one["address"], one["why"]) for one in report["broken"]] == [
        ("http://a.example/closed", report["broken"][0]["why"]),
        ("http://a.example/trouble", "503"),
    ]
    assert "ConnectError" in report["broken"][0]["why"]
    assert report["disallowed"] == ["http://a.example/secret/x"]
    assert report["elsewhere"] == 1
    first = dict[str, Request]()  # what was in flight at a crash is sent again
    for one in fake.requests:
        first.setdefault(one.headers["idempotency-key"], one)
    seen = list(first.values())
    assert min(gaps_s(seen, "http://a.example/")) >= 0.5
    assert min(gaps_s(seen, "http://b.example/")) >= 5.0
    assert gaps_s(seen, "http://a.example/trouble") == [60.1, 60.1]  # 0.1 s until the answer
    once, twice = gaps_s(seen, "http://a.example/closed")
    assert once >= 2.0
    assert twice >= 4.0


def test_a_host_without_rules_that_can_be_read_is_left_alone(crawler: Path) -> None:
    """If `robots.txt` is in trouble, nothing else is asked for; if there is none, all may be."""
    with Lab(crawler) as lab:
        lab.fake_http("*", answer)
        robots = lab.fake_http("http://a.example/robots.txt", 500)
        report: Any = lab.start("crawler.crawl", "http://a.example/").result()
        assert (report["pages"], report["disallowed"]) == (0, ["http://a.example/"])
        assert len(robots.requests) == report["requests"] == 4
        with lab.fake_http("http://a.example/robots.txt", 404):
            report = lab.start("crawler.crawl", "http://a.example/", {"pages_max": 3}).result()
        assert (report["pages"], report["left_out"]) == (3, 4)


def test_what_is_no_site_is_refused(crawler: Path) -> None:
    """A wrong address fails the crawl, and a wrong option its start, each with the reason."""
    with Lab(crawler) as lab:
        with pytest.raises(flawless.ExecutionFailed, match='"gopher://x" is no address of a site'):
            lab.start("crawler.crawl", "gopher://x").result()
        with pytest.raises(flawless.InputInvalid, match="speed"):
            lab.start("crawler.crawl", "http://a.example/", {"speed": 9})
