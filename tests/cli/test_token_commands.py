"""`flawless tokens` and what `flawless up` makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from serving import SHOP, Done, run_here, serving

TOKEN = re.compile(r"flt_[0-9a-z]{8}_[A-Za-z0-9_-]{43}\n")


def tokens(data: Path, *arguments: str) -> Done:
    """Run a `flawless tokens` command on a data folder."""
    return run_here("tokens", *arguments, f"--data={data}")


def test_a_token_is_printed_once(tmp_path: Path) -> None:
    """`add` prints it alone on standard output; no other command and no file has it."""
    made = tokens(tmp_path, "add", "ann", "--role", "operate", "--expires", "90d")
    assert made.returncode == 0
    assert TOKEN.fullmatch(made.stdout)
    assert "not shown again" in made.stderr
    assert "wants a token from everybody" in made.stderr
    again = tokens(tmp_path, "add", "bob", "--role", "read")
    assert "from everybody" not in again.stderr
    listed = tokens(tmp_path, "list")
    assert re.search(r"ann +operate +flt_[0-9a-z]{8} .*in 89d 23h", listed.stdout)
    assert re.search(r"bob +read +flt_[0-9a-z]{8} .*never", listed.stdout)
    as_json = json.loads(tokens(tmp_path, "list", "--json").stdout)
    assert [(one["name"], one["role"]) for one in as_json] == [("ann", "operate"), ("bob", "read")]
    secret = made.stdout.strip()[len("flt_12345678_") :]
    for text in (listed.stdout, json.dumps(as_json), (tmp_path / "tokens.json").read_text()):
        assert secret not in text
    assert "sha256" not in json.dumps(as_json)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "ann"), "--role"),
        (("add", "ann", "--role", "admin"), "read, operate, deploy"),
        (("add", "a b", "--role", "read"), "cannot be a token's name"),
        (("add", "root", "--role", "read"), "taken by Flawless"),
        (("add", "ann", "--role", "read", "--expires", "soon"), "no length of time"),
        (("add", "ann", "--role", "read", "--expires", "0"), "lasts longer"),
        (("revoke", "ann"), "no token 'ann'"),
    ],
)
def test_mistakes_say_what_to_do(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    """Status 2, a sentence, and no token made."""
    done = tokens(tmp_path, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "tokens.json").exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Each command says which file cannot be read, and changes nothing."""
    (tmp_path / "tokens.json").write_text("{")
    for arguments in (("list",), ("add", "ann", "--role", "read"), ("revoke", "ann")):
        done = tokens(tmp_path, *arguments)
        assert done.returncode == 4
        assert "tokens.json" in done.stderr
    refused = run_here("up", SHOP, f"--data={tmp_path}", "--port=0")
    assert refused.returncode == 4
    assert "tokens.json" in refused.stderr
    assert (tmp_path / "tokens.json").read_text() == "{"


def test_up_takes_the_tokens_of_its_folder(tmp_path: Path) -> None:
    """The client commands work with such a token, as far as its role goes, until it is revoked."""
    made = {
        role: tokens(tmp_path, "add", role, "--role", role).stdout.strip()
        for role in ("read", "operate")
    }
    with serving(tmp_path) as (_, client):
        url = str(client.base_url).removesuffix("/api/v1/")

        def flawless(*arguments: str, role: str) -> Done:
            return run_here(*arguments, FLAWLESS_URL=url, FLAWLESS_TOKEN=made[role])

        refused = flawless("start", "shop.greet", role="read")
        assert refused.returncode == 2
        assert "operate" in refused.stderr
        started = flawless("start", "shop.greet", "--id", "one", "--wait", role="operate")
        assert json.loads(started.stdout) == "Hello, world"
        assert "one" in flawless("list", role="read").stdout
        assert run_here("list", FLAWLESS_URL=url).returncode == 2
        revoked = tokens(tmp_path, "revoke", "read")
        assert revoked.returncode == 0
        assert "no tokens are left" not in revoked.stderr
        assert flawless("list", role="read").returncode == 2
        assert "no tokens are left" in tokens(tmp_path, "revoke", "operate").stderr
        assert flawless("list", role="operate").returncode == 2


def test_origins_are_given_one_by_one(tmp_path: Path) -> None:
    """`--cors` lets pages of that origin ask; a star is refused."""
    refused = run_here("up", SHOP, f"--data={tmp_path}", "--port=0", "--cors=*")
    assert refused.returncode == 2
    assert "is no origin" in refused.stderr
    with serving(tmp_path, [SHOP], "--cors=https://a.example", "--cors=https://b.example") as (
        _,
        client,
    ):
        for origin, allowed in (("https://b.example", True), ("https://c.example", False)):
            response = client.get("whoami", headers={"Origin": origin})
            assert ("access-control-allow-origin" in response.headers) == allowed
