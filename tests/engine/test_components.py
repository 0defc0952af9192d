"""Components that the user has built, served: given by path, beside Python, or uploaded."""

from __future__ import annotations

from concurrent.futures import CancelledError
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lives import until

import flawless
from flawless.engine import given, library
from flawless.errors import DeploymentInvalid, InputInvalid, StoreError
from flawless.timetravel import Recording, export_bytes, read_export
from handmade import LAST, component, described, shop, workflow

NOTHING = {"a": [], "k": {}}
ORDER = {"id": 1, "lines": []}


@pytest.fixture
def no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants the Python runtime fails."""

    def refuse(_: Any) -> bytes:
        raise AssertionError("nobody needs the Python runtime here")

    monkeypatch.setattr(library, "build_runtime", refuse)


def put(folder: Path, name: str, content: bytes | str) -> Path:
    """Write a file; return its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def named(name: str, version: str = "1.2.3", **more: Any) -> bytes:
    """Return a component with one workflow, which returns its arguments."""
    return component(described(workflow(name), version=version), **more)


def calling(step: str, name: str = "caller.run") -> bytes:
    """Return a component whose workflow calls a step, and returns how that ended."""
    ask = f'{{"op":"step","id":1,"name":"{step}","args":{{"a":[20],"k":{{}}}}}}'
    return component(described(workflow(name)), LAST, asks=(ask,))


def upload(engine: flawless.Engine, content: bytes, **more: Any) -> tuple[str, bool]:
    """Upload a component."""
    return engine.call(lambda service: service.deploying.component(content, **more))


def current(engine: flawless.Engine) -> dict[str, str]:
    """Return the labels of what serves, by workflow."""
    page, _ = engine.call(lambda service: service.catalogue.page())
    return {name: one.label for one in page for name in one.current}


# --- given ----------------------------------------------------------------------------------------


def test_a_component_is_all_that_is_needed(tmp_path: Path, no_python: None) -> None:
    """It serves, its executions are durable, and it is known as what it says it is."""
    path = put(tmp_path, "hand.wasm", shop())
    with flawless.Engine(tmp_path / "t.db", modules=[path]) as engine:
        run = engine.start("hand.order", ORDER, id="first")
        assert run.result(30) == {"a": [ORDER], "k": {}}
        (listed,), _ = engine.call(lambda service: service.catalogue.page())
        assert (listed.kind, listed.label, listed.uploaded) == ("component", "hand 1.2.3", False)
        assert listed.entry_modules == ["hand"]
        _, made = engine.call(lambda service: service.catalogue.get(listed.id))
        assert (made.manifest.version, made.manifest.language) == ("1.2.3", "wat")
        assert "made_by_hand" in made.manifest.modules[0].source
    with flawless.Engine(tmp_path / "t.db", modules=[str(path)]) as engine:
        assert engine.get("first").result() == {"a": [ORDER], "k": {}}
        (again,), _ = engine.call(lambda service: service.catalogue.page())
        assert again.id == listed.id


