"""Where CPython's own tests come from: Debian's packages, fetched by name and kept in the cache.

They are those of Python 3.11, the newest that a Debian 12 has; guests run Python 3.14. What changed
between the two is in `expected.toml`. Some tests import a module a second time; a guest has
no files to do that from, so its standard library's sources are taken out of componentize-py here.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import importlib.metadata
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from flawless.wasm import CacheFolder, python_runtime

RELEASE = "3.11"
PACKAGES = (f"libpython{RELEASE}-testsuite", f"libpython{RELEASE}-stdlib")
FOLDER = f"./usr/lib/python{RELEASE}/test/"
KEPT = (
    "__init__.py",
    "support/*.py",
    "*_tests.py",  # what several tests share
    "dataclass_*.py",
    "datetimetester.py",
    "test_collections.py",
    "test_dataclasses.py",
    "test_datetime.py",
    "test_decimal.py",
    "test_defaultdict.py",
    "test_deque.py",
    "test_heapq.py",
    "test_json/*.py",
    "test_ordered_dict.py",
    "test_random.py",
    "test_userdict.py",
    "test_userlist.py",
    "test_userstring.py",
    "decimaltestdata/*.decTest",
    "*.pck",
)
IMPORTED_AFRESH = (
    "_pydatetime",
    "_pydecimal",
    "_strptime",
    "collections",
    "datetime",
    "decimal",
    "fractions",
    "heapq",
    "json",
    "json.decoder",
    "json.encoder",
    "json.scanner",
    "random",
)
SECONDS_MAX = 300.0


class Unavailable(Exception):
    """The tests cannot be fetched on this machine; the message says what is needed."""


@dataclass(frozen=True, slots=True)
class Suite:
    """CPython's tests as files below `Lib/test`, and the guest's own modules by name."""

    files: dict[str, bytes] = field(repr=False)
    stdlib: dict[str, str] = field(repr=False)


def load(cache: CacheFolder) -> Suite:
    """Return the tests, fetched if this machine does not have them yet (5 MB).

    Raises:
        Unavailable: there is no apt-get, or its sources do not have the packages.
    """
    recipe = hashlib.sha256(repr((PACKAGES, KEPT)).encode()).hexdigest()[:16]
    held = cache.get_or_make("cpython-tests", recipe, _fetch)
    with zipfile.ZipFile(held) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return Suite(files, _stdlib(cache))


def _fetch() -> bytes:
    missing = [program for program in ("apt-get", "dpkg-deb") if not shutil.which(program)]
    if missing:
        raise Unavailable(f"this needs {missing[0]}, to fetch Debian's {' and '.join(PACKAGES)}")
    with tempfile.TemporaryDirectory(prefix="cpython-tests-") as name:
        folder = Path(name)
        _download(folder)
        kept = io.BytesIO()
        with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
            for package in sorted(folder.glob("*.deb")):
                for path, content in sorted(_unpacked(package).items()):
                    archive.writestr(path, content)
        return kept.getvalue()


def _download(folder: Path) -> None:
    if _run(["apt-get", "download", *PACKAGES], folder).returncode == 0:
        return
    # The machine has no list of packages yet, or an old one. With a list of our own nobody has to
    # be root, and the machine's stays as it is.
    state, archives = folder / "state", folder / "archives"
    for place in (state / "lists" / "partial", archives / "archives" / "partial"):
        place.mkdir(parents=True)
    options = ["-o", f"Dir::State={state}", "-o", f"Dir::Cache={archives}"]
    updated = _run(["apt-get", *options, "update"], folder)
    fetched = _run(["apt-get", *options, "download", *PACKAGES], folder)
    if fetched.returncode != 0:
        said = "\n".join(done.stderr.decode("utf-8", "replace") for done in (updated, fetched))
        raise Unavailable(
            f"apt-get cannot fetch {' and '.join(PACKAGES)}, which Debian 12 has: {said.strip()}"
        )


def _unpacked(package: Path) -> dict[str, bytes]:
    listed = _run(["dpkg-deb", "--fsys-tarfile", str(package)], package.parent)
    if listed.returncode != 0:
        raise Unavailable(f"dpkg-deb cannot unpack {package.name}: {listed.stderr.decode()}")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(listed.stdout)) as archive:
        for member in archive:
            path = member.name.removeprefix(FOLDER)
            wanted = path != member.name and any(fnmatch.fnmatch(path, kept) for kept in KEPT)
            if wanted and (content := archive.extractfile(member)):
                found[path] = content.read()
    return found


def _stdlib(cache: CacheFolder) -> dict[str, str]:
    version = importlib.metadata.version("componentize-py")
    key = hashlib.sha256(repr((version, IMPORTED_AFRESH)).encode()).hexdigest()[:16]
    held = cache.get_or_make("cpython-stdlib", key, _stdlib_sources)
    sources: dict[str, str] = json.loads(held.read_bytes())
    return sources


def _stdlib_sources() -> bytes:
    # While a component is built its top level runs in the guest's Python, with the standard
    # library's files below /python. The build ends with what it raises, and shows that.
    program = f"""
        import base64, json, os, zlib
        found = {{}}
        for name in {IMPORTED_AFRESH!r}:
            path = "/python/" + name.replace(".", "/")
            with open(path + "/__init__.py" if os.path.isdir(path) else path + ".py") as file:
                found[name] = file.read()
        packed = base64.b64encode(zlib.compress(json.dumps(found).encode()))
        raise SystemError("<" + packed.decode() + ">")
    """
    with tempfile.TemporaryDirectory(prefix="cpython-stdlib-") as name:
        folder = Path(name)
        (folder / "sources.py").write_text(textwrap.dedent(program))
        componentize = "import sys; from componentize_py import script; sys.exit(script())"
        done = _run(
            [sys.executable, "-I", "-c", componentize, "--quiet", "--world", "workflow",
             "--wit-path", str(python_runtime.wit_file()), "componentize", "--python-path", name,
             "--output", str(folder / "component.wasm"), "sources"],
            folder,
        )  # fmt: skip
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    packed = re.search(r"SystemError: <([A-Za-z0-9+/=]+)>", said)
    assert packed, f"componentize-py did not show the sources: {said[-2000:]}"
    return zlib.decompress(base64.b64decode(packed[1]))


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
    )
