"""Components with the user's modules baked in: the same behaviour, with nothing to import."""

from __future__ import annotations

import json

import pytest
from guest_scripts import HEAD, Guests, Script, main, native, source

from flawless.wasm import CacheFolder, Component
from flawless.wasm.python_runtime import APP, BUNDLE, componentize, guest_files

pytestmark = pytest.mark.sweep("baked guests")

MODULE = (
    "import numpy, random, uuid\nimport helper, lib\nprint('importing')\n"
    + HEAD
    + """
STARTED = datetime.datetime.now()
RANDOM = random.Random(1)

@dataclasses.dataclass
class Order:
    id: int
"""
    + main(
        "if args and args[0] == 'native': numpy.array([1])",
        "if args and args[0] == 'fail': return 1 / 0",
        "if args and args[0] == 'lazy': import later; return later.x",
        "first = random.random(), str(uuid.uuid4())",
        "order = charge(Order(7))",
        "time.sleep(5); logging.info('done'); print('printed')",
        "return order[0], helper.x, lib.fast, RANDOM.random(), list(first)",
    )
)
MODULES = {
    "app": source("app.py", MODULE, user=True),
    "helper": source("helper.py", "x = 1", user=True),
    "lib": source(
        "lib.py", "try:\n    import numpy\n    fast = 1\nexcept ImportError:\n    fast = 0"
    ),
    "numpy": native("it is compiled"),
}


@pytest.fixture(scope="module")
def baked() -> Guests:
    """Guests of a component with `MODULES` in it, as `python_runtime.bake` builds it."""
    text = json.dumps({"modules": ["app"], "load": MODULES})
    bundle = f"import json\n\nBUNDLE = json.loads({text!r})\n".encode()
    cache = CacheFolder()
    content = componentize(guest_files() | {f"{BUNDLE}.py": bundle}, APP, cache=cache)
    return Guests(Component.load(content, cache=cache))


def test_baked_and_loaded_ask_the_same(guests: Guests, baked: Guests) -> None:
    """Apart from loading, a baked workflow asks and answers what a loaded one does."""
    one, two = Script(dict(MODULES)), Script({})
    assert baked.run(two) == guests.run(one)
    assert two.requests == one.requests[len(one.asked("load")) :]
    assert two.asked("load") == []
    assert two.logs == [(20, "root", "done"), (20, "print", "printed")]


def test_a_baked_guest_draws_its_own_random_numbers(baked: Guests) -> None:
    """The state of `random` is not that of the snapshot: it comes from the execution's seed."""
    drawn = [baked.run(Script({}, seed=seed))["ok"]["v"][4] for seed in (b"a", b"a", b"b")]
    assert drawn[0] == drawn[1]
    assert all(one != two for one, two in zip(drawn[0], drawn[2], strict=True))


def test_baked_stand_ins(baked: Guests) -> None:
    """A library that was native when the component was built stays a stand-in."""
    error = baked.run(Script({}), "native")["error"]
    assert (error["type"], "numpy.array" in error["message"]) == ("NativeOnly", True)


def test_tracebacks_of_baked_modules(baked: Guests) -> None:
    """A baked module shows file, line and source text."""
    error = baked.run(Script({}), "fail")["error"]
    assert error["frames"][-1]["file"] == "app.py"
    assert error["frames"][-1]["text"] == "if args and args[0] == 'fail': return 1 / 0"


def test_modules_imported_later_are_asked_for(baked: Guests) -> None:
    """What was not imported when the component was built comes from the engine."""
    script = Script({"later": "x = 5"})
    assert baked.run(script, "lazy") == {"ok": 5}
    assert [request["name"] for request in script.asked("load")] == ["later"]


def test_a_baked_component_describes_itself(guests: Guests, baked: Guests) -> None:
    """`describe` tells the same of baked modules, code included."""
    assert baked.describe(Script({})) == guests.describe(Script(dict(MODULES)))
