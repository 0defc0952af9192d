"""`export`, `import` and `replay`, as programs: also where the server is gone."""

from __future__ import annotations

import json
import textwrap
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from flawless import Client
from flawless.cli.recordings import fetch
from flawless.timetravel import Recording, export_bytes, present_code, read_export
from flawless.timetravel.files.packing import known_wasm
from serving import Serving, run, run_here

NOWHERE = "http://127.0.0.1:9"
ORDERS = """
    import time

    from flawless import receive, step, workflow

    @step
    def charge(cents: int) -> str:
        return f"receipt {cents}"

    @workflow
    def buy(cents: int) -> str:
        reference = charge(cents)
        time.sleep(0.001)
        return reference

    @workflow
    def wait(cents: int) -> object:
        charge(cents)
        return receive("go")

    @workflow
    def fail() -> None:
        raise LookupError("no such order")
"""


@dataclass(frozen=True)
class Left:
    """What a server has left behind: files it exported, in a folder."""

    folder: Path
    whole: Path
    small: Path
    journal: Path
    replayed: str
    """What `flawless replay` said of its executions, while it was there."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Let a server run executions, export them, and be gone."""
    folder = tmp_path_factory.mktemp("exporting")
    (folder / "orders.py").write_text(textwrap.dedent(ORDERS))
    whole, small, journal = (folder / f"{name}.flawless" for name in ("buy", "small", "only"))
    with Serving("orders.py", "--port=0", folder=folder) as server:
        url = server.await_url()

        def ok(*arguments: str | Path) -> str:
            done = run_here(*arguments, FLAWLESS_URL=url)
            assert done.returncode == 0, done.stderr
            printed: str = done.stdout
            return printed

        ok("start", "orders.buy", "[990]", "--id=buy", "--wait")
        ok("start", "orders.wait", "[5]", "--id=wait")
        run_here("start", "orders.fail", "--id=fail", "--wait", FLAWLESS_URL=url)
        told = ok("export", "buy", "-o", whole)
        assert "orders.buy  completed, 4 entries" in told
        assert "seal " in told
        ok("export", "buy", "-o", small, "--no-component")
        ok("export", "buy", "--output", journal, "--journal-only")
        replayed = "".join(ok("replay", name, "--data", folder) for name in ("buy", "wait", "fail"))
        told = json.loads(ok("show", "wait", "--json"))["execution"]["status"]
        assert told in ("running", "waiting")
        assert server.stop() == 0
    (folder / "orders.py").unlink()
    return Left(folder, whole, small, journal, replayed)


def test_what_the_server_has_is_replayed(left: Left) -> None:
    """Those that have ended, well or not, end so again; those that go on, go on."""
    lines = left.replayed.splitlines()
    assert [line for line in lines if line.startswith("ended")] == [
        'ended as recorded: returned "receipt 990"',
        "ended as recorded: failed with LookupError: no such order",
    ]
    assert "the journal ends here, and the execution goes on: " in left.replayed
    assert left.replayed.count("from server http://127.0.0.1:") == 3


def test_a_file_is_replayed_without_the_server(left: Left, tmp_path: Path) -> None:
    """In another folder, without the source, by a process that knows nothing else."""
    done = run("replay", left.whole, folder=tmp_path, FLAWLESS_URL=NOWHERE)
    assert done.returncode == 0, done.stderr
    assert "replayed 4 entries on deployment" in done.stdout
    assert 'ended as recorded: returned "receipt 990"' in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_import_is_found_by_its_id(left: Left, tmp_path: Path) -> None:
    """It is checked, kept in the data folder, and says what can be done with it."""
    data = f"--data={tmp_path / 'data'}"
    first = run_here("import", left.whole, data)
    assert first.returncode == 0, first.stderr
    assert "buy imported" in first.stdout
    assert "deployment " in first.stdout
    assert "(orders)" in first.stdout
    assert "flawless replay buy" in first.stderr
    assert (tmp_path / "data" / "imports" / "buy.flawless").read_bytes() == left.whole.read_bytes()
    assert "was imported before" in run_here("import", left.whole, data).stdout
    refused = run_here("import", left.small, data)
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    told = json.loads(run_here("import", left.small, data, "--replace", "--json").stdout)
    assert {name: told[name] for name in ("id", "new", "component", "journal_only")} == {
        "id": "buy",
        "new": True,
        "component": False,
        "journal_only": False,
    }
    replayed = run_here("replay", "buy", data, "--json", FLAWLESS_URL=NOWHERE)
    assert replayed.returncode == 0, replayed.stderr
    shown = json.loads(replayed.stdout)
    assert (shown["outcome"], shown["end"], shown["entries"]) == (
        "ended_as_recorded",
        "completed",
        4,
    )


