"""The client commands, run as programs against a real server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from serving import FLAWLESS, environment, run, run_here


def flawless(url: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a client command against a server."""
    return run_here(*arguments, stdin=stdin, FLAWLESS_URL=url)


def test_start_prints_the_id_and_result_the_result(shop_url: str) -> None:
    """Standard output holds the id, then the result as JSON, and nothing else."""
    started = flawless(shop_url, "start", "shop.greet", '{"name": "Ada"}', "--id", "cmd-1")
    assert (started.returncode, started.stdout) == (0, "cmd-1\n")
    result = run("result", "cmd-1", FLAWLESS_URL=shop_url)
    assert (result.returncode, json.loads(result.stdout)) == (0, "Hello, Ada")
    again = flawless(shop_url, "start", "shop.greet", '{"name": "Ada"}', "--id", "cmd-1", "--wait")
    assert json.loads(again.stdout) == "Hello, Ada"
    assert "existed already" in again.stderr


def test_start_reads_standard_input(shop_url: str) -> None:
    """`-` stands for standard input."""
    started = flawless(shop_url, "start", "shop.greet", "-", "--wait", stdin='["Ada"]')
    assert json.loads(started.stdout) == "Hello, Ada"


def test_a_failure_is_shown_with_the_users_traceback(shop_url: str) -> None:
    """Exit status 1, the user's lines on standard error, nothing of ours."""
    failed = run("start", "shop.stumble", '["a stone"]', "--wait", FLAWLESS_URL=shop_url)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "raise ValueError(reason)" in failed.stderr
    assert "ValueError: a stone" in failed.stderr
    assert "client.py" not in failed.stderr
    execution = flawless(shop_url, "list", "--status=failed", "--limit=1", "--json")
    (found,) = json.loads(execution.stdout)["executions"]
    described = flawless(shop_url, "result", found["id"], "--json")
    assert described.returncode == 1
    assert json.loads(described.stdout)["error"]["message"] == "a stone"


def test_a_result_that_takes_too_long(shop_url: str, tmp_path: Path) -> None:
    """Exit status 3 when the time is up; the execution goes on."""
    gate = tmp_path / "gate"
    flawless(shop_url, "start", "shop.wait_for_gate", json.dumps([str(gate)]), "--id", "cmd-gate")
    late = flawless(shop_url, "result", "cmd-gate", "--timeout", "50ms")
    assert (late.returncode, late.stdout) == (3, "")
    assert "goes on" in late.stderr
    shown = flawless(shop_url, "show", "cmd-gate")
    assert "step shop.pass_gate" in shown.stdout
    assert "under way, attempt" in shown.stdout
    assert "FileNotFoundError: no gate gate" in shown.stdout
    gate.write_text("open")
    assert json.loads(flawless(shop_url, "result", "cmd-gate", "--timeout=30").stdout) == "open"


def test_list_is_a_table_and_json(shop_url: str) -> None:
    """People get columns, programs get JSON, and paging is explained."""
    for name in ("cmd-list-1", "cmd-list-2"):
        flawless(shop_url, "start", "shop.greet", "--id", name, "--wait")
    table = flawless(shop_url, "list", "--prefix", "cmd-list-", "--limit", "1")
    assert table.stdout.split()[:2] == ["ID", "WORKFLOW"]
    assert "cmd-list-2" in table.stdout
    assert "--before cmd-list-2" in table.stderr
    page = flawless(shop_url, "list", "--prefix=cmd-list-", "--before=cmd-list-2", "--json")
    assert [found["id"] for found in json.loads(page.stdout)["executions"]] == ["cmd-list-1"]


def test_show_is_a_timeline(shop_url: str) -> None:
    """The journal reads as what happened, with the result at its end."""
    flawless(shop_url, "start", "shop.nap", "[0.01]", "--id", "cmd-nap", "--wait")
    shown = flawless(shop_url, "show", "cmd-nap")
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("cmd-nap  shop.nap  completed in")
    steps = [" ".join(line.split()[3:]) for line in lines[3:]]
    assert [line for line in steps if "log print" in line or "good night" in line]
    assert any(line.startswith("sleep 10 ms") for line in steps)
    assert 'returned "rested"' in steps[-1]
    as_json = json.loads(flawless(shop_url, "show", "cmd-nap", "--json").stdout)
    assert as_json["execution"]["status"] == "completed"
    assert as_json["journal"][0]["kind"] == "invoked"


def test_logs_are_followed_to_the_end(shop_url: str, tmp_path: Path) -> None:
    """`--follow` prints what comes until the execution has ended."""
    flawless(shop_url, "start", "shop.nap", "[0.3]", "--id", "cmd-logs")
    followed = flawless(shop_url, "logs", "cmd-logs", "--follow")
    assert followed.stdout.count("good night") == 1
    line = json.loads(flawless(shop_url, "logs", "cmd-logs", "--json").stdout)
    assert (line["message"], line["level_name"]) == ("good night", "INFO")


