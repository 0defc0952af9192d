"""`flawless up`: what it survives, how it stops, and what it says when it cannot start."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving import END_S_MAX, FLAWLESS, SHOP, Serving, environment, run, run_here, serving

APP = """
from flawless import workflow

@workflow
def answer() -> str:
    return "{}"
"""


def start(client: httpx.Client, workflow: str, given: object, execution: str) -> None:
    """Start an execution."""
    body = {"workflow": workflow, "input": given, "id": execution}
    assert client.post("/executions", json=body).status_code == 201


def await_line(client: httpx.Client, execution: str, kind: str) -> None:
    """Wait until the durable journal has an entry of this kind."""
    found = False
    while not found:
        client.get(f"/executions/{execution}/result", params={"wait": 0.05})
        entries = client.get(f"/executions/{execution}/journal").json()["entries"]
        found = any(entry["kind"] == kind for entry in entries)


def result(client: httpx.Client, execution: str) -> object:
    """Wait for the end and return the result."""
    return client.get(f"/executions/{execution}/result", params={"wait": 60}).json()["result"]


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    """After kill -9 in mid-workflow the next server completes it; no finished step is repeated."""
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    data = tmp_path / "data"
    with serving(data) as (server, client):
        start(client, "shop.journey", [str(notes), str(gate)], "journey")
        await_line(client, "journey", "slept")
        server.kill()
    gate.write_text("open")
    with serving(data) as (_, client):
        assert result(client, "journey") == [1, 2]
    assert notes.read_text() == "departure\narrival\n"


def test_sigterm_stops_in_order(tmp_path: Path) -> None:
    """Waiting requests are answered, the data is released, and the status is 0."""
    with serving(tmp_path) as (server, client):
        start(client, "shop.nap", [3600], "nap")
        await_line(client, "nap", "slept")
        polling = socket.create_connection(
            (client.base_url.host, client.base_url.port), timeout=END_S_MAX
        )
        with polling:
            path = "/api/v1/executions/nap/result?wait=60"
            polling.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            # The server reads what came first; these answers prove that the poll has begun.
            for _ in range(5):
                httpx.get(f"{client.base_url}health", trust_env=False)
            assert server.stop() == 0
            answer = polling.recv(65_536)
        assert b" 503 " in answer
        assert b"retry-after" in answer.lower()
    assert not (tmp_path / "flawless.db-wal").exists()


def test_the_address_and_the_workflows_are_printed(tmp_path: Path) -> None:
    """Who starts a server reads what it serves, where, and where its data is."""
    with Serving(SHOP, f"--data={tmp_path}", "--port=0") as server:
        printed = server.await_output(r"Flawless .*\nat .*\ndata [^\n]*\n")[0]
    assert "  shop.greet\n" in printed
    assert str(tmp_path / "flawless.db") in printed
    assert (tmp_path / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("def broken(:\n", ["syntax error", "app.py"]),
        ("import no_such_library\n", ["no_such_library", "app.py"]),
        ("1 / 0\n", ["ZeroDivisionError", "1 / 0"]),
        ("raise SystemExit(0)\n", ["SystemExit"]),
        ("x = 1\n", ["@workflow"]),
        ("from flawless import workflow\n@workflow\nclass A: ...\n", ["decorates a function"]),
    ],
)
def test_a_module_that_does_not_load(tmp_path: Path, source: str, texts: list[str]) -> None:
    """The user sees the own traceback and a sentence; status 2, nothing of ours."""
    (tmp_path / "app.py").write_text(source)
    done = run("up", "app.py", "--port=0", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    for text in texts:
        assert text in done.stderr
    assert "flawless/engine" not in done.stderr
    assert "flawless/cli" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["missing.py"], "no file missing.py"),
        (["missing_module"], "no module 'missing_module'"),
        (["app.py", "--host=0.0.0.0"], "FLAWLESS_TOKEN"),
        (["app.py", "--host=no.such.host.invalid", "--port=0"], "FLAWLESS_TOKEN"),
        (["app.py", "--port=70000"], "--port"),
        (["app.py", "--secrets=missing.toml"], "missing.toml"),
        (["app.py", "--secrets=app.py"], "TOML"),
        (["app.py", "--port=0", "--allow-host=a/b"], "'a/b' is no host"),
        ([], "flawless up app.py"),
    ],
)
def test_mistakes_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], text: str
) -> None:
    """Mistakes are named; status 2."""
    (tmp_path / "app.py").write_text(APP.format("yes"))
    monkeypatch.chdir(tmp_path)
    done = run_here("up", *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


CALLER = """
from flawless import http, secret, workflow

@workflow
def call(url: str) -> str:
    return http.get(url, headers={"X-Key": secret("SHOP_KEY")}).text
"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Tells whether the right key came."""

    def do_GET(self) -> None:
        """Answer with yes or no."""
        body = b"yes" if self.headers["X-Key"] == "correct-horse" else b"no"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("reload", [False, True])
def test_secrets_and_allowed_hosts_are_options(tmp_path: Path, reload: bool) -> None:
    """Secrets go where the file says, and requests nowhere but to allowed hosts."""
    (tmp_path / "app.py").write_text(CALLER)
    key = tmp_path / "key"
    key.write_text("correct-horse\n")
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(f'[SHOP_KEY]\nhosts = ["127.0.0.1"]\nfile = "{key}"\n')
    arguments = ["app.py", f"--data={tmp_path / 'data'}", "--port=0", f"--secrets={secrets}"]
    arguments += ["--allow-host=127.0.0.1", "--allow-host=*.example.com"]
    arguments += ["--reload"] if reload else []
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as echo,
        Serving(*arguments, folder=tmp_path) as server,
    ):
        thread = threading.Thread(target=echo.serve_forever)
        thread.start()
        try:
            url = f"{server.await_url()}/api/v1/executions"

            def call(host: str) -> dict[str, Any]:
                given = [f"http://{host}:{echo.server_port}/"]
                body = {"workflow": "app.call", "input": given, "wait_s": 30}
                answer: dict[str, Any] = httpx.post(url, json=body, trust_env=False).json()
                return answer

            assert call("127.0.0.1")["result"] == "yes"
            assert call("localhost")["error"]["type"] == "EgressDenied"
            assert server.stop() == 0
        finally:
            echo.shutdown()
            thread.join()
    assert b"correct-horse" not in (tmp_path / "data" / "flawless.db").read_bytes()


