"""`flawless up` seen from outside: traces at a collector, and log lines that programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver import receiving

from flawless.engine.tracing.identity import identity, read_traceparent
from serving import SHOP, Serving, run, run_here, serving

QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "20"}
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def start(
    client: httpx.Client, workflow: str, given: object, execution: str, **headers: str
) -> None:
    """Start an execution."""
    body = {"workflow": workflow, "input": given, "id": execution}
    assert client.post("/executions", json=body, headers=headers).status_code == 201


@pytest.mark.parametrize("by", ["option", "variable"])
def test_traces_survive_kill_9(tmp_path: Path, by: str) -> None:
    """Two processes tell one trace: same id, parents right, the caller linked, no span twice."""
    notes, gate, data = tmp_path / "notes", tmp_path / "gate", tmp_path / "data"
    with receiving() as collector:
        options = [f"--otlp={collector.url}"] if by == "option" else []
        changes = QUICK | ({} if options else {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        with serving(data, [SHOP], *options, changes=changes) as (server, client):
            given = [str(notes), str(gate)]
            start(client, "shop.journey", given, "journey", traceparent=CALLER)
            (first,) = collector.until(1)
            server.kill()
        gate.write_text("open")
        with serving(data, [SHOP], *options, changes=changes) as (server, client):
            answer = client.get("/executions/journey/result", params={"wait": 60})
            assert answer.json()["result"] == [1, 2]
            assert server.stop() == 0
        spans = collector.until(5)
    ids = identity("journey", 1)
    assert first.name == "step shop.note"
    assert sorted(span.name for span in spans) == [
        "execution shop.journey",
        "sleep",
        "step shop.note",
        "step shop.note",
        "step shop.pass_gate",
    ]
    assert {span.trace_id for span in spans} == {ids.trace_id}
    assert len({span.span_id for span in spans}) == len(spans)
    (root,) = [span for span in spans if span.name.startswith("execution")]
    assert (root.span_id, root.parent_id) == (ids.root.span_id, 0)
    assert {span.parent_id for span in spans if span is not root} == {root.span_id}
    caller = read_traceparent(CALLER)
    assert caller is not None
    assert root.links == ((caller.trace_id, caller.span_id),)
    assert root.resource["service.name"] == "flawless"
    for span in spans:
        assert span.attributes["flawless.execution"] == "journey"


def test_a_collector_that_is_away_harms_nothing(tmp_path: Path) -> None:
    """Executions run, and the server stops within its time."""
    with serving(tmp_path, [SHOP], "--otlp=http://127.0.0.1:9", changes=QUICK) as (server, client):
        start(client, "shop.greet", [], "greeted")
        answer = client.get("/executions/greeted/result", params={"wait": 60})
        assert answer.json()["result"] == "Hello, world"
        assert server.stop() == 0


def test_an_address_of_a_collector_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no address is a mistake on the command line."""
    done = run_here("up", str(SHOP), "--otlp=collector:4318", "--port=0")
    assert done.returncode == 2
    assert "http://127.0.0.1:4318" in done.stderr


APP = """
import logging
from flawless import step, workflow

log = logging.getLogger("app")

@step
def warns(text: str) -> None:
    log.warning("careful: %s", text)

@workflow
def works(text: str) -> str:
    log.warning("from the workflow: %s", text)
    warns(text)
    return text
"""


