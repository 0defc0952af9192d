"""Fuzz one surface, guided by coverage, or see again what a file does to it.

    python tests/fuzz/run.py protocol                    # for a minute, from the kept corpus on
    python tests/fuzz/run.py protocol --seconds 600 --seed 7
    python tests/fuzz/run.py protocol FILE ...           # each file once
    python tests/fuzz/run.py all --seconds 60            # each surface in turn
    python tests/fuzz/run.py protocol --keep             # and put what is new into the corpus

Fuzzing needs atheris, which `make fuzz` installs; files do not. What breaks a promise is written to
a file, and the line that shows it again is printed.
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

from distilling import distil  # noqa: E402 (the path is set above)
from surfaces import CORPUS, SURFACES, Surface  # noqa: E402 (the path is set above)

NOT_HERE = 3
"""The status where atheris is not installed."""
HANG_S = 60
"""One input that takes longer is a fault as well."""
MEMORY_MIB_MAX = 2_048
NO_ATHERIS = (
    "atheris is not installed: `make fuzz` installs it where it is to be had (CPython on Linux, on "
    "x86-64 and ARM). What is kept, and Hypothesis, do without: python -m pytest tests/fuzz"
)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("surface", choices=[*SURFACES, "all"])
    parser.add_argument("files", nargs="*", type=Path, help="run these once, and fuzz nothing")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="put what is new into the corpus")
    parser.add_argument(
        "--distil", type=Path, metavar="FOLDER", help="put into the corpus what FOLDER adds to it"
    )
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given, options = parser.parse_known_args()
    logging.lastResort = None  # what the engine logs is heard by targets, and by nobody else
    if given.surface == "all":
        return each_in_turn(given)
    surface = SURFACES[given.surface]
    if given.inside is not None:
        options += [str(file) for file in given.files]
        return become_the_fuzzer(surface, given.inside, options)
    if given.distil is not None:
        distil(given.surface, given.distil)
        return 0
    if options:
        parser.error(f"there is no {options[0]}")
    if given.files:
        return again(surface, given.files)
    seed = random.SystemRandom().getrandbits(31) if given.seed is None else given.seed
    status = fuzz(given.surface, surface, given.seconds, seed, keep=given.keep)
    if status == NOT_HERE:
        print(NO_ATHERIS)
    return status


def again(surface: Surface, files: list[Path]) -> int:
    """Run each file once; the first that breaks a promise shows its traceback."""
    target = surface.target()
    for file in files:
        target(file.read_bytes())
        print(f"{file}: all promises kept")
    return 0


def each_in_turn(given: argparse.Namespace) -> int:
    """Fuzz every surface, each in a process of its own."""
    options = [f"--seconds={given.seconds}"]
    options += ["--keep"] if given.keep else []
    options += [] if given.seed is None else [f"--seed={given.seed}"]
    failed = []
    for name in SURFACES:
        done = subprocess.run([sys.executable, __file__, name, *options], check=False)
        if done.returncode == NOT_HERE:
            return NOT_HERE
        failed += [name] if done.returncode else []
    print(f"broken: {', '.join(failed)}" if failed else "all promises kept, on every surface")
    return 1 if failed else 0


def fuzz(name: str, surface: Surface, seconds: int, seed: int, *, keep: bool) -> int:
    """Fuzz in a child process, which libFuzzer ends; then say how it went."""
    found = Path(tempfile.mkdtemp(prefix=f"flawless-fuzz-{name}-"))
    (found / "new").mkdir()
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    print(f"{name}: {surface.about}; {seconds} s, seed {seed}", flush=True)
    options = [f"-max_total_time={seconds}", f"-seed={seed & 0x7FFFFFFF or 1}"]
    status = inside(name, found, *options, str(found / "new"), str(CORPUS / name))
    if status == NOT_HERE:
        return status
    told = (found / "log").read_text("utf-8", "replace")
    runs = re.findall(r"^#\d+\s.*cov: (\d+) ft: (\d+)", told, re.MULTILINE)
    done = re.search(r"Done (\d+) runs", told) or re.search(r"#(\d+)(?!.*\n#\d)", told, re.DOTALL)
    if runs and done:
        print(
            f"{name}: {done[1]} inputs, {runs[-1][0]} branches, {runs[-1][1]} features", flush=True
        )
    broken = [one for one in sorted(found.iterdir()) if re.match("(crash|timeout|oom)-", one.name)]
    for one in broken:
        print(told[told.find("=== Uncaught") :][:4_000])
        print(f"broken: python tests/fuzz/run.py {name} {one}")
    if not broken and status:
        print(told[-4_000:])
    if keep and not broken and not status:
        command = [sys.executable, __file__, name, f"--distil={found / 'new'}"]
        return subprocess.run(command, check=False).returncode
    return 1 if broken or status else 0


def inside(name: str, found: Path, *options: str) -> int:
    """Run libFuzzer in a process of its own; what it says is in the file `log`."""
    command = [sys.executable, __file__, name, f"--inside={found}", *options]
    with (found / "log").open("ab") as log:
        return subprocess.run(command, stdout=log, stderr=log, check=False).returncode


def become_the_fuzzer(surface: Surface, found: Path, options: list[str]) -> int:
    """Hand this process to libFuzzer, which ends it."""
    try:
        import atheris
    except ImportError:
        return NOT_HERE
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=list(surface.watched)):
        target = surface.target()
        target(b"")  # what is made once is made now, and does not count
    words = found / "words"
    words.write_text("".join(f'"{escaped(word)}"\n' for word in surface.words()))
    arguments = [
        sys.argv[0],
        *options,
        f"-max_len={surface.bytes_max}",
        f"-timeout={HANG_S}",
        f"-rss_limit_mb={MEMORY_MIB_MAX}",
        f"-artifact_prefix={found}/",
        *([f"-dict={words}"] if surface.words() else []),
    ]
    atheris.Setup(arguments, target)
    atheris.Fuzz()
    return 0


def escaped(word: str) -> str:
    """Return a word as libFuzzer's dictionaries have it."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in word.encode("utf-8", "surrogatepass")
    )


if __name__ == "__main__":
    sys.exit(main())