def test_a_data_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """A file where the folder should be, or somebody else's file in it, is an error; status 4."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "flawless.db").write_text("this is no database, but it is mine")
    for data in (tmp_path / "file", tmp_path / "file" / "deeper", tmp_path / "taken"):
        done = run("up", SHOP, f"--data={data}", "--port=0")
        assert done.returncode == 4, done.stderr
        assert str(data) in done.stderr
        assert "Traceback" not in done.stderr
    assert (tmp_path / "taken" / "flawless.db").read_text().endswith("mine")


def test_a_data_folder_that_is_read_only(tmp_path: Path) -> None:
    """A folder without permission to write is named; status 4."""
    command = [*FLAWLESS, "up", SHOP, f"--data={tmp_path / 'data'}", "--port=0"]
    if os.geteuid() == 0:  # root may write everywhere, unless it gives that up
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv of util-linux")
        command = ["setpriv", "--bounding-set=-dac_override", *command]
    data = tmp_path / "data"
    data.mkdir(mode=0o500)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert str(data) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_server(tmp_path: Path) -> None:
    """The same data is refused with the holder's process id, the same port with a way out."""
    with serving(tmp_path / "data") as (server, client):
        same_data = run("up", SHOP, f"--data={tmp_path / 'data'}", "--port=0")
        assert same_data.returncode == 4
        assert f"process {server.process.pid}" in same_data.stderr
        port = client.base_url.port
        same_port = run("up", SHOP, f"--data={tmp_path / 'other'}", f"--port={port}")
        assert same_port.returncode == 2
        assert "--port" in same_port.stderr
        assert "Traceback" not in same_data.stderr + same_port.stderr
        assert client.get("/health").status_code == 200


def test_a_wall_of_modules(tmp_path: Path) -> None:
    """Several modules are served together, by path and by name."""
    (tmp_path / "one.py").write_text(APP.format("one"))
    (tmp_path / "two.py").write_text(APP.format("two"))
    arguments = ["one.py", "two", f"--data={tmp_path / 'data'}", "--port=0"]
    with Serving(*arguments, folder=tmp_path) as server:
        assert "one.answer\n  two.answer" in server.await_output(r"Flawless .*\ndata ")[0]


def test_reload_serves_the_edited_module(tmp_path: Path) -> None:
    """An edit is picked up; a syntax error is shown and waited out; executions go on."""
    app = tmp_path / "app.py"
    helper = tmp_path / "helper.py"
    helper.write_text('WORD = "one"\n')
    app.write_text("import helper\n" + APP.format("{}").replace('"{}"', "helper.WORD"))
    arguments = ["app.py", f"--data={tmp_path / 'data'}", "--port=0", "--reload"]
    with Serving(*arguments, folder=tmp_path) as server:
        url = f"{server.await_url()}/api/v1/"

        def answer() -> object:
            body = {"workflow": "app.answer", "wait": 30}
            return httpx.post(f"{url}executions", json=body, trust_env=False).json()["result"]

        assert answer() == "one"
        helper.write_text('WORD = "two"\n')  # of the same size, within the same second
        server.await_output("helper.py changed")
        assert server.await_url() in url
        assert answer() == "two"
        app.write_text("def broken(:\n")
        server.await_output("syntax error.*waiting for a change")
        app.write_text(APP.format("three"))
        assert server.await_url() in url
        assert answer() == "three"
        assert server.stop() == 0


def test_reload_ends_when_no_edit_would_help(tmp_path: Path) -> None:
    """Data that another server holds is an error at once, not a reason to wait."""
    with serving(tmp_path / "data"):
        done = run("up", SHOP, f"--data={tmp_path / 'data'}", "--port=0", "--reload")
    assert done.returncode == 4
    assert "another engine" in done.stderr


def test_a_killed_supervisor_takes_its_engine_along(tmp_path: Path) -> None:
    """When the process that watches files is killed, the engine it started stops in order."""
    arguments = [SHOP, f"--data={tmp_path}", "--port=0", "--reload"]
    with Serving(*arguments) as server:
        server.await_url()
        server.process.kill()
        assert "stopping" in server.await_end()
    assert not (tmp_path / "flawless.db-wal").exists()


def test_init_writes_an_application_that_runs(tmp_path: Path) -> None:
    """The starter runs as it is, and is never overwritten."""
    made = run("init", "shop", folder=tmp_path)
    assert made.returncode == 0
    assert "flawless up shop/app.py" in made.stdout
    with serving(tmp_path / "data", [tmp_path / "shop" / "app.py"]) as (_, client):
        start(client, "app.order", {"item": "tea"}, "first")
        logs: list[dict[str, str]] = []
        while not logs:
            client.get("/executions/first/result", params={"wait": 0.05})
            logs = client.get("/executions/first/logs").json()["logs"]
        assert logs[0]["message"] == "charging for tea"
    app = tmp_path / "shop" / "app.py"
    app.write_text("mine")
    again = run("init", "shop", folder=tmp_path)
    assert again.returncode == 2
    assert "nothing is overwritten" in again.stderr
    assert app.read_text() == "mine"
    assert run("init", app).returncode == 2
