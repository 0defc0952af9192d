"""Each public item of the crate has an example; that it compiles and holds, cargo's tests show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT

SOURCES = ROOT / "guests" / "rust" / "flawless" / "src"
INNER = {"abi.rs", "host.rs", "value"}
"""Files and folders that nothing is exported from."""

ITEM = re.compile(r"( {4})?pub (?:const )?(fn|struct|enum|trait|type) (\w+)")
IMPL = re.compile(r"impl(?:<.*?>)? (?:.* for )?(\w+)")


def test_public_items_have_examples() -> None:
    """Whoever looks an item up sees how it is used."""
    items = [item for path in files() for item in public(path)]
    assert len(items) > 100
    assert [f"{place}: {name}" for place, name, doc in items if "```" not in doc] == []


def files() -> Iterator[Path]:
    """Yield the files that export something."""
    for path in sorted(SOURCES.rglob("*.rs")):
        if path.name != "tests.rs" and INNER.isdisjoint(path.relative_to(SOURCES).parts):
            yield path


def public(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield where each public item stands, its name, and its documentation with its attributes."""
    lines = path.read_text().partition("#[cfg(test)]\nmod tests {")[0].splitlines()
    outer = ""
    for number, line in enumerate(lines, 1):
        if re.match(r"\w", line):
            outer = line
        found = ITEM.match(line)
        if found is None or (found[1] and not is_public(outer)):
            continue
        doc = above(lines[: number - 1])
        if "#[doc(hidden)]" not in doc:
            yield f"{path.relative_to(ROOT)}:{number}", found[3], doc


def is_public(outer: str) -> bool:
    """Tell whether what a line begins has public items: methods of a public type, or a module."""
    found = IMPL.match(outer)
    if found is None:
        return outer.startswith("pub mod") and "__private" not in outer
    declared = re.compile(rf"^pub (?:struct|enum) {found[1]}\b", re.MULTILINE)
    texts = [(path.read_text(), declared) for path in files()]
    places = [(text, match.start()) for text, one in texts if (match := one.search(text))]
    return any("#[doc(hidden)]" not in above(text[:at].splitlines()) for text, at in places)


def above(lines: list[str]) -> str:
    """Return the documentation and the attributes that end a list of lines."""
    kept: list[str] = []
    for line in reversed(lines):
        if not line.strip() or (line.rstrip().endswith(("}", ";", "{")) and "///" not in line):
            break
        kept.append(line)
    return "\n".join(reversed(kept))
