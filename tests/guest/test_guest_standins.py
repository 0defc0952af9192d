"""Libraries that run natively only: inert while modules are imported, an error once really used."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import Guests, Script, app, main, native, source

LIBRARIES: dict[str, Any] = {
    "numpy": native("it needs numpy._core"),
    "numba": native(),
    "fastapi": source("fastapi/__init__.py", "from fastapi.routing import route\nimport pydantic"),
    "fastapi.routing": source("fastapi/routing.py", "def route(): pass"),
    "pydantic": source("pydantic/__init__.py", "import pydantic_core"),
    "pydantic_core": native(),
    "pandas": source(
        "pandas/__init__.py",
        "try:\n    import numpy\nexcept ImportError:\n    raise RuntimeError('numpy is required')",
    ),
}

MODULE = """
import abc, ctypes, ssl
from typing import Generic, Optional, TypeVar
import numpy as np, pandas, numba
import numpy.linalg as la
from numpy.typing import NDArray
from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field
from flawless import Engine, idempotency_key

T = TypeVar("T")
web = FastAPI(title="x")
TWO_PI = np.pi * 2
CONTEXT = ssl.create_default_context()
if np.cuda.is_available() or np.__version__ > "2":
    raise RuntimeError("a stand-in is not true")
for _ in np.arange(3):
    raise RuntimeError("a stand-in has no items")
with np.errstate(all="ignore") as state:
    pass

@web.get("/route")
def route(a=Depends(lambda: 3)): return "route"
@web.on_event
def event(): return "event"
@numba.jit(nopython=True)
def fast(x): return x + 1
class Model(BaseModel):
    a: int = Field(3, gt=2)
class Table(BaseModel, table=True): pass
class Error(np.Error): pass
class Dict(np.Base, dict): pass
class Typed(np.Base, Generic[T]): pass
class Abstract(np.Base, abc.ABC): pass
class Child(Model, np.Mixin): pass
@web.model
class Plain:
    x = 5
settings = Model()
def typed(x: np.ndarray | None, y: Optional[NDArray[int]], z: "np.T") -> list[np.ndarray]: ...
"""


def script() -> Script:
    """Return a script with native libraries."""
    return Script(dict(LIBRARIES))


def test_modules_with_native_libraries_load(guests: Guests) -> None:
    """Decorators, base classes, calls, generics and unions at import time all pass."""
    body = MODULE + main(
        "return route(), event(), fast(1), Plain.x, type(Plain()) is Plain, "
        "isinstance(3, np.ndarray), issubclass(int, Model), issubclass(Child, Model)"
    )
    assert guests.ok(body, script=script()) == (
        "route", "event", 2, 5, True, False, False, True
    )  # fmt: skip


@pytest.mark.parametrize(
    ("use", "path"),
    [
        ("np.array([1])", "numpy.array"),
        ("la.norm([1])", "numpy.linalg.norm"),
        ("np.random.default_rng().normal()", "numpy.random.default_rng"),
        ("Model(a=1)", "pydantic.BaseModel"),
        ("Model.model_validate({})", "pydantic.BaseModel.model_validate"),
        ("Error('x')", "numpy.Error"),
        ("Dict()", "numpy.Base"),
        ("Typed()", "numpy.Base"),
        ("bool(TWO_PI)", "numpy.pi"),
        ("TWO_PI + 1", "numpy.pi"),
        ("1 + TWO_PI", "numpy.pi"),
        ("-np.x", "numpy.x"),
        ("[*np.x]", "numpy.x"),
        ("len(np.x)", "numpy.x"),
        ("int(np.x)", "numpy.x"),
        ("np.x < 3", "numpy.x"),
        ("3 in np.x", "numpy.x"),
        ("str(np.x)", "numpy.x"),
        ("f'{np.x}'", "numpy.x"),
        ("np.x['a'].b()", "numpy.x.b"),
        ("settings.debug()", "pydantic.BaseModel().debug"),
        ("web.run()", "fastapi.FastAPI().run"),
        ("pandas.DataFrame()", "pandas.DataFrame"),
        ("ctypes.CDLL('x')", "ctypes.CDLL"),
        ("CONTEXT.wrap_socket()", "ssl.create_default_context().wrap_socket"),
        ("setattr(np.random, 'seed', 3)", "numpy.random.seed"),
        ("charge(np.pi)", "numpy.pi"),
        ("web.get('/x')(route)", "fastapi.FastAPI().get"),
        ("(_ for _ in ()).throw(Error)", "numpy.Error"),
    ],
)
def test_real_use_is_an_error_that_names_the_path(guests: Guests, use: str, path: str) -> None:
    """What workflow code does with a stand-in is `NativeOnly` with the dotted path."""
    error = guests.error(MODULE + main(f"return {use}"), script=script())
    assert error["type"] == "NativeOnly", error["traceback"]
    library = path.partition(".")[0]
    assert error["message"].startswith(
        f"{library} runs natively: call it from a @step (the workflow used {path})"
    )


def test_awaiting_a_stand_in_is_an_error(guests: Guests) -> None:
    """`await` and `async with` are uses like any other."""
    body = "import numpy as np\n@workflow\nasync def main():\n    await np.x\n"
    assert guests.error(body, script=script())["type"] == "NativeOnly"


def test_names_of_the_engine_are_stand_ins_too(guests: Guests) -> None:
    """`from flawless import Engine` does no harm; using it in a workflow is an error."""
    error = guests.error(MODULE + main("Engine('x')"), script=script())
    assert error["message"].startswith("flawless.Engine belongs to the engine")


def test_except_clauses_with_stand_ins(guests: Guests) -> None:
    """An `except` clause with a native library's exception never matches, and never breaks."""
    body = MODULE + main(
        "try: raise KeyError('k')",
        "except np.Error: return 'wrong'",
        "except (np.linalg.LinAlgError, KeyError) as error: return 'right'",
    )
    assert guests.ok(body, script=script()) == "right"