def test_workflows_show_signatures(shop_url: str) -> None:
    """Names, parameters and the first line of the doc string."""
    table = flawless(shop_url, "workflows").stdout
    assert "shop.greet" in table
    assert "name: str = …, *, loud: bool = …" in table
    assert "Say hello." in table
    names = json.loads(flawless(shop_url, "workflows", "--json").stdout)["workflows"]
    assert "shop.nap" in {found["name"] for found in names}


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["start", "shop.gret"], 2, "known workflows"),
        (["start", "shop.nap", "{}"], 2, "seconds"),
        (["start", "shop.nap", "{seconds: 1}"], 2, "not valid JSON"),
        (["start", "shop.nap", '"one"'], 2, "JSON object"),
        (["start", "shop.greet", "--id", "a/b"], 2, "execution id"),
        (["start"], 2, "WORKFLOW"),
        (["result", "nobody"], 2, "nobody"),
        (["result", "nobody", "--timeout", "soon"], 2, "--timeout"),
        (["result", "nobody", "--timeout=-1"], 2, "--timeout"),
        (["show", "nobody"], 2, "nobody"),
        (["logs", "nobody", "--follow"], 2, "nobody"),
        (["list", "--status", "done"], 2, "completed"),
        (["list", "--limit", "0"], 2, "limit"),
        (["send", "x"], 2, "NAME"),
        (["send", "nobody", "x"], 2, "nobody"),
        (["send", "nobody~x", "x"], 2, "ID~1"),
        (["send", "nobody", "x", "{by: 1}"], 2, "the payload is not valid JSON"),
        (["send", "nobody", ":cancel"], 2, "engine's own"),
        (["state", "nobody"], 2, "nobody"),
        (["cancel", "nobody"], 2, "nobody"),
        (["cancel", "nobody", "--grace", "long"], 2, "--grace"),
        (["cancel", "nobody", "--reason", "x" * 1001], 2, "reason"),
        (["terminate", "nobody"], 2, "nobody"),
        (["terminate"], 2, "ID"),
        (["retry", "nobody"], 2, "nobody"),
        (["retry", "nobody", "--effect", "first"], 2, "--effect"),
        (["retry", "nobody", "--from-start", "--effect", "1"], 2, "from the start"),
        (["resolve", "nobody", "--retry"], 2, "nobody"),
        (["resolve", "nobody"], 2, "--ok JSON"),
        (["resolve", "nobody", "--retry", "--error", "no"], 2, "one of"),
        (["resolve", "nobody", "--ok", "yes"], 2, "--ok is not valid JSON"),
        (["list", "--parked", "--status", "failed"], 2, "exclude each other"),
        (["start", "shop.greet", "--deadline", "soon"], 2, "--deadline"),
        (["start", "shop.greet", "--deadline", "200000d"], 2, "100 years"),
    ],
)
def test_mistakes_are_explained(
    shop_url: str, arguments: list[str], status: int, text: str
) -> None:
    """A mistake gives status 2, a sentence on standard error, and never a traceback."""
    done = flawless(shop_url, *arguments)
    assert done.returncode == status, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_no_server_is_explained() -> None:
    """Every client command says how to start the server; status 4."""
    done = run("list", FLAWLESS_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "flawless up app.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_enough(shop_url: str) -> None:
    """A pipe that is closed early is no error."""
    head = f"{FLAWLESS[0]} -m flawless.cli workflows --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {head}"],
        env=environment(FLAWLESS_URL=shop_url),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("{", "")


def test_the_version_and_the_help() -> None:
    """`--version` and `--help` work, and every command has a line."""
    assert run("--version").stdout.startswith("flawless ")
    page = run("--help").stdout
    client = ("start", "list", "show", "result", "logs", "state", "send", "cancel", "terminate")
    for name in ("init", "up", "doctor", "workflows", "retry", "resolve", *client):
        assert f" {name} " in page


def test_doctor_measures_and_judges(shop_url: str, tmp_path: Path) -> None:
    """The report has versions, cache, disk and server, and its status says whether all is well."""
    done = run("doctor", "--data", tmp_path, "--json", FLAWLESS_URL=shop_url)
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert {"Python", "wasmtime", "cache", "Python runtime", "free space"} <= set(found)
    assert "commits/s" in found["disk sync"]["found"]
    assert shop_url in found["server"]["found"]
    file = tmp_path / "file"
    file.touch()
    bad = run("doctor", "--data", file / "data", FLAWLESS_URL="http://127.0.0.1:9")
    assert bad.returncode == 4
    assert "no  data folder" in bad.stdout
