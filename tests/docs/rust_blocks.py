"""The Rust blocks of all pages, as one crate that is compiled for guests by one call of cargo.

If there are unit tests among them, another call compiles it for this machine, as `cargo test` does.

Each page becomes a module in a file of its own, in which every line has the number that it has on
the page: what the compiler says leads there. A block sees the names of the blocks above it, as in
Python. A block that begins with a statement, rather than with an item such as `use` or `fn`, is the
body of a function that returns `flawless::Result<()>`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from blocks import Block, blocks

from compiling import rust
from repository import ROOT

MANIFEST = """
[package]
name = "pages"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
flawless = {{ path = "{tree}/guests/rust/flawless" }}

[workspace]

[lints.rust]
warnings = "deny"
dead_code = "allow"
unused_imports = "allow"
unused_variables = "allow"
"""
CHECK_S_MAX = 900.0
_ITEM = re.compile(
    r"(use|pub|fn|struct|enum|impl|trait|const|static|type|mod|macro_rules|module)\b|#"
)


def check(pages: Mapping[str, str], folder: Path) -> str:
    """Compile the Rust blocks of `pages`; return what the compiler has against them, if anything.

    `folder` keeps the crate, and what cargo makes of it.
    """
    sources = folder / "src"
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir(parents=True)
    (folder / "Cargo.toml").write_text(MANIFEST.format(tree=ROOT))
    if (ROOT / "Cargo.lock").exists():
        shutil.copy(ROOT / "Cargo.lock", folder)
    modules = []
    for page, text in pages.items():
        found = [block for block in blocks(text, page) if block.language == "rust"]
        if found:
            name = re.sub(r"\W", "_", page.lower())
            modules.append(f"mod {name};\n")
            (sources / f"{name}.rs").write_text(module(found))
    (sources / "lib.rs").write_text("".join(modules))
    toolchain = rust()
    said = _cargo(folder, "--lib", "--target", toolchain.target, *toolchain.options)
    has_tests = any("#[cfg(test)]" in text for text in pages.values())
    return said or (_cargo(folder, "--tests") if has_tests else "")


def _cargo(folder: Path, *options: str) -> str:
    """Check the crate as guests are compiled, or for this machine; return what is wrong."""
    toolchain = rust()
    checked = subprocess.run(
        [
            toolchain.cargo, "check", "--release", "--quiet", "--color=never",
            "--target-dir", str(ROOT / "target" / "flawless"), *options,
        ],
        cwd=folder,
        env=toolchain.environment,
        capture_output=True,
        text=True,
        timeout=CHECK_S_MAX,
    )  # fmt: skip
    return checked.stderr.strip() if checked.returncode != 0 else ""


def module(found: list[Block]) -> str:
    """Return the module of a page's blocks: each in a module inside of that of the block above."""
    lines: list[str] = []
    for block in found:
        begins = f"mod line_{block.line} {{ use super::*; "
        ends = ""
        if not _is_items(block.code):
            begins += "fn body() -> ::flawless::Result<()> { "
            ends = "Ok(()) }"
        lines += [""] * (block.line - 2 - len(lines))
        lines.append(begins)  # where the fence is
        # What a file says of itself may not stand here.
        lines += [line.replace("//!", "// ", 1) for line in block.code.splitlines()]
        lines.append(ends)
    return "\n".join(lines) + "}" * len(found) + "\n"


def _is_items(code: str) -> bool:
    written = (line.strip() for line in code.splitlines())
    first = next((line for line in written if line and not line.startswith("//")), "")
    return _ITEM.match(first) is not None
