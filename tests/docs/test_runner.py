"""The runner of the documentation finds what is wrong with a page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from blocks import PageInvalid, blocks, commands, matches
from runner import BlockFailed, Reader, reader

SERVER = """
import http.server, os
class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204); self.end_headers()
    def log_message(self, *args): ...
http.server.HTTPServer(("127.0.0.1", int(os.environ["FLAWLESS_PORT"])), Quiet).serve_forever()
"""


def follow(text: str, folder: Path) -> Reader:
    """Follow a page made of `text` to its end, and return who did."""
    with reader(folder) as somebody:
        for block in blocks(text, "page.md"):
            somebody.follow(block)
    return somebody


def fence(language: str, code: str, remark: str = "") -> str:
    """Return a code block, with the remark before it if there is one."""
    said = f"<!-- test: {remark} -->\n" if remark else ""
    return f"{said}```{language}\n{code}\n```\n\n"


def test_a_page_builds_on_what_it_showed(tmp_path: Path) -> None:
    """Files, Python names, shell variables and the current folder live on within a page."""
    follow(
        fence("python", "# file: shop/prices.py\nAPPLE = 3")
        + fence("python", "from shop.prices import APPLE\ntotal = APPLE * 2")
        + fence("console", "$ export WHO=me\n$ mkdir -p deep\n$ cd deep")
        + fence("python", "assert total == 6")
        + fence("sh", '$ test "$WHO" = me && test "${PWD##*/}" = deep'),
        tmp_path,
    )
    assert (tmp_path / "page" / "shop" / "prices.py").read_text().endswith("APPLE = 3\n")


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (fence("python", "1 / 0"), "page.md:2: .*status 1.*ZeroDivisionError"),
        (fence("python", "raise SystemExit"), "status 1"),
        (fence("console", "$ true\n$ false\n$ true"), "status 1:\nfalse"),
        (fence("console", "$ false | true"), "status 1"),
        (fence("console", "$ exit 3"), "ended with status 3"),
        (fence("console", "$ true", "status=1"), "status 0"),
        (fence("console", "$ echo one\ntwo", "output"), "prints\none"),
        (fence("console", "$ true &"), "does not listen"),
        (fence("python", "# file: app.py\nimport no_such_module"), "no_such_module"),
        (fence("json", "{]"), "no json"),
        (fence("toml", "a = "), "no toml"),
    ],
)
def test_a_block_that_does_not_work_fails(page: str, reason: str, tmp_path: Path) -> None:
    """Whatever goes wrong in a block is reported with its place and its output."""
    with pytest.raises(BlockFailed, match=f"(?s){reason}"):
        follow(page, tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        fence("fortran", "END"),
        fence("", "what is this?"),
        fence("python", "pass", "skip"),
        fence("python", "pass", "output"),
        fence("console", "no prompt"),
        fence("python", "# file: ../escape.py"),
        "    indented code\n",
        "<!-- test: status=1 -->\n\nA paragraph.\n",
        "<!-- test: status=1 -->\n",
    ],
)
def test_what_the_runner_does_not_know_is_refused(page: str, tmp_path: Path) -> None:
    """No block is passed over, however unusual: the page is refused."""
    with pytest.raises(PageInvalid, match=r"page\.md:\d"):
        follow(page, tmp_path)


def test_a_server_runs_until_the_page_ends(tmp_path: Path) -> None:
    """A command in the background is waited for, can be used and killed, and is gone at the end."""
    (tmp_path / "server.py").write_text(SERVER)
    start = "$ python ../server.py &"
    get = "$ python -c 'import urllib.request as r; r.urlopen(\"http://127.0.0.1:27288\")'"
    somebody = follow(
        fence("console", f"{start}\n{get}\n$ kill -9 %1\n$ wait $!", "status=137")
        + fence("console", f"{start}\n{get}\n$ echo $! > pid"),
        tmp_path,
    )
    process = int((somebody.folder / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_output_is_compared_where_the_page_says_so(tmp_path: Path) -> None:
    """Shown output must be the real one, except for what three dots stand for."""
    follow(
        fence("console", "$ echo one; echo 2 three\none\n... three\n$ echo 27288\n27288", "output")
        + fence("console", "$ echo anything\nsomething else"),
        tmp_path,
    )


def test_commands_may_span_lines() -> None:
    """A prompt `> ` or a backslash continues a command; what follows is its output."""
    (page,) = blocks(fence("console", "$ cat <<END\n> a\n> END\na\n$ echo \\\n  b\nb"), "page.md")
    assert commands(page) == [("cat <<END\na\nEND", "a\n"), ("echo \\\n  b", "b\n")]


def test_make_and_git_clone_stay_on_this_machine(tmp_path: Path) -> None:
    """The two commands of the README are checked without a network and without their work."""
    follow(
        fence("console", "$ git clone https://example.org/flawless.git\n$ cd flawless\n$ make test")
        + fence("console", "$ test -f Makefile && make no-such-target", "status=2"),
        tmp_path,
    )


def test_blocks_know_their_place_and_language() -> None:
    """Blocks inside lists are found too, with the line an editor would jump to."""
    (page,) = blocks("Text\n\n- item\n\n  ```json\n  {}\n  ```\n", "page.md")
    assert (page.where, page.language, page.code) == ("page.md:6", "json", "{}\n")


def test_dots_match_any_text() -> None:
    """`...` stands for any text, everything else for itself; spaces at line ends do not count."""
    assert matches("a ... c", "a b\nb c  \n")
    assert not matches("a . c", "a b c")
