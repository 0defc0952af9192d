"""From files to deployments: what can be deployed, what is refused, and what old code is for."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from lives import until

import flawless
from flawless.engine.settings import Settings


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    """Forget the modules a test has imported, and where they were found."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith("flawless"):
            del sys.modules[name]


def module(folder: Path, name: str, body: str) -> Path:
    """Write a module and return its file."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("from flawless import step, workflow\n" + textwrap.dedent(body))
    return file


def refused(*modules: str | Path) -> flawless.DeploymentInvalid:
    """Return the error an engine refuses modules with."""
    with pytest.raises(flawless.DeploymentInvalid) as caught:
        flawless.Engine(modules=modules).open()
    return caught.value


# --- what is refused ------------------------------------------------------------------------------


def test_syntax_error(tmp_path: Path) -> None:
    """File and line are named."""
    error = refused(module(tmp_path, "bad_syntax.py", "def f(:\n    pass\n"))
    assert "bad_syntax.py:2" in str(error)
    assert "def f(:" in error.traceback


def test_failing_import(tmp_path: Path) -> None:
    """The user's line is shown, and none of the engine's."""
    error = refused(module(tmp_path, "bad_import.py", "import no_such_library\n"))
    assert "no_such_library" in str(error)
    assert "import no_such_library" in error.traceback
    assert "flawless/engine" not in error.traceback


def test_an_error_while_importing(tmp_path: Path) -> None:
    """So it is when the module itself raises."""
    error = refused(module(tmp_path, "bad_value.py", "LIMIT = int('many')\n"))
    assert "ValueError" in str(error)
    assert "LIMIT = int('many')" in error.traceback


def test_a_module_that_fails_only_in_the_guest(tmp_path: Path) -> None:
    """What works natively but not in a guest is refused with the guest's traceback."""
    body = """
        import sys
        if sys.platform != "linux":
            raise RuntimeError("only on Linux")
        @workflow
        def run() -> int: return 1
    """
    error = refused(module(tmp_path, "guest_fails.py", body))
    assert "cannot be loaded in a guest: RuntimeError: only on Linux" in str(error)
    assert "guest_fails.py" in error.traceback


def test_an_effect_while_importing(tmp_path: Path) -> None:
    """A module that sleeps while it is imported is refused: nobody would journal that."""
    body = """
        import time
        time.sleep(0.001)
        @workflow
        def run() -> int: return 1
    """
    assert "imported" in str(refused(module(tmp_path, "sleeps_early.py", body)))


def test_no_workflow(tmp_path: Path) -> None:
    """A module without workflows says what is missing."""
    assert "@workflow" in str(refused(module(tmp_path, "no_workflow.py", "x = 1\n")))


@pytest.mark.parametrize("spec", ["no_such_module_here", "no/such/file.py"])
def test_nothing_there(spec: str) -> None:
    """A name or path that leads nowhere is refused."""
    assert "there is no" in str(refused(spec))


def test_no_modules_at_all() -> None:
    """An engine without modules says how to name one."""
    assert "modules=" in str(refused())


def test_a_file_whose_name_is_no_module(tmp_path: Path) -> None:
    """A file that cannot be imported under its name is refused."""
    assert "no module name" in str(refused(module(tmp_path, "my-app.py", "x = 1\n")))


def test_an_engine_can_be_opened_after_a_refusal(tmp_path: Path) -> None:
    """A refused deployment leaves nothing open: the data can be used at once."""
    good = module(tmp_path, "good_one.py", "@workflow\ndef run() -> int: return 5\n")
    bad = module(tmp_path, "no_workflow_2.py", "x = 1\n")
    with pytest.raises(flawless.DeploymentInvalid):
        flawless.Engine(tmp_path / "t.db", modules=[bad]).open()
    with flawless.Engine(tmp_path / "t.db", modules=[good]) as engine:
        assert engine.start("good_one.run").result(30) == 5


# --- what works -----------------------------------------------------------------------------------


