"""`fork`: what it prints, on which code it runs, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from commanding import flawless, ok, read

DESK = Path(__file__).parents[1] / "server" / "desk.py"


@pytest.fixture
def failed(shop_url: str, tmp_path: Path) -> str:
    """Start a report that fails, since its file is missing; return its id."""
    name = f"report-{tmp_path.name}".replace("_", "-")
    given = f'["{tmp_path}/notes", "{tmp_path}/wanted"]'
    ok(shop_url, "start", "desk.report", given, "--id", name)
    assert flawless(shop_url, "result", name).returncode == 1
    return name


def patched(folder: Path, old: str, new: str) -> str:
    """Write the desk with a change; return the path."""
    text = DESK.read_text()
    assert text.count(old) == 1
    (folder / "desk.py").write_text(text.replace(old, new))
    return str(folder / "desk.py")


def test_a_fork_goes_on_from_an_entry(shop_url: str, tmp_path: Path, failed: str) -> None:
    """Its id is printed; `show` tells where it comes from, and numbers the entries."""
    (tmp_path / "wanted").write_text("found")
    done = ok(shop_url, "fork", failed, "--at", "2", "--id", f"{failed}-f")
    assert (done.stdout, done.stderr) == (f"{failed}-f\n", "")
    assert read(shop_url, "result", f"{failed}-f")["result"] == [1, "found"]
    again = ok(shop_url, "fork", failed, "--at", "2", "--id", f"{failed}-f")
    assert again.stdout == f"{failed}-f\n"
    assert "existed already; it is completed" in again.stderr
    shown = ok(shop_url, "show", f"{failed}-f").stdout
    assert f"forked from {failed}; shares its entries 0 to 1\n" in shown
    rows = [line.split() for line in shown.splitlines() if " +" in line]
    assert [row[0] for row in rows if row[0].isdigit()] == ["0", "1", "2", "3"]
    assert rows[2][2:] == f"forked what stands above is shared with {failed}".split()
    made = read(shop_url, "fork", failed, "--at", "1")
    assert made["forked_from"] == {"execution": failed, "run": 1, "entries": 1}
    assert made["new"]
    assert read(shop_url, "result", made["id"])["result"] == [2, "found"]


def test_a_fork_on_patched_code(shop_url: str, tmp_path: Path, failed: str) -> None:
    """A file is sent and kept for the fork; what serves stays as it was."""
    served = read(shop_url, "deployments")["deployments"]
    current = [one["id"] for one in served if one["current"]]
    file = patched(tmp_path, "[note(notes), fetch(file)]", '[note(notes), "mended"]')
    made = read(shop_url, "fork", failed, "--at", "2", "--patch", file)
    assert read(shop_url, "result", made["id"])["result"] == [1, "mended"]
    listed = read(shop_url, "deployments")["deployments"]
    assert [one["id"] for one in listed if one["current"]] == current
    kept = next(one for one in listed if one["id"] == made["deployment"])
    assert kept["label"] == f"patch for {failed}"
    on_latest = read(shop_url, "fork", failed, "--at=2", "--deployment=latest")
    assert on_latest["deployment"] in current


def test_what_is_refused(shop_url: str, tmp_path: Path, failed: str) -> None:
    """Exit status 2, what is wrong, and nothing is created."""
    count = len(read(shop_url, "list")["executions"])
    for at, text in (("4", "3 is the last place to fork at"), ("0", "at 1 or later")):
        done = flawless(shop_url, "fork", failed, "--at", at)
        assert (done.returncode, done.stdout) == (2, "")
        assert text in " ".join(done.stderr.split())
    file = patched(tmp_path, "[note(notes), fetch(file)]", "[fetch(notes), fetch(file)]")
    done = flawless(shop_url, "fork", failed, "--at", "2", "--patch", file)
    told = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert "nothing was created" in told
    assert "diverged at journal entry 1: the journal holds step desk.note (effect 1)" in told
    assert "the code asked for step desk.fetch (effect 1) at desk.py:" in told
    assert f"`flawless replay {failed} --patch {file}` shows the difference" in told
    shown = flawless(shop_url, "replay", failed, "--patch", file)
    assert "requested step desk.fetch" in shown.stdout
    (tmp_path / "other.py").write_text((tmp_path / "desk.py").read_text())
    for arguments, text in (
        (["--patch", str(tmp_path / "other.py")], "module and function need the same names"),
        (["--patch", str(tmp_path / "none.py")], "is no Python file"),
        (["--patch", file, "--deployment", "latest"], "exclude each other"),
        (["--deployment", "none"], "there is no deployment 'none'"),
    ):
        done = flawless(shop_url, "fork", failed, "--at", "2", *arguments)
        assert done.returncode == 2
        assert text in " ".join(done.stderr.split())
    assert flawless(shop_url, "fork", failed).returncode == 2
    assert len(read(shop_url, "list")["executions"]) == count