def test_python_modules_beside_it_may_hold_nothing_but_steps(
    tmp_path: Path, no_python: None, untouched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They serve natively, and nothing of Python is deployed."""
    steps = put(
        tmp_path,
        "up_steps_file.py",
        "from flawless import step\n\n\n@step\ndef double(n: int) -> int:\n    return 2 * n\n",
    )
    path = put(tmp_path, "caller.wasm", calling("up_steps_file.double"))
    with flawless.Engine(modules=[steps, path]) as engine:
        assert engine.start("caller.run").result(30)["ok"] == 40
        assert list(engine.service.workflows) == ["caller.run"]


def test_python_workflows_and_components_together(tmp_path: Path, untouched: None) -> None:
    """Each runs on its own deployment; a workflow may come from a module that is only imported."""
    put(tmp_path, "up_inner_file.py", "import flawless\n\n\n@flawless.workflow\ndef one(): ...\n")
    outer = put(tmp_path, "up_outer_file.py", "import up_inner_file\n")
    components = [put(tmp_path, f"{name}.wasm", named(f"{name}.run")) for name in ("a", "b")]
    with flawless.Engine(modules=[components[0], outer, components[1]]) as engine:
        assert current(engine) == {
            "up_inner_file.one": "up_outer_file",
            "a.run": "a 1.2.3",
            "b.run": "b 1.2.3",
        }
        assert engine.start("up_inner_file.one").result(30) is None
        assert engine.start("b.run").result(30) == NOTHING


def test_a_crate_is_built_first(
    tmp_path: Path, no_python: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder with its Cargo.toml is given, or that file."""
    from flawless.rust import build

    built: list[Path] = []

    def fake(path: Path, *, progress: Any = None) -> Any:
        built.append(path)
        return SimpleNamespace(wasm=named("crate.run"))

    monkeypatch.setattr(build, "build", fake)
    manifest = put(tmp_path, "Cargo.toml", "[package]\n")
    for spec in (tmp_path, str(manifest)):
        with flawless.Engine(modules=[spec]) as engine:
            assert engine.start("crate.run").result(30) == NOTHING
    assert built == [tmp_path, manifest]


def test_a_name_is_that_of_a_module_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder beside it that is a crate, too, is meant by a path; so is a package with both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    put(tmp_path, "named_twice.py", "")
    for folder in ("named_twice", "named_once", "queue", "mixed_package"):
        (tmp_path / folder).mkdir()
        put(tmp_path / folder, "Cargo.toml", "[package]\n")
    put(tmp_path / "mixed_package", "__init__.py", "")
    modules: list[given.Spec] = [
        "named_twice",
        "mixed_package",
        "./mixed_package",
        tmp_path / "mixed_package",
    ]
    crates: list[str | Path] = ["./named_twice", Path("named_twice"), "named_once", "queue"]
    crates.append("mixed_package/Cargo.toml")
    sorted_out = given.sort_out([*modules, *crates])
    assert sorted_out.modules == modules
    assert sorted_out.components == [Path(one) for one in crates]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ([named("a.run"), named("a.other")], "the module 'a' is in two"),
        ([named("a.run"), named("a.run", version="2")], "the workflow 'a.run' is in two"),
    ],
)
def test_the_same_name_twice(
    tmp_path: Path, no_python: None, contents: list[bytes], words: str
) -> None:
    """Nobody could tell which of them is meant."""
    files = [put(tmp_path, f"{n}.wasm", content) for n, content in enumerate(contents)]
    with pytest.raises(DeploymentInvalid, match=words):
        flawless.Engine(modules=files).open()


def test_files_that_cannot_be_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file."""
    broken = put(tmp_path, "broken.wasm", b"rubbish")
    for path, words in (
        (tmp_path / "missing.wasm", "missing.wasm cannot be read: No such file"),
        (broken, "broken.wasm: this is no WebAssembly"),
    ):
        with pytest.raises(DeploymentInvalid, match=words):
            flawless.Engine(modules=[path]).open()
    monkeypatch.setattr(given, "COMPONENT_BYTES_MAX", 6)
    with pytest.raises(DeploymentInvalid, match=r"broken\.wasm has 7 bytes, the limit"):
        flawless.Engine(modules=[broken]).open()


# --- uploaded -------------------------------------------------------------------------------------


def test_an_upload_serves_and_is_served_again(tmp_path: Path, no_python: None) -> None:
    """New executions run on the latest version, old ones on theirs, also after a restart."""
    first = put(tmp_path, "own.wasm", named("own.run"))
    one = component(
        described(workflow("hand.run"), version="1"),
        asks=('{"op":"receive","id":1,"names":["go"]}', '{"op":"next","until":null}'),
    )
    with flawless.Engine(tmp_path / "t.db", modules=[first]) as engine:
        made, new = upload(engine, one)
        assert new
        assert upload(engine, one) == (made, False)
        waiting = engine.start("hand.run", id="waits")
        later, _ = upload(engine, named("hand.run", version="2"), label="mine")
        assert current(engine) == {"own.run": "own 1.2.3", "hand.run": "mine"}
        assert engine.start("hand.run").result(30) == NOTHING
    with flawless.Engine(tmp_path / "t.db", modules=[]) as engine:
        assert current(engine) == {"hand.run": "mine"}
        assert engine.start("hand.run").info().deployment == later
        waiting = engine.get("waits")
        assert waiting.info().deployment == made
        waiting.send("go")
        assert waiting.result(30) == NOTHING
        listed, _ = engine.call(lambda service: service.catalogue.get(made))
        assert listed.uploaded


def test_an_upload_that_is_only_kept(tmp_path: Path, no_python: None) -> None:
    """It is there for forks that name it, and changes nothing else."""
    own = put(tmp_path, "own.wasm", named("own.run"))
    with flawless.Engine(modules=[own]) as engine:
        engine.start("own.run", id="one").result(30)
        made, new = upload(engine, named("own.run", version="2"), serve=False)
        assert new
        assert current(engine) == {"own.run": "own 1.2.3"}
        fork = engine.fork("one", at=1, deployment=made)
        assert fork.result(30) == NOTHING
        assert fork.info().deployment == made


def test_hosts_are_those_of_the_server(tmp_path: Path, no_python: None) -> None:
    """What was uploaded before the server had a list is held to it."""
    with flawless.Engine(
        tmp_path / "t.db", modules=[put(tmp_path, "own.wasm", named("own.run"))]
    ) as engine:
        upload(engine, named("hand.run"))
    with flawless.Engine(tmp_path / "t.db", modules=[], egress=["example.com"]) as engine:
        run = engine.start("hand.run")
        assert run.result(30) == NOTHING
        _, made = engine.call(lambda service: service.catalogue.get(run.info().deployment))
        assert made.manifest.egress == ["example.com"]


def test_a_refused_upload_leaves_nothing(
    tmp_path: Path, no_python: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what serves nor the store has changed when the store could not keep it."""
    own = put(tmp_path, "own.wasm", named("own.run"))
    with flawless.Engine(modules=[own]) as engine:
        store = engine.service.store

        async def full(_: Any) -> Any:
            raise StoreError("write", "no space", "Make room.", retriable=True)

        with monkeypatch.context() as broken:
            broken.setattr(store, "commit", full)
            with pytest.raises(StoreError):
                upload(engine, named("hand.run"))
        assert current(engine) == {"own.run": "own 1.2.3"}
        upload(engine, named("hand.run"))
        assert engine.start("hand.run").result(30) == NOTHING