def lines(printed: str) -> list[dict[str, Any]]:
    """Return the JSON objects among what a server printed."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("by", ["option", "variable"])
def test_logs_are_json_objects(tmp_path: Path, by: str) -> None:
    """Each line is one, with time, level, logger and execution, also of what a step logs."""
    (tmp_path / "app.py").write_text(APP)
    arguments = ["app.py", f"--data={tmp_path / 'data'}", "--port=0", "--workflow-logs"]
    changes = {"FLAWLESS_LOG_FORMAT": "json", "FLAWLESS_LOG_LEVEL": "info"}
    if by == "option":
        arguments += ["--log-format=json", "--log-level=info"]
        changes = {}
    with Serving(*arguments, folder=tmp_path, changes=changes) as server:
        url = server.await_url()
        text = 'two\nlines, "quotes" and é'
        body = {"workflow": "app.works", "input": [text], "id": "works", "wait_s": 60}
        answer = httpx.post(f"{url}/api/v1/executions", json=body, trust_env=False)
        assert answer.json()["result"] == text
        assert server.stop() == 0
        found = lines(server.await_end())
    for line in found:
        assert set(line) >= {"time", "level", "logger", "message"}
        assert line["time"].endswith("Z")
    of_step = next(line for line in found if line["message"].startswith("careful"))
    assert of_step["message"] == f"careful: {text}"
    assert (of_step["execution"], of_step["step"], of_step["attempt"]) == ("works", "app.warns", 1)
    assert (of_step["level"], of_step["logger"]) == ("warning", "app")
    of_workflow = next(line for line in found if line["message"].startswith("from"))
    assert of_workflow["message"] == f"from the workflow: {text}"
    assert (of_workflow["execution"], of_workflow["source"]) == ("works", "app")
    assert (of_workflow["level"], of_workflow["logger"]) == ("warning", "flawless.workflow")
    ended = next(line for line in found if "has ended" in line["message"])
    assert (ended["level"], ended["status"]) == ("info", "completed")
    assert (ended["execution"], ended["workflow"]) == ("works", "app.works")


CALLER_APP = """
from flawless import http, secret, workflow

@workflow
def calls(url: str) -> int:
    return http.get(url + "?key=" + secret("KEY"), headers={"X-Key": secret("KEY")}).status
"""


def test_no_secret_is_in_logs_or_traces(tmp_path: Path) -> None:
    """Whatever the level: neither in what the server logs, nor in what it sends to a collector."""
    (tmp_path / "app.py").write_text(CALLER_APP)
    (tmp_path / "key").write_text("correct-horse")
    known = f'[KEY]\nhosts = ["127.0.0.1"]\nfile = "{tmp_path / "key"}"\n'
    (tmp_path / "secrets.toml").write_text(known)
    arguments = ["app.py", "--data=data", "--port=0", "--secrets=secrets.toml"]
    arguments += ["--log-format=json", "--log-level=debug", "--workflow-logs"]
    with receiving() as collector, receiving() as elsewhere:
        arguments += [f"--otlp={collector.url}"]
        with Serving(*arguments, folder=tmp_path, changes=QUICK) as server:
            url = server.await_url()
            given = [f"{elsewhere.url}/v1/traces"]
            body = {"workflow": "app.calls", "input": given, "wait_s": 60}
            answer = httpx.post(f"{url}/api/v1/executions", json=body, trust_env=False).json()
            assert answer["result"] == 501, answer  # it takes POST only, and has got a GET
            assert server.stop() == 0
            printed = server.await_end()
        spans = collector.until(2)
    assert any("has ended" in line["message"] for line in lines(printed))
    assert "correct-horse" not in printed
    assert "correct-horse" not in repr(spans)
    (call,) = [span for span in spans if span.name == "GET 127.0.0.1"]
    assert call.attributes["url.full"] == f"{elsewhere.url}/v1/traces"


def test_text_is_the_default(tmp_path: Path) -> None:
    """Lines for people; workflows' own logs stay in their journals."""
    (tmp_path / "app.py").write_text(APP)
    data = f"--data={tmp_path / 'data'}"
    with Serving("app.py", data, "--port=0", folder=tmp_path) as server:
        url = server.await_url()
        body = {"workflow": "app.works", "input": ["x"], "wait_s": 60}
        assert httpx.post(f"{url}/api/v1/executions", json=body, trust_env=False).is_success
        assert server.stop() == 0
        printed = server.await_end()
    assert "WARNING app: careful: x\n" in printed
    assert "from the workflow" not in printed
    assert "has ended" not in printed
    assert lines(printed) == []


def test_a_format_that_does_not_exist(tmp_path: Path) -> None:
    """The command line names those there are."""
    done = run("up", str(SHOP), "--log-format=xml", "--port=0", folder=tmp_path)
    assert done.returncode == 2
    assert "json" in done.stderr