def test_code_that_leaves_the_path(
    left: Left, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 1, and the line that asks for something else."""
    monkeypatch.syspath_prepend(str(tmp_path))
    changed = textwrap.dedent(ORDERS).replace("charge(cents)\n    time", "charge(1)\n    time")
    (tmp_path / "orders.py").write_text(changed)
    recording = read_export(left.whole)
    deployment = present_code(["orders"]).deployment
    first = msgspec.structs.replace(recording.invoked, deployment=deployment.id)
    forged = Recording("buy", "completed", [first, *recording.entries[1:]], deployment)
    file = tmp_path / "other.flawless"
    file.write_bytes(export_bytes(forged, now_us=0, contents="code"))
    done = run_here("replay", file)
    assert done.returncode == 1
    assert "diverged" in done.stdout
    assert "orders.py:12" in done.stdout
    shown = json.loads(run_here("replay", file, "--json").stdout)
    assert (shown["outcome"], shown["divergence"]["position"]) == ("diverged", 1)


def test_a_journal_alone_needs_code(left: Left, tmp_path: Path) -> None:
    """It can be imported; the error of a replay says how to give it code."""
    data = f"--data={tmp_path}"
    assert "--patch" in run_here("import", left.journal, data).stderr
    replayed = run_here("replay", "buy", data)
    assert replayed.returncode == 2
    assert "--patch app.py" in replayed.stderr


def test_a_small_file_on_a_machine_that_does_not_know_the_component(
    left: Left, tmp_path: Path
) -> None:
    """A process with an empty cache says what to do."""
    done = run("replay", left.small, folder=tmp_path, FLAWLESS_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "export the execution with its component" in done.stderr


def test_damaged_files_are_refused(left: Left, tmp_path: Path) -> None:
    """By every command that reads them, and nothing is imported."""
    damaged = tmp_path / "damaged.flawless"
    data = bytearray(left.whole.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    for command in ("replay", "import"):
        done = run_here(command, damaged, f"--data={tmp_path / 'data'}")
        assert done.returncode == 2
        assert "component.wasm" in done.stderr
        assert "damaged or tampered with" in done.stderr
    assert not (tmp_path / "data" / "imports").exists()


def test_a_component_comes_from_the_server_once(
    shop_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that does not know it gets it with the first recording, and keeps it."""
    run_here("start", "shop.greet", "--id=export-once", "--wait", FLAWLESS_URL=shop_url)
    monkeypatch.setenv("FLAWLESS_CACHE", str(tmp_path))
    monkeypatch.setattr("flawless.timetravel.code._loaded", OrderedDict())
    with Client(shop_url) as client:
        first, second = (fetch(client, "export-once") for _ in range(2))
    sha256 = first.deployment.manifest.component
    assert [file.name for file in tmp_path.glob("wasm-*")] == [f"wasm-{sha256}-{sha256}"]
    assert len(first.wasm) > 1_000_000
    assert second.wasm == b""
    assert known_wasm(sha256) == first.wasm


def test_the_server_comes_before_imports(shop_url: str, left: Left, tmp_path: Path) -> None:
    """It may be ahead of them; the imported file is named, and taken where the server has none."""
    data, file = f"--data={tmp_path}", tmp_path / "x.flawless"
    run_here("start", "shop.greet", "--id=export-both", "--wait", FLAWLESS_URL=shop_url)
    run_here("export", "export-both", "--no-component", "-o", file, FLAWLESS_URL=shop_url)
    for one in (file, left.whole):
        assert run_here("import", one, data).returncode == 0
    imported = tmp_path / "imports" / "export-both.flawless"
    done = run_here("replay", "export-both", data, FLAWLESS_URL=shop_url)
    assert f"from server {shop_url}" in done.stdout
    assert f"for the imported one, name {imported}" in " ".join(done.stderr.split())
    for name, url in (("buy", shop_url), ("export-both", NOWHERE), (imported, shop_url)):
        done = run_here("replay", name, data, FLAWLESS_URL=url)
        assert (done.returncode, done.stderr) == (0, "")
        assert "file " in done.stdout.splitlines()[1]


def test_files_that_are_called_as_an_execution(
    shop_url: str, left: Left, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare name means a file of the current folder only if that can be an export."""
    run_here("start", "shop.greet", "--id=export-name", "--wait", FLAWLESS_URL=shop_url)
    monkeypatch.chdir(tmp_path)
    file, data = tmp_path / "export-name", f"--data={tmp_path}"
    for content in (b"", b"PK", b"some notes"):
        file.write_bytes(content)
        done = run_here("replay", "export-name", data, FLAWLESS_URL=shop_url)
        assert "from server" in done.stdout, done.stderr
    file.write_bytes(left.journal.read_bytes())
    assert "--patch" in run_here("replay", "export-name", FLAWLESS_URL=shop_url).stderr
    file.write_bytes(b"{}")
    done = run_here("replay", "export-name", FLAWLESS_URL=shop_url)
    assert "export-name is no exported journal" in done.stderr


def test_what_is_not_there(shop_url: str, left: Left, tmp_path: Path) -> None:
    """Each place that was looked at is named."""
    data = f"--data={tmp_path}"
    gone = run_here("replay", "nobody", data, FLAWLESS_URL=NOWHERE)
    assert gone.returncode == 4
    assert "no file nobody" in gone.stderr
    assert "no server answers" in gone.stderr
    unknown = run_here("replay", "nobody", data, FLAWLESS_URL=shop_url)
    assert unknown.returncode == 2
    assert "nothing of that name was imported" in unknown.stderr
    assert run_here("replay", "no.flawless", data, FLAWLESS_URL=NOWHERE).returncode == 2
    missing = run_here("export", "nobody", FLAWLESS_URL=shop_url)
    assert (missing.returncode, "nobody" in missing.stderr) == (2, True)
    written = run_here("export", "buy", "-o", tmp_path / "no" / "x", FLAWLESS_URL=NOWHERE)
    assert written.returncode == 4


def test_names_of_files_fit_any_system(
    shop_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids may have colons, which Windows does not take; the file says whose it is."""
    monkeypatch.chdir(tmp_path)
    run_here("start", "shop.greet", "--id=export:name", "--wait", FLAWLESS_URL=shop_url)
    done = run_here("export", "export:name", "--no-component", FLAWLESS_URL=shop_url)
    assert done.stdout.startswith("export_name.flawless  ")
    assert [file.name for file in tmp_path.iterdir()] == ["export_name.flawless"]
    assert read_export(tmp_path / "export_name.flawless").execution == "export:name"


def test_where_nothing_can_be_written(shop_url: str, tmp_path: Path) -> None:
    """The error names the file, and nothing is left behind."""
    run_here("start", "shop.greet", "--id=export-cmd", "--wait", FLAWLESS_URL=shop_url)
    done = run_here(
        "export", "export-cmd", "--no-component", "-o", tmp_path / "no" / "x", FLAWLESS_URL=shop_url
    )
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []
