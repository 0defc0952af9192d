"""The process dies in the middle of an effect: what must not be repeated is not."""

from __future__ import annotations

from pathlib import Path

from lives import Desk, Life, gate, marks, until

import flawless


def test_killed_in_the_middle_of_effects(tmp_path: Path, desk: Desk) -> None:
    """Steps marked at_most_once and POST are interrupted; GET and PUT are sent again, the same."""
    folder = str(tmp_path)
    gate(tmp_path, "step")
    gate(tmp_path, "started")
    requests = {"post": ("POST", False), "get": ("GET", False), "put": ("PUT", False)}
    requests["safe-post"] = ("POST", True)
    with Life(tmp_path) as life:
        life.ask("start", "works_once", "step", folder, "step")
        life.ask("start", "works_once_started", "started", folder, "started")
        for execution, (method, idempotent) in requests.items():
            life.ask("start", "fetches", execution, method, desk.url, idempotent)
        until(lambda: len(desk.seen) == len(requests), "all requests")
        until(lambda: len(marks(tmp_path)) == 2, "both steps")
        life.kill()
    (tmp_path / "step").unlink()
    (tmp_path / "started").unlink()
    desk.answer.set()

    with flawless.Engine(tmp_path / "t.db", modules=["life_programs"]) as engine:
        assert "Interrupted" in engine.get("step").result(30)
        assert engine.get("started").result(30) == "Interrupted"
        assert engine.get("post").result(30) == "Interrupted"
        assert engine.get("get").result(30) == "GET"
        assert engine.get("put").result(30) == "PUT"
        assert engine.get("safe-post").result(30) == "POST"
    assert sorted(marks(tmp_path)) == ["begin started", "begin step", "interrupted"]

    keys: dict[str, list[str | None]] = {}
    for method, key in desk.seen:
        keys.setdefault(method, []).append(key)
    for method in ("GET", "PUT"):
        assert len(keys[method]) == 2
        assert len(set(keys[method])) == 1
        assert None not in keys[method]
    assert len(keys["POST"]) == 3  # the plain one once, the idempotent one twice with one key
    assert len(set(keys["POST"])) == 2


def test_the_workflow_goes_on_after_an_interruption(tmp_path: Path) -> None:
    """An interruption is journaled: a second crash later does not bring it up again."""
    gate(tmp_path, "step")
    with Life(tmp_path) as life:
        life.ask("start", "works_once", "a", str(tmp_path), "step")
        until(lambda: "begin step" in marks(tmp_path), "the step begins")
        life.kill()
    for _ in range(2):
        with flawless.Engine(tmp_path / "t.db", modules=["life_programs"]) as engine:
            assert "life_programs.once" in engine.get("a").result(30)
    assert marks(tmp_path) == ["begin step", "interrupted"]
