"""A secret's value is nowhere but in the requests it was meant for."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from urllib.parse import quote

import pytest
import secret_programs
from mirror import mirrors

import flawless

VALUE = 'sk_live_"7%/&+$secret'


def test_no_trace_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Journal, state, response, logs, errors: a search through the data folder finds no value."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("THE_KEY", VALUE)
    with mirrors(1) as (site,):
        where = site.url.removeprefix("http://")
        with flawless.Engine(
            tmp_path / "t.db",
            modules=[secret_programs],
            secrets={"API_KEY": {"hosts": [f"http://{where}"], "env": "THE_KEY"}},
        ) as engine:
            run = engine.start(secret_programs.uses_it, site.url, id="uses")
            result = run.result(30)
            failing = engine.start(secret_programs.fails_with_it, site.url, id="fails")
            with pytest.raises(flawless.ExecutionFailed) as failed:
                failing.result(30)
            told = [
                str(result),
                str(failed.value),
                str(failed.value.error),
                str(run.state()),
                str(run.response(5)),
                *(line.message for one in (run, failing) for line in one.logs()),
                *(repr(entry) for one in (run, failing) for entry in one.journal()),
                caplog.text,
            ]
            assert run.replay().end == run.journal()[-1]
        first = site.seen[0]
        assert first.headers["authorization"].removeprefix("Bearer ") == VALUE
        assert json.loads(first.body) == {"key": VALUE}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    traces = {
        VALUE,
        quote(VALUE, safe=""),
        json.dumps(VALUE)[1:-1],
        base64.b64encode(VALUE.encode()).decode(),
    }
    for trace in traces:
        for text in told:
            assert trace not in text
        for path in files:
            assert trace.encode() not in path.read_bytes(), path
    assert "flawless_secret_" in str(result)