def test_an_upload_too_many_is_not_kept(
    tmp_path: Path, no_python: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has no component that nothing runs on."""
    monkeypatch.setattr(library, "UPLOADS_MAX", 1)
    first, second = named("a.run"), named("b.run")
    with flawless.Engine(modules=[put(tmp_path, "own.wasm", named("own.run"))]) as engine:
        upload(engine, first)
        with pytest.raises(InputInvalid, match="1 uploads serve already"):
            upload(engine, second)
        kept = [sha256(content).hexdigest() for content in (first, second)]
        blobs = [engine.call(lambda service, one=one: service.store.blob(one)) for one in kept]
        assert blobs == [first, None]


# --- what else is done to executions --------------------------------------------------------------


def test_executions_are_evicted_replayed_forked_and_exported(
    tmp_path: Path, no_python: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it asks nothing of a guest but that it does the same again."""
    asks = (
        '{"op":"clock"}',
        '{"op":"log","level":20,"logger":"hand","message":"hello"}',
        '{"op":"receive","id":1,"names":["go"]}',
        '{"op":"next","until":null}',
    )
    waits = put(tmp_path, "hand.wasm", component(described(workflow("hand.run")), LAST, asks=asks))
    settings = flawless.Settings(evict_after_s=0.0)
    with flawless.Engine(tmp_path / "t.db", modules=[waits], settings=settings) as engine:
        run = engine.start("hand.run", id="run")
        until(lambda: run.status is flawless.Status.WAITING, "it waits")
        fork = engine.fork("run", at=2, id="fork")
        for one in (run, fork):
            one.send("go", {"by": one.id})
            assert one.result(30)["ok"]["payload"] == {"by": one.id}
        replayed = engine.call(lambda service: service.replay("run"))
        assert replayed.end is not None
        assert [line.message for line in run.logs()] == ["hello"]
        content = export_bytes(Recording.of(run), now_us=0)
    monkeypatch.setenv("FLAWLESS_CACHE", str(tmp_path / "cache"))  # another machine
    recording = read_export(content)
    assert recording.replay().end == replayed.end


def test_closing_gives_up_what_is_compiled(tmp_path: Path, no_python: None) -> None:
    """A component that keeps the compiler busy holds up nobody: no start, and no end."""
    loops = "(loop (br_if 0 (i32.eqz (local.get $at))))" * 30_000
    slow = component(described(workflow("slow.run")), f"{loops} (i32.const 0)")
    own = put(tmp_path, "own.wasm", named("own.run"))
    with flawless.Engine(modules=[own]) as engine:
        future = engine.submit(lambda service: service.deploying.component(slow))
        assert engine.start("own.run").result(30) == NOTHING
        assert not future.done()
    with pytest.raises((CancelledError, flawless.EngineStopped)):
        future.result(30)
