"""Set up `.venv` from the pinned requirements, showing progress. `make` runs this; people need not.

    python3 tools/environment.py run     # what the demo needs
    python3 tools/environment.py dev     # that, and tests, lint, types and documentation
    python3 tools/environment.py fuzz    # besides, what guides a fuzzer by coverage

Nothing but Python's standard library is used, because nothing else is there yet. Every package is
checked against the hash in `requirements/*.txt`. Where Debian's `python3-venv` is missing, pip of
the system fills the environment; without that too, root gets the package installed, and everybody
else is told the one command. So it is with Chromium, which the tests of the web UI drive. A Rust
that builds for WebAssembly comes from rustup where that is, else from Debian; where neither can be,
the tests that need it are left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11")
LAYERS = {"run": ("build", "base"), "dev": ("build", "base", "dev", "docs"), "fuzz": ("fuzz",)}
INSTALL_VENV = ("apt-get", "install", "-y", "python3-venv")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
INSTALL_BROWSER = ("apt-get", "install", "-y", "chromium", "fonts-dejavu-core")
RUST_TARGET = "wasm32-wasip2"
INSTALL_RUST = (
    "apt-get", "install", "-y", "cargo-web", "rustc-web", "rust-web-src", "lld-19", "wasi-libc",
    "libclang-rt-19-dev-wasm32",
)  # fmt: skip
RUST_S_MAX = 300
LINES_OFF_TERMINAL = 10  # without a terminal, one line for so many packages


def main(layer: str) -> None:
    """Bring `.venv` to what `layer` asks for; a second call finds most of it there."""
    use_new_enough_python()
    began_s = time.monotonic()
    if not works(VENV_PYTHON):
        say(f"creating .venv with Python {sys.version.split()[0]}")
        create()
    pip = pip_command()
    files = [ROOT / "requirements" / f"{name}.txt" for name in LAYERS[layer]]
    install(pip, files)
    say("installing flawless itself, editable")
    run([*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    if layer == "dev":
        browser()
        rust()
    say(f"ready after {time.monotonic() - began_s:.0f} s")


def use_new_enough_python() -> None:
    """Start over with another interpreter when this one is too old, or say what to install."""
    if sys.version_info[:2] >= OLDEST:
        return
    for name in CANDIDATES:
        path = shutil.which(name)
        if path and works(path):
            os.execv(path, [path, *sys.argv])
    fail("Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3 ...")


def works(python: Path | str) -> bool:
    """Tell whether `python` starts and is new enough: a moved or half-made `.venv` is not."""
    check = f"import sys; sys.exit(sys.version_info[:2] < {OLDEST})"
    try:
        return subprocess.run([str(python), "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def create() -> None:
    """Make an empty `.venv`, by the first of four ways that works on this machine."""
    shutil.rmtree(VENV, ignore_errors=True)
    if venv():
        return
    if succeeds([sys.executable, "-m", "pip", "--version"]) and venv("--without-pip"):
        return
    if debian_package("python3-venv", INSTALL_VENV) and venv():
        return
    fail(f"Python cannot create virtual environments here; run: sudo {' '.join(INSTALL_VENV)}")


def venv(*options: str) -> bool:
    """Create `.venv` with the standard module and tell whether that worked."""
    return succeeds([sys.executable, "-m", "venv", "--clear", *options, str(VENV)])


def browser() -> None:
    """Install Chromium unless there is a browser that the tests can drive."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    debian_package("Chromium", INSTALL_BROWSER)
    if not shutil.which(BROWSERS[0]):
        fail(f"the tests need Chromium; run: sudo {' '.join(INSTALL_BROWSER)}")


def rust() -> None:
    """Install what Rust crates are built with, unless it is there; say so where that cannot be."""
    find = "import sys; from flawless.rust.toolchain import find; sys.stdout.write(find().target)"
    if succeeds([str(VENV_PYTHON), "-c", find]):
        return
    rustup = shutil.which("rustup", path=f"{os.environ['PATH']}:{Path.home() / '.cargo' / 'bin'}")
    if rustup:
        say(f"Rust's target {RUST_TARGET} is missing; running: rustup target add {RUST_TARGET}")
        if succeeds([rustup, "target", "add", RUST_TARGET], seconds=RUST_S_MAX):
            return
    if not debian_package("Rust for WebAssembly", INSTALL_RUST, needed=False):
        say("Rust crates cannot be built here, and their tests are left out; to have them, see:")
        say("  .venv/bin/flawless doctor")


def debian_package(what: str, command: tuple[str, ...], *, needed: bool = True) -> bool:
    """Install with Debian's `apt-get` what is missing; False where that cannot be.

    When it fails, what is `needed` ends the program.
    """
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"{what} is missing; running: {' '.join(command)}")
    done = run if needed else succeeds
    return done(["apt-get", "update", "--quiet"]) and done([*command, "--quiet"])


def pip_command() -> list[str]:
    """Return the pip to use: the environment's own, or the system's, told to fill it."""
    own = [str(VENV_PYTHON), "-m", "pip"]
    if succeeds([*own, "--version"]):
        return own
    return [sys.executable, "-m", "pip", "--python", str(VENV_PYTHON)]


def install(pip: list[str], files: list[Path]) -> None:
    """Install the pinned packages of `files`, counting them for the reader."""
    total = len({line.split("==")[0] for file in files for line in pins(file)})
    command = [*pip, "install", "--require-hashes", "--no-input", "--progress-bar=off"]
    for file in files:
        command += ["--requirement", str(file)]
    transcript: list[str] = []
    seen = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            transcript.append(line)
            words = line.split()
            if words[:1] == ["Collecting"] or words[:2] == ["Requirement", "already"]:
                seen += 1
                progress(min(seen, total), total, words[1 if words[0] == "Collecting" else 3])
            elif words[:1] == ["Installing"]:
                progress(total, total, "unpacking", last=True)
    if process.returncode != 0:
        fail("pip failed:\n" + "".join(transcript[-30:]))


def pins(file: Path) -> list[str]:
    """Return the lines of a requirements file that name a package, as `name==version ...`."""
    return [line for line in file.read_text().splitlines() if line[:1].isalnum()]


def progress(done: int, total: int, what: str, *, last: bool = False) -> None:
    """Show how far it is: one changing line in a terminal, now and then a line elsewhere."""
    text = f"packages {done:3}/{total} {what.split('==')[0]}"
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\033[K  {text}" + ("\n" if last else ""))
        sys.stdout.flush()
    elif last or done % LINES_OFF_TERMINAL == 0:
        say(text)


def say(text: str) -> None:
    """Print one line at once."""
    print(f"  {text}", flush=True)


def succeeds(command: list[str], seconds: float | None = None) -> bool:
    """Run `command` silently, no longer than that, and tell whether its status was 0."""
    try:
        return (
            subprocess.run(
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


def run(command: list[str]) -> bool:
    """Run `command`, showing its output only when it fails, and end the program then."""
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    if result.returncode != 0:
        fail(f"{' '.join(command)} failed:\n{result.stdout}")
    return True


def fail(message: str) -> None:
    """End the program with `message`."""
    sys.exit(f"\n{message}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LAYERS:
        fail(f"usage: environment.py {' | '.join(LAYERS)}")
    main(sys.argv[1])