def test_network_libraries_are_not_bundled(tmp_path: Path) -> None:
    """A library that needs sockets stands in at once: steps use it, workflows do not load it."""
    body = """
        import httpx
        from flawless import step, workflow

        client = httpx.Client()

        @step
        def host(url: str) -> str:
            return httpx.URL(url).host

        @workflow
        def asks(url: str) -> str:
            return host(url)

        @workflow
        def fetches(url: str) -> str:
            return client.get(url).text
    """
    with flawless.Engine(modules=[module(tmp_path, "networked.py", body)]) as engine:
        assert engine.start("networked.asks", "http://localhost/").result(30) == "localhost"
        with pytest.raises(flawless.ExecutionFailed, match=r"httpx runs natively.*flawless\.http"):
            engine.start("networked.fetches", "http://localhost/").result(30)


def test_native_libraries_stand_in(tmp_path: Path) -> None:
    """A compiled library works in steps; workflow code that uses it is told to use a step."""
    body = """
        import msgspec
        import native_half

        class Point(msgspec.Struct):
            x: int

        @step
        def pack(x: int) -> bytes:
            return msgspec.json.encode(Point(x)) + native_half.LOW.encode()

        @workflow
        def packs(x: int) -> bytes: return pack(x)

        @workflow
        def cheats(x: int) -> bytes: return msgspec.json.encode(x)
    """
    (tmp_path / "native_half.py").write_text("from msgspec import _core\nLOW = 'low'\n")
    with flawless.Engine(modules=[module(tmp_path, "with_native.py", body)]) as engine:
        assert engine.start("with_native.packs", 3).result(30) == b'{"x":3}low'
        with pytest.raises(flawless.ExecutionFailed) as caught:
            engine.start("with_native.cheats", 3).result(30)
    assert caught.value.type.endswith("NativeOnly")
    assert "msgspec runs natively: call it from a @step" in caught.value.message
    assert "return msgspec.json.encode(x)" in caught.value.traceback


def test_modules_by_path_by_name_and_as_they_are(tmp_path: Path) -> None:
    """A file, a file in a package, a package's name and a module all work, also together."""
    body = "@workflow\ndef run() -> str: return __name__\n"
    module(tmp_path, "pack_a/__init__.py", body)
    module(tmp_path, "pack_a/inner/__init__.py", "WORD = 'inner'\n")
    deep = module(
        tmp_path,
        "pack_a/inner/deep.py",
        "from . import WORD\nfrom .. import run as outer\n\n"
        "@workflow\ndef run() -> str: return __name__ + WORD + outer.name\n",
    )
    plain = module(tmp_path, "plain_file.py", body)
    sys.path.insert(0, str(tmp_path))
    import pack_a  # type: ignore[import-not-found]  # made above

    with flawless.Engine(modules=[deep, plain, "pack_a.inner.deep", pack_a]) as engine:
        assert engine.start("plain_file.run").result(30) == "plain_file"
        expected = "pack_a.inner.deepinnerpack_a.run"
        assert engine.start("pack_a.inner.deep.run").result(30) == expected
        assert engine.start(pack_a.run).result(30) == "pack_a"
    with flawless.Engine(modules=[tmp_path / "pack_a"]) as engine:
        assert engine.start("pack_a.run").result(30) == "pack_a"


PROGRAM = """
from __future__ import annotations
import json, sys
from dataclasses import dataclass
from enum import Enum
import flawless
from flawless import step, workflow

class Size(Enum):
    S = "small"

@dataclass
class Order:
    id: int
    size: Size

class Refused(Exception):
    pass

@step
def weigh(order: Order) -> tuple[Order, int]:
    assert isinstance(order, Order)
    return order, 7

@step(process=True)
def weigh_aside(order: Order) -> Order:
    assert type(order).__name__ == "Order", order
    if order.id == 0:
        raise Refused("zero")
    return order

@workflow
def ship(order: Order) -> tuple[Order, int]:
    assert isinstance(order, Order)
    try:
        weigh_aside(Order(0, Size.S))
    except Refused:
        pass
    same, grams = weigh(weigh_aside(order))
    assert isinstance(same, Order) and same == order
    return same, grams

if __name__ == "__main__":
    with flawless.Engine(modules=[MODULES]) as engine:
        order = Order(4, Size.S)
        run = engine.start(ship, order)
        result = run.result(60)
        assert result == (order, 7) and type(result[0]) is Order, result
        print(json.dumps(run.info().workflow))
"""


