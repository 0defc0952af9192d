"""`build`, `up` and `deploy` with crates and components: what is said, and what serves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from machines import Machine

from compiling import PROGRAMS
from flawless.rust.build import Built
from serving import Serving, run_here, serving

BROKEN = "// BROKEN\n"


def start(url: str) -> object:
    """Run a workflow of the component on a server and return its result."""
    body = {"workflow": "programs.hello", "input": ["Ada"], "wait_s": 30}
    answer = httpx.post(f"{url}/api/v1/executions", json=body, trust_env=False, timeout=60)
    return answer.json().get("result", answer.json())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose cargo only pretends."""
    return Machine(tmp_path / "machine")


def built(machine: Machine, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `flawless build` on that machine."""
    return run_here("build", *arguments, **machine.environment)


def test_build_tells_what_it_made(programs: Built, tmp_path: Path) -> None:
    """The real thing: a file that can be served, and what is in it, for people and for programs."""
    done = run_here("build", PROGRAMS, "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "programs.wasm").read_bytes() == programs.wasm
    first, *others = done.stdout.splitlines()
    assert first.startswith(f"built {tmp_path / 'programs.wasm'} (")
    assert "  programs.hello" in others
    told = json.loads(run_here("build", PROGRAMS, "--json").stdout)
    assert told["file"] == str(programs.path)
    assert told["size_bytes"] == len(programs.wasm)
    assert "programs.hello" in told["workflows"]


def test_build_shows_what_the_compiler_says(
    machine: Machine, programs: Built, tmp_path: Path
) -> None:
    """A crate that does not compile: the compiler's words, and exit status 1."""
    source = machine.crate(tmp_path / "shop", programs.path)
    source.write_text(BROKEN)
    done = built(machine, tmp_path / "shop")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: this is BROKEN\n" in done.stderr
    assert done.stderr.endswith("error: the crate shop does not compile: see what the compiler "
                                "says above\n")  # fmt: skip


def test_build_where_there_is_nothing_to_build_with(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one command that installs what is missing is given; exit status 4."""
    machine.rust(machine.path)
    machine.program(machine.path / "rustup", "exit 1")
    (tmp_path / "Cargo.toml").touch()
    monkeypatch.setattr("flawless.rust.toolchain._building_std", lambda *_: None)
    monkeypatch.setattr("flawless.rust.toolchain.TARGET", "wasm32-none")
    done = built(machine, tmp_path)
    assert done.returncode == 4
    assert "\n  rustup target add wasm32-wasip2\n" in done.stderr


def test_build_of_what_is_no_crate(tmp_path: Path) -> None:
    """A mistake in the path is told as one; exit status 2."""
    done = run_here("build", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no crate" in done.stderr


def test_reload_of_a_crate(machine: Machine, programs: Built, tmp_path: Path) -> None:
    """What does not compile is shown, while the code from before goes on; what does is served."""
    source = machine.crate(tmp_path / "shop", programs.path)
    arguments = ["shop", f"--data={tmp_path / 'data'}", "--port=0", "--reload"]
    with Serving(*arguments, folder=tmp_path, changes=machine.environment) as server:
        url = server.await_url()
        assert start(url) == "hello Ada"
        source.write_text(BROKEN)
        server.await_output("lib.rs changed: building anew.*this is BROKEN.*does not compile")
        server.await_output("the code from before goes on; waiting for a change")
        assert start(url) == "hello Ada"
        source.write_text("// better\n")
        server.await_output("lib.rs changed: starting anew")
        assert server.await_url() == url
        assert start(url) == "hello Ada"
        assert server.stop() == 0


def test_reload_waits_for_a_crate_that_never_compiled(
    machine: Machine, programs: Built, tmp_path: Path
) -> None:
    """Nothing serves before it compiles for the first time; then it does."""
    source = machine.crate(tmp_path / "shop", programs.path)
    source.write_text(BROKEN)
    arguments = ["shop", f"--data={tmp_path / 'data'}", "--port=0", "--reload"]
    with Serving(*arguments, folder=tmp_path, changes=machine.environment) as server:
        server.await_output("does not compile.*waiting for a change to try again")
        source.write_text("// better\n")
        assert start(server.await_url()) == "hello Ada"
        assert server.stop() == 0


def test_reload_stops_while_a_crate_is_built(
    machine: Machine, programs: Built, tmp_path: Path
) -> None:
    """A signal ends cargo, and all else, at once."""
    source = machine.crate(tmp_path / "shop", programs.path)
    arguments = ["shop", f"--data={tmp_path / 'data'}", "--port=0", "--reload"]
    with Serving(*arguments, folder=tmp_path, changes=machine.environment) as server:
        server.await_url()
        source.write_text("// SLOW\n")
        server.await_output("lib.rs changed: building anew")
        assert server.stop() == 0
        server.await_end()


def test_reload_without_a_toolchain_any_more(
    machine: Machine, programs: Built, tmp_path: Path
) -> None:
    """What serves goes on when Rust is taken away, and until it is there again."""
    source = machine.crate(tmp_path / "shop", programs.path)
    arguments = ["shop", f"--data={tmp_path / 'data'}", "--port=0", "--reload"]
    with Serving(*arguments, folder=tmp_path, changes=machine.environment) as server:
        url = server.await_url()
        cargo = (machine.path / "cargo").rename(machine.path / "away")
        source.write_text("// better\n")
        server.await_output("the code from before goes on; waiting for a change")
        assert start(url) == "hello Ada"
        cargo.rename(machine.path / "cargo")
        source.write_text("// best of all\n")
        server.await_output("lib.rs changed: starting anew")
        assert server.stop() == 0


def test_deploy_sends_a_component(programs: Built, tmp_path: Path) -> None:
    """A component's file, and a crate, are sent to a running server, alone or beside modules."""
    module = tmp_path / "aside.py"
    module.write_text("from flawless import workflow\n\n@workflow\ndef one() -> int: return 1\n")
    with serving(tmp_path / "data") as (_, client):
        url = str(client.base_url).removesuffix("/api/v1/")
        done = run_here("deploy", programs.path, "--label=first", FLAWLESS_URL=url)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("deployed first as ")
        assert "\n  programs.hello\n" in done.stdout
        assert start(url) == "hello Ada"
        again = json.loads(run_here("deploy", PROGRAMS, "--json", FLAWLESS_URL=url).stdout)
        assert not again["new"]
        both = json.loads(run_here("deploy", module, PROGRAMS, "--json", FLAWLESS_URL=url).stdout)
        assert both[0]["current_workflows"] == ["aside.one"]
        assert both[1]["id"] == again["id"]
        (tmp_path / "no.wasm").write_bytes(b"\0asm\1\0\0\0")
        refused = run_here("deploy", tmp_path / "no.wasm", FLAWLESS_URL=url)
        assert refused.returncode == 2
        assert "core WebAssembly module" in refused.stderr
    absent = run_here("deploy", tmp_path / "absent.wasm")
    assert (absent.returncode, absent.stdout) == (2, "")
    assert "cannot read" in absent.stderr
