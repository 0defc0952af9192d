"""Imports the standard library while the component is built.

At run time there is no file system, so a module that was not imported before the snapshot cannot be
imported at all. Its memory costs nothing until it is touched: guests share the snapshot.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from collections.abc import Iterator

_TOP_SKIPPED = frozenset(
    [
        "__main__",
        "_aix_support",
        "_android_support",
        "_apple_support",
        "_ios_support",
        "_osx_support",
        "_pyrepl",
        "antigravity",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "site",
        "test",
        "this",
        "tkinter",
        "turtle",
        "turtledemo",
        "venv",
    ]
)
_PACKAGES_LEFT_OUT = ("encodings", "multiprocessing.dummy", "unittest.__main__")
_ENCODINGS = [
    "aliases",
    "ascii",
    "base64_codec",
    "big5",
    "charmap",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp437",
    "cp850",
    "euc_jp",
    "euc_kr",
    "gb18030",
    "gb2312",
    "gbk",
    "hex_codec",
    "idna",
    "iso2022_jp",
    "iso8859_1",
    "iso8859_15",
    "iso8859_2",
    "iso8859_5",
    "iso8859_7",
    "iso8859_9",
    "koi8_r",
    "latin_1",
    "mac_roman",
    "punycode",
    "quopri_codec",
    "raw_unicode_escape",
    "rot_13",
    "shift_jis",
    "undefined",
    "unicode_escape",
    "utf_16",
    "utf_16_be",
    "utf_16_le",
    "utf_32",
    "utf_32_be",
    "utf_32_le",
    "utf_7",
    "utf_8",
    "utf_8_sig",
    "zlib_codec",
]


def preload() -> list[str]:
    """Import everything; return the names that cannot be imported here, or are left out."""
    failed = sorted(_TOP_SKIPPED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in _wanted():
            try:
                importlib.import_module(name)
            except Exception:
                failed.append(name)  # native parts that do not exist for WebAssembly
    return failed


def _wanted() -> Iterator[str]:
    for name in _ENCODINGS:
        yield f"encodings.{name}"
    for top in sorted(sys.stdlib_module_names - _TOP_SKIPPED):
        yield top
        module = sys.modules.get(top)
        if (
            module is not None
            and hasattr(module, "__path__")
            and not top.startswith(_PACKAGES_LEFT_OUT)
        ):
            for info in pkgutil.walk_packages(module.__path__, f"{top}."):
                if not info.name.endswith("__main__") and info.name not in _PACKAGES_LEFT_OUT:
                    yield info.name
