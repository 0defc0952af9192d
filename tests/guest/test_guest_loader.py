"""How the user's modules, and the libraries they import, get into a guest."""

from __future__ import annotations

import base64
import marshal
from typing import Any

from guest_scripts import Guests, Script, app, main, source


def test_modules_of_the_user_import_each_other(guests: Guests) -> None:
    """Packages, relative imports and names of modules are as they are natively."""
    modules = {
        "shop": "from .orders import make\nfrom . import prices\n",
        "shop.orders": "from shop.prices import PRICE\n"
        "def make(): return __name__, PRICE, __file__",
        "shop.prices": "PRICE = 5\n",
    }
    body = "import shop\n" + main("return shop.make(), shop.prices.PRICE, shop.__path__")
    assert guests.ok(body, script=Script(modules)) == (
        ("shop.orders", 5, "shop/orders.py"), 5, ["shop"],
    )  # fmt: skip


def test_each_module_is_asked_for_once(guests: Guests) -> None:
    """The engine is asked for a module by its name, and never for the standard library."""
    script = Script({"other": "import json, decimal\nx = 1"})
    guests.ok("import other, json, decimal\nfrom other import x\n" + main(), script=script)
    assert [request["name"] for request in script.asked("load")] == ["app", "other"]


def test_a_described_module_loads_from_its_code(guests: Guests) -> None:
    """What `describe` compiled is loaded without compiling, with the same tracebacks."""
    script = app("import other\n" + main("return other.double(4)"), Script({}))
    script.modules["other"] = "def double(x):\n    return 2 * x\n"
    described = guests.describe(script)
    compiled: dict[str, Any] = {m["name"]: {"kind": "code", **m} for m in described["modules"]}
    assert list(compiled) == ["app", "other"]
    assert guests.run(Script(compiled)) == {"ok": 8}

    wrong = Script(compiled)
    wrong.modules["other"] = {**compiled["other"], "code": base64.b64encode(b"?").decode()}
    assert "error" in guests.run(wrong)


def test_a_traceback_asks_for_the_source_of_compiled_modules(guests: Guests) -> None:
    """A module loaded as code shows its lines in tracebacks: they are asked for then."""
    text = app(main("return 1 / 0")).modules["app"]
    described = guests.describe(Script({"app": text}))
    script = Script({m["name"]: {"kind": "code", **m} for m in described["modules"]})
    script._source = lambda asked: {"source": text}  # type: ignore[method-assign]  # as the engine has it
    error = guests.run(script)["error"]
    assert "return 1 / 0" in error["traceback"]
    assert error["frames"][-1]["text"] == "return 1 / 0"


def test_imports_inside_functions_are_bundled(guests: Guests) -> None:
    """`describe` finds modules that are imported later, and compiles them without running them."""
    modules = {
        "later": "import later_too\nraise RuntimeError('not yet')",
        "later_too": "x = 1",
        "lib": source(
            "lib/__init__.py", "def use():\n    from . import part\n    import elsewhere"
        ),
        "lib.part": source("lib/part.py", "from .deep import y"),
        "lib.deep": source("lib/deep.py", "y = 2"),
        "elsewhere": source("elsewhere.py", "z = 3"),
        "hints": "h = 4",
    }
    body = "import lib\nfrom typing import TYPE_CHECKING\n" + main(
        "import later", "if TYPE_CHECKING: import hints", "from nowhere import nothing"
    )
    described = guests.describe(app(body, Script(modules)))
    lazy = {m["name"]: m["lazy"] for m in described["modules"]}
    assert lazy == {
        "app": False, "lib": False, "later": True, "later_too": True, "lib.part": True,
        "lib.deep": True,
    }  # fmt: skip


def test_errors_in_modules_of_the_user_are_errors(guests: Guests) -> None:
    """A failing import of the user's module fails the start, with the line that failed."""
    script = app("import other\n", Script({"other": "x = 1\nraise ValueError('mine')\n"}))
    error = guests.run(script)["error"]
    assert (error["type"], error["message"]) == ("ValueError", "mine")
    assert 'File "other.py", line 2, in <module>\n    raise ValueError' in error["traceback"]


def test_a_syntax_error_shows_its_line(guests: Guests) -> None:
    """A module that does not compile is a `SyntaxError` with the user's file and text."""
    error = guests.run(Script({"app": "x = 1\ndef f(:\n"}))["error"]
    assert error["type"] == "SyntaxError"
    assert 'File "app.py", line 2\n    def f(:' in error["traceback"]


def test_a_module_that_is_not_there(guests: Guests) -> None:
    """The workflow's own module must be there, and must not be native."""
    assert guests.run(Script({}))["error"]["type"] == "ModuleNotFoundError"
    native_app = {"app": {"kind": "native", "reason": "compiled"}}
    assert guests.run(Script(native_app))["error"]["type"] in {
        "DeploymentInvalid",
        "ModuleNotFoundError",
    }


def test_an_unknown_workflow_names_the_known_ones(guests: Guests) -> None:
    """A workflow that the modules do not have is `WorkflowNotFound`."""
    error = guests.run(app(main("return 1")), workflow="app.other")["error"]
    assert error["type"] == "WorkflowNotFound"
    assert "app.main" in error["message"]


def test_two_workflows_of_one_name_are_refused(guests: Guests) -> None:
    """The second workflow of a name is an error where it is defined."""
    body = main("return 1") + "@workflow(name='app.main')\ndef other(): ...\n"
    assert "two workflows are named 'app.main'" in guests.run(app(body))["error"]["message"]


def test_a_newer_protocol_is_refused(guests: Guests) -> None:
    """A guest that does not know the engine's protocol says so."""
    output = guests.ask("describe", app(main()), {"modules": ["app"], "protocol": 2})
    assert "protocol 2" in output["error"]["message"]


def test_data_files_and_metadata_are_missing_politely(guests: Guests) -> None:
    """Resources and metadata of distributions are reported missing in the standard way."""
    text = (
        "import importlib.metadata, importlib.resources, pkgutil\n"
        "try: version = importlib.metadata.version('lib')\n"
        "except importlib.metadata.PackageNotFoundError: version = 'unknown'\n"
        "try: data = pkgutil.get_data('lib', 'data.txt')\n"
        "except OSError: data = 'none'\n"
        "try: text = importlib.resources.files('lib').joinpath('data.txt').read_text()\n"
        "except OSError: text = 'none'\n"
        "points = list(importlib.metadata.entry_points(group='x'))\n"
    )
    body = "import lib\n" + main("return lib.version, lib.data, lib.text, lib.points")
    script = Script({"lib": source("lib/__init__.py", text)})
    assert guests.ok(body, script=script) == ("unknown", "none", "none", [])


def test_marshalled_code_is_that_of_the_guests_python(guests: Guests) -> None:
    """The code in `describe` is base64 of marshal data, not of source text."""
    described = guests.describe(app(main("return 1")))
    data = base64.b64decode(described["modules"][0]["code"])
    assert data[:1] == bytes([marshal.dumps(main.__code__)[0]])
