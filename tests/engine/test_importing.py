"""Importing an upload beside code that runs."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from uploading import HEAD, deploy, version

import flawless
from flawless.engine import catalogue, imports
from flawless.engine.imports import Imported, import_apart
from flawless.engine.layers import Layers
from flawless.errors import DeploymentInvalid

pytestmark = pytest.mark.usefixtures("untouched")

WAIT_S = 30.0
MEET = "import sys\nif 'up_file_meeting' in sys.modules: sys.modules['up_file_meeting'].meet()\n"

ASKING = """
def loaded():
    import up_help
    return up_help.NUMBER

def loaded_attribute():
    from up_help import NUMBER
    return NUMBER

def inside_a_package():
    import up_pack.part as part
    from up_pack import part as same
    assert part is same
    return part.NUMBER + part.from_beside()

def late():
    from up_late import NUMBER
    return NUMBER

import up_help
import up_pack.part
"""


class Meeting:
    """Where an import waits, in the engine's process, until a test lets it go on."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def meet(self) -> None:
        """Wait; what is imported calls this."""
        self.begun.set()
        self.go_on.wait(WAIT_S)


@pytest.fixture
def meeting(untouched: None) -> Iterator[Meeting]:
    """A meeting that uploaded modules find."""
    module: Any = ModuleType("up_file_meeting")
    made = Meeting()
    module.meet = made.meet
    sys.modules["up_file_meeting"] = module
    yield made
    made.go_on.set()
    for thread in threading.enumerate():
        if thread.name == "flawless-import":
            thread.join(WAIT_S)


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begin work in a thread; the answer waits for the outcome."""
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(work())
        except Exception as error:
            got.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def outcome() -> Any:
        thread.join(WAIT_S)
        assert not thread.is_alive()
        return got[0]

    return outcome


def write(folder: Path, n: int, first: str = "") -> tuple[Path, frozenset[str]]:
    """Write an upload whose modules are of version `n`."""
    files = {
        "up_asks.py": first + ASKING,
        "up_help.py": f"NUMBER = {n}\n",
        "up_late.py": f"NUMBER = {n}\n",
        "up_pack/__init__.py": "",
        "up_pack/part.py": (
            f"NUMBER = {n}\n\ndef from_beside():\n    from . import beside\n"
            "    return beside.NUMBER\n"
        ),
        "up_pack/beside.py": f"NUMBER = {n}\n",
    }
    for path, text in files.items():
        file = folder / str(n) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / str(n), frozenset({"up_asks", "up_help", "up_late", "up_pack"})


@pytest.fixture
def layers() -> Iterator[Layers]:
    """Layers that are withdrawn at the end."""
    made = Layers()
    yield made
    made.withdraw()


def test_running_code_imports_what_serves(tmp_path: Path, meeting: Meeting, layers: Layers) -> None:
    """In the midst of an import, statements of other code get the modules that serve."""
    whole = builtins.__import__
    first = import_apart(*write(tmp_path, 1), ["up_asks"])
    layers.show([], [first])
    asks: Any = first.modules["up_asks"]
    coming = in_thread(lambda: import_apart(*write(tmp_path, 2, MEET), ["up_asks"]))
    assert meeting.begun.wait(WAIT_S)
    assert builtins.__import__ is not whole
    assert asks.loaded() == 1
    assert asks.loaded_attribute() == 1
    late = in_thread(asks.late)
    package = in_thread(asks.inside_a_package)
    meeting.go_on.set()
    second = coming()
    assert isinstance(second, Imported)
    assert (late(), package()) == (1, 2)
    assert builtins.__import__ is whole
    new: Any = second.modules["up_asks"]
    assert second.modules["up_help"].NUMBER == 2
    assert sys.modules["up_asks"] is asks
    layers.show([], [first, second])
    assert (new.loaded(), new.late(), new.inside_a_package()) == (2, 2, 4)


def test_threads_of_an_upload_import_its_own(tmp_path: Path, layers: Layers) -> None:
    """A thread that an upload starts while it is imported gets the upload's modules."""
    layers.show([], [import_apart(*write(tmp_path, 1), ["up_asks"])])
    thread = (
        "import threading\ngot = []\n"
        "def look():\n    from up_help import NUMBER\n    got.append(NUMBER)\n"
        "thread = threading.Thread(target=look)\nthread.start()\nthread.join(20)\n"
    )
    second = import_apart(*write(tmp_path, 2, thread), ["up_asks"])
    assert second.modules["up_asks"].got == [2]


def test_an_import_that_blocks_in_the_engine_is_given_up(
    served: flawless.Engine, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused, others can be uploaded, and when it goes on one day nothing changes."""
    deploy(served, {"up_shop.py": version(1)})
    with monkeypatch.context() as patched:
        patched.setattr(imports, "IMPORT_S_MAX", 0.5)
        with pytest.raises(DeploymentInvalid, match=r"longer than 0\.5 s"):
            deploy(served, {"up_shop.py": version(2) + "\n\n" + MEET})
    assert meeting.begun.is_set()
    shop = sys.modules["up_shop"]
    assert served.start("up_shop.run").result(30) == (1, 1)
    deploy(served, {"up_desk.py": version(3)})
    left = [thread for thread in threading.enumerate() if thread.name == "flawless-import"]
    assert left
    meeting.go_on.set()
    for thread in left:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert sys.modules["up_shop"] is shop
    assert served.start("up_shop.run").result(30) == (1, 1)
    assert served.start("up_desk.run").result(30) == (3, 3)
    deploy(served, {"up_shop.py": version(4)})
    assert served.start("up_shop.run").result(30) == (4, 4)


def test_a_manifest_is_decoded_once(
    served: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists of deployments keep what they show of each; old ones make way for others."""
    deploy(served, {"up_shop.py": version(1)})
    decoded: list[bytes] = []
    whole = catalogue.msgspec.json.decode

    def decode(text: bytes, **options: Any) -> Any:
        decoded.append(text)
        return whole(text, **options)

    monkeypatch.setattr(catalogue.msgspec.json, "decode", decode)
    first = served.call(lambda service: service.catalogue.page())
    assert len(decoded) == 2
    assert served.call(lambda service: service.catalogue.page()) == first
    assert len(decoded) == 2
    monkeypatch.setattr(catalogue, "OUTLINES_MAX", 1)
    deploy(served, {"up_desk.py": HEAD + "@workflow\ndef run() -> int: return 1\n"})
    decoded.clear()
    for _ in range(2):
        assert len(served.call(lambda service: service.catalogue.page())[0]) == 3
    assert len(decoded) > 1