@pytest.mark.parametrize(
    ("modules", "command", "name"),
    [
        ("__file__", ["program.py"], "program.ship"),
        ("'program'", ["program.py"], "program.ship"),
        ("sys.modules['__main__']", ["program.py"], "program.ship"),
        ("'box.program'", ["-m", "box.program"], "box.program.ship"),
    ],
)
def test_the_program_itself(tmp_path: Path, modules: str, command: list[str], name: str) -> None:
    """A script is its own module: its classes travel, its steps run, also in worker processes."""
    text = PROGRAM.replace("MODULES", modules)
    (tmp_path / "program.py").write_text(text)
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "__init__.py").write_text("")
    (tmp_path / "box" / "program.py").write_text(text)
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == name


# --- deployments over time ------------------------------------------------------------------------

VERSION = """
    from flawless import sleep
    import helper_{n}
    @workflow
    def run(pause: float) -> str:
        before = helper_{n}.WORD
        sleep(pause)
        import helper_{n} as again
        return before + again.WORD + "{n}"
"""


def test_executions_stay_on_their_deployment(tmp_path: Path) -> None:
    """Old executions go on with the old code, new ones use the new, also without the old files."""
    settings = Settings(evict_after_s=0.0)

    def engine(n: int) -> flawless.Engine:
        (tmp_path / "helper_1.py").unlink(missing_ok=True)
        (tmp_path / f"helper_{n}.py").write_text(f"WORD = 'word{n} '\n")
        file = module(tmp_path, "changing.py", VERSION.format(n=n))
        for name in ("changing", "helper_1", "helper_2"):
            sys.modules.pop(name, None)
        return flawless.Engine(tmp_path / "t.db", modules=[file], settings=settings)

    with engine(1) as first:
        old = first.start("changing.run", 2.0, id="old")
        until(lambda: old.status is flawless.Status.WAITING, "it sleeps")
        first_deployment = old.info().deployment
    with engine(2) as second:
        new = second.start("changing.run", 0.0, id="new")
        assert new.result(30) == "word2 word2 2"
        assert new.info().deployment != first_deployment
        assert second.get("old").result(30) == "word1 word1 1"
        assert second.get("old").info().deployment == first_deployment


def test_same_code_same_deployment(tmp_path: Path) -> None:
    """A deployment is named by its content: engines with the same code share one."""
    file = module(tmp_path, "stable_one.py", "@workflow\ndef run() -> int: return 1\n")
    seen = set()
    for _ in range(2):
        with flawless.Engine(tmp_path / "t.db", modules=[file]) as engine:
            seen.add(engine.health()["deployment"])
    assert len(seen) == 1


@pytest.mark.slow
def test_baked_deployments_run_and_replay(tmp_path: Path) -> None:
    """A baked component runs, is replayed after a restart, and outlives its sources."""
    body = """
        import random
        from dataclasses import dataclass
        from flawless import sleep
        @dataclass
        class Pair:
            a: int
            b: float
        @step
        def double(n: int) -> int: return 2 * n
        @workflow
        def run(n: int) -> Pair:
            chance = random.random()
            first = double(n)
            sleep(1.0)
            assert chance != random.random()
            return Pair(double(first), chance)
    """
    settings = Settings(evict_after_s=0.0)
    file = module(tmp_path, "baked_app.py", body)

    def engine() -> flawless.Engine:
        return flawless.Engine(tmp_path / "t.db", modules=[file], settings=settings, baked=True)

    with engine() as first:
        run = first.start("baked_app.run", 3, id="a")
        until(lambda: run.status is flawless.Status.WAITING, "it sleeps")
        deployment = run.info().deployment
    with engine() as second:  # from the cache
        assert second.health()["deployment"] == deployment
        assert second.get("a").result(30).a == 12
    file.write_text(file.read_text() + "\n\n@workflow\ndef other() -> None: ...\n")
    with flawless.Engine(tmp_path / "t.db", modules=[file]) as third:  # not baked this time
        assert third.health()["deployment"] != deployment
        assert third.start("baked_app.run", 1).result(30).a == 4


def test_a_module_comes_before_a_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a module means the module, though a folder beside it is called so too."""
    (tmp_path / "shipping").mkdir()
    place = tmp_path / "code"
    place.mkdir()
    module(place, "shipping.py", "@workflow\ndef one() -> int: return 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(place))
    with flawless.Engine(modules=["shipping"]) as engine:
        assert engine.start("shipping.one").result(20) == 1