def test_the_reason_is_told(guests: Guests) -> None:
    """The error says why the library cannot run here."""
    error = guests.error(MODULE + main("pandas.DataFrame()"), script=script())
    assert "RuntimeError: numpy is required" in error["message"]
    error = guests.error(MODULE + main("np.array()"), script=script())
    assert "It needs numpy._core" in error["message"]


def test_a_library_that_fails_leaves_nothing_behind(guests: Guests) -> None:
    """When a library fails half-way, its modules are gone and only the stand-in is told."""
    described = guests.describe(app(MODULE + main("return 1"), script()))
    assert set(described["standins"]) >= {"numpy", "numpy.linalg", "pandas", "fastapi", "pydantic"}
    names = {module["name"] for module in described["modules"]}
    assert not names & {"fastapi", "fastapi.routing", "pandas", "pydantic"}


def test_libraries_see_native_ones_as_missing(guests: Guests) -> None:
    """A library's import of a native one fails, so its pure fall-back works, whoever came first."""
    text = (
        "try:\n    from ._speedups import name\nexcept ImportError:\n    name = 'pure'\n"
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n"
        "def later():\n    try:\n        import numpy\n    except ImportError: return 'missing'\n"
    )
    modules = {"numpy": native(), "lib": source("lib/__init__.py", text), "lib._speedups": native()}
    body = "import numpy, lib\n" + main("return lib.name, lib.numpy, lib.later()")
    assert guests.ok(body, script=Script(modules)) == ("pure", None, "missing")


def test_libraries_get_stand_ins_for_missing_parts_of_the_standard_library(guests: Guests) -> None:
    """bz2, ssl, ctypes and the like are imported by many libraries that hardly use them."""
    modules = {
        "lib": source("lib.py", "import bz2, ssl, mmap\ndef pack(x): return bz2.compress(x)")
    }
    body = "import lib\n" + main("lib.pack(b'')")
    assert guests.error(body, script=Script(modules))["message"].startswith("bz2 runs natively")


@pytest.mark.parametrize("name", ["_lzma", "winreg", "msvcrt", "_ssl"])
def test_accelerators_and_other_platforms_stay_missing(guests: Guests, name: str) -> None:
    """What a native Python on another machine would not have either is an `ImportError`."""
    body = f"try:\n    import {name}\nexcept ImportError:\n    found = 'missing'\n"
    assert guests.ok(body + main("return found")) == "missing"


def test_a_missing_library_is_missing(guests: Guests) -> None:
    """What is not installed natively either is an `ImportError`, so optional imports work."""
    body = "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None\n"
    assert guests.ok(body + main("return nowhere")) is None


def test_a_native_submodule_of_a_library(guests: Guests) -> None:
    """If only a submodule is native, the rest of the library goes on working."""
    modules = {"lib": source("lib/__init__.py", "x = 1"), "lib.fast": native("compiled")}
    body = "import lib\nfrom lib import fast\n" + main(
        "try: fast.run()", "except flawless.NativeOnly as error: return lib.x, error.path"
    )
    assert guests.ok(body, script=Script(modules)) == (1, "lib.fast.run")
