"""Crates built by the real cargo: what comes out, and what is said when nothing can."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from flawless.engine.component import make_component
from flawless.errors import DeploymentInvalid
from flawless.rust import compiling
from flawless.rust.build import Built, build
from flawless.rust.compiling import Compilation, compile_crate
from flawless.rust.crates import Crate, locate, sources
from flawless.rust.failures import CompilationFailed
from flawless.rust.toolchain import Toolchain
from flawless.wasm import Component, contract
from repository import ROOT

MANIFEST = """
[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
{rest}
"""
CDYLIB = '[lib]\ncrate-type = ["cdylib"]\n'
PANICS = """
#[unsafe(no_mangle)]
pub extern "C" fn act(n: usize) -> usize {
    let unused = 1;
    part::tenth(&[1, 2, 3][..n % 4])
}
"""
TALKS = """
#[proc_macro]
pub fn talk(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    println!("{{ debug }}\\n{{}}\\n[1]\\n{{\\"reason\\": null}}");
    proc_macro::TokenStream::new()
}
"""
PART = "pub fn tenth(of: &[usize]) -> usize { of[10] }\n"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder, which is returned."""
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def crate(folder: Path, name: str, lib: str = "", rest: str = CDYLIB) -> Path:
    """Write a crate, and return its folder."""
    manifest = MANIFEST.format(name=name, rest=rest)
    return write(folder, {"Cargo.toml": manifest, "src/lib.rs": lib})


def in_two_parts(folder: Path) -> Path:
    """Write a crate that depends on another one beside it."""
    crate(folder / "part", "part", PART, "")
    rest = CDYLIB + '[dependencies]\npart = { path = "../part" }\n'
    return crate(folder / "whole", "whole", PANICS, rest)


def refusal(path: Path, toolchain: Toolchain) -> str:
    """Return what is said of a path that becomes no component."""
    with pytest.raises(DeploymentInvalid) as caught:
        locate(path, toolchain)
    return str(caught.value)


def test_a_component_of_our_world(programs: Built) -> None:
    """What is built is a component that the engine takes, in a file named after the crate."""
    contract.check(programs.wasm)
    assert Component.load(programs.wasm).export("run")
    assert programs.path.name == "programs.wasm"
    assert programs.path.read_bytes() == programs.wasm


def test_workflows_of_another_crate(programs: Built) -> None:
    """They are part of the component, which is called like its own crate, whatever they say."""
    manifest = asyncio.run(make_component(Component.load(programs.wasm))).manifest
    assert (manifest.entry_modules, manifest.version) == (["programs"], "0.1.0")
    [found] = [one for one in manifest.workflows if one.function == "weigh"]
    assert (found.name, found.module) == ("common.weigh", "programs")
    assert {"common", "programs"} <= {one.name for one in manifest.modules}


def test_what_a_crate_is_called(rust_toolchain: Toolchain, tmp_path: Path) -> None:
    """The compiler is told of the component's name and version, as Rust calls the crate."""
    found = locate(crate(tmp_path / "one", "our-shop"), rust_toolchain)
    assert component_variable(found, rust_toolchain) == "our_shop 0.1.0"
    rest = '[lib]\ncrate-type = ["cdylib"]\nname = "sales"\n'
    found = locate(crate(tmp_path / "two", "our-shop", rest=rest), rust_toolchain)
    assert component_variable(found, rust_toolchain) == "sales 0.1.0"


def component_variable(found: Crate, toolchain: Toolchain) -> str:
    """Return what cargo's environment says of the component."""
    return compiling._environment(found, toolchain)["FLAWLESS_COMPONENT"]


def test_functions_keep_their_names(programs: Built) -> None:
    """A trap's backtrace shows functions, so their names stay; the lines of the sources do not."""
    assert b"programs" in programs.wasm
    assert re.search(rb"_ZN\w*programs|_RN\w*programs", programs.wasm)
    assert b".debug_info" not in programs.wasm


def test_no_path_of_this_machine(programs: Built) -> None:
    """Who gets a component does not learn where it was built."""
    for place in (str(ROOT), str(Path.home()), "/.cargo/", "/rustlib/"):
        assert place.encode() not in programs.wasm


def test_the_sources_are_known(programs: Built) -> None:
    """All files that a change of would change the component are named, those of parts too."""
    shown = {path.relative_to(ROOT).as_posix() for path in programs.files}
    assert {
        "Cargo.toml",
        "guests/rust/flawless/Cargo.toml",
        "guests/rust/flawless/src/lib.rs",
        "tests/rust/programs/Cargo.toml",
        "tests/rust/programs/src/lib.rs",
    } <= shown
    assert not any("target/" in name for name in shown)


def test_the_same_bytes_wherever_it_is_built(
    rust_toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two folders, one with a space in its name, give one artifact, which names neither."""

    def made(place: str) -> Compilation:
        folder = in_two_parts(tmp_path / place)
        return compile_crate(locate(folder, rust_toolchain), rust_toolchain)

    one, two = made("one"), made("another place")
    assert one.artifact is not None
    assert two.artifact is not None
    content = one.artifact.read_bytes()
    assert content == two.artifact.read_bytes()
    assert str(tmp_path).encode() not in content
    assert "unused variable" in "".join(one.rendered)

    monkeypatch.setenv("RUSTFLAGS", "--cfg ours")
    write(tmp_path / "one" / "part", {"src/lib.rs": f"#[cfg(ours)]\n{PART}"})
    again = compile_crate(locate(tmp_path / "one" / "whole", rust_toolchain), rust_toolchain)
    assert again.artifact is not None
    assert str(tmp_path).encode() not in again.artifact.read_bytes()


@pytest.mark.parametrize("variable", ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"])
def test_flags_are_kept_beside_an_empty_variable(
    rust_toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Cargo takes an empty variable for all the flags there are, so ours go into one."""
    monkeypatch.delenv("CARGO_ENCODED_RUSTFLAGS", raising=False)
    monkeypatch.setenv(variable, "")
    made = compile_crate(locate(in_two_parts(tmp_path), rust_toolchain), rust_toolchain)
    assert made.artifact is not None
    content = made.artifact.read_bytes()
    assert b"part/src/lib.rs" in content
    assert str(tmp_path).encode() not in content


def test_what_macros_print(rust_toolchain: Toolchain, tmp_path: Path) -> None:
    """Lines of others between those of cargo are no news, whatever they look like."""
    crate(tmp_path / "talk", "talk", TALKS, "[lib]\nproc-macro = true\n")
    rest = CDYLIB + '[dependencies]\ntalk = { path = "../talk" }\n'
    folder = crate(tmp_path / "whole", "whole", "talk::talk! {}\n", rest)
    made = compile_crate(locate(folder, rust_toolchain), rust_toolchain)
    assert made.artifact is not None


def test_what_the_compiler_says(rust_toolchain: Toolchain, tmp_path: Path) -> None:
    """An error has the compiler's text with its place, and no traceback of ours."""
    folder = crate(tmp_path, "broken", "pub fn act() -> u32 { thing }\n")
    with pytest.raises(CompilationFailed, match="the crate broken does not compile") as caught:
        build(folder)
    assert "cannot find value `thing`" in caught.value.traceback
    assert "src/lib.rs:1:23" in re.sub(r"\x1b\[[0-9;]*m", "", caught.value.traceback)
    assert "\x1b[" in caught.value.traceback


def test_a_crate_without_workflows(rust_toolchain: Toolchain, tmp_path: Path) -> None:
    """A crate that compiles and exports nothing is told to depend on the library."""
    with pytest.raises(
        DeploymentInvalid, match="the crate idle: the component has no export"
    ) as it:
        build(crate(tmp_path, "idle"))
    assert not isinstance(it.value, CompilationFailed)


def test_no_crate(rust_toolchain: Toolchain, tmp_path: Path) -> None:
    """A folder without a Cargo.toml is none, and how to make one is said."""
    assert "flawless init --rust DIR" in refusal(tmp_path, rust_toolchain)


def test_a_manifest_that_cargo_does_not_understand(
    rust_toolchain: Toolchain, tmp_path: Path
) -> None:
    """Cargo's own words are kept."""
    write(tmp_path, {"Cargo.toml": "[package]\nname = 1\n"})
    with pytest.raises(CompilationFailed, match="cargo cannot use") as caught:
        locate(tmp_path, rust_toolchain)
    assert "expected a string" in caught.value.traceback


def test_no_cdylib(rust_toolchain: Toolchain, tmp_path: Path) -> None:
    """A library of another kind becomes no component; the lines to add are given."""
    message = refusal(crate(tmp_path, "plain", rest=""), rust_toolchain)
    assert f"add these lines to {tmp_path / 'Cargo.toml'}\n\n{CDYLIB}" in message


def test_a_workspace(rust_toolchain: Toolchain, tmp_path: Path) -> None:
    """Of a workspace the only crate for workflows is built; of several, one has to be named."""
    members = '[workspace]\nresolver = "3"\nmembers = ["*"]\n'
    crate(write(tmp_path, {"Cargo.toml": members}) / "plain", "plain", rest="")
    assert "no package of the workspace" in refusal(tmp_path, rust_toolchain)
    crate(tmp_path / "one", "one")
    found = locate(tmp_path / "Cargo.toml", rust_toolchain)
    assert (found.name, found.workspace) == ("one", tmp_path)
    crate(tmp_path / "two", "two")
    message = refusal(tmp_path, rust_toolchain)
    assert "2 packages that become components; name the folder of one" in message
    assert str(tmp_path / "two") in message
    assert locate(tmp_path / "two", rust_toolchain).target == tmp_path / "target" / "flawless"


def test_sources_without_cargo(tmp_path: Path) -> None:
    """What to watch is known of a crate that cargo cannot even read; what was built is left out."""
    crate(tmp_path, "any")
    write(tmp_path, {"src/parts/one.rs": "", "target/flawless/out.rs": "", ".git/x.rs": ""})
    names = {path.relative_to(tmp_path).as_posix() for path in sources(tmp_path / "Cargo.toml")}
    assert names == {"Cargo.toml", "src/lib.rs", "src/parts/one.rs"}
