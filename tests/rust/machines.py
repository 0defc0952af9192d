"""Machines with one Rust or another, or none, each in a folder; their programs only pretend."""

from __future__ import annotations

import json
from pathlib import Path

SCRIPT = "#!/bin/sh\n"


class Machine:
    """A file system in `root`, with a `bin` folder that is all of the PATH."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "bin"
        self.cargo_home = root / "home" / ".cargo"
        self.path.mkdir(parents=True)
        self.environment = {"PATH": str(self.path), "CARGO_HOME": str(self.cargo_home)}

    def program(self, place: Path, script: str) -> Path:
        """Install a program."""
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(SCRIPT + script)
        place.chmod(0o755)
        return place

    def rust(
        self, folder: Path, *targets: str, version: str = "1.95.0", cargo: str = "exit 1"
    ) -> Path:
        """Install a cargo and a rustc with the standard libraries of these targets."""
        sysroot = folder.parent / f"sysroot-{folder.name}"
        for target in targets:
            library = sysroot / "lib" / "rustlib" / target / "lib"
            library.mkdir(parents=True, exist_ok=True)
            (library / "libstd-0123.rlib").touch()
        answers = (
            f'[ "$1" = --version ] && echo "rustc {version} (0 2026-01-01)" || echo {sysroot}\n'
        )
        self.program(folder / "rustc", answers)
        self.program(folder / "cargo", cargo)
        return sysroot

    def debian_parts(self, sysroot: Path) -> None:
        """Install what Debian has for WASI, and the sources of the standard library."""
        for name in (
            "usr/lib/wasm32-wasi/libc.a",
            "usr/lib/wasm32-wasi/crt1-reactor.o",
            "usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a",
        ):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).touch()
        library = sysroot / "lib" / "rustlib" / "src" / "rust" / "library"
        library.mkdir(parents=True)
        (library / "Cargo.toml").touch()
        self.program(self.path / "wasm-ld-19", "exit 1")

    def crate(self, folder: Path, component: Path) -> Path:
        """Write a crate that this machine's cargo makes into `component`, and return its source.

        It compiles unless the source has the word BROKEN in it, and takes long with SLOW.
        """
        manifest, source = folder / "Cargo.toml", folder / "src" / "lib.rs"
        source.parent.mkdir(parents=True)
        manifest.touch()
        source.touch()
        name, key = folder.name, f"path+file://{folder}#0.1.0"
        package = {
            "id": key, "name": name, "version": "0.1.0", "source": None,
            "manifest_path": str(manifest), "targets": [{"name": name, "crate_types": ["cdylib"]}],
        }  # fmt: skip
        metadata = {
            "packages": [package],
            "workspace_members": [key],
            "workspace_root": str(folder),
            "target_directory": str(folder / "target"),
            "resolve": {"nodes": [{"id": key, "deps": []}]},
        }
        made = {"reason": "compiler-artifact", "package_id": key, "filenames": [str(component)]}
        said = {
            "level": "error",
            "rendered": "\x1b[1merror\x1b[0m: this is \x1b[31mBROKEN\x1b[0m\n",
        }
        wrong = {"reason": "compiler-message", "package_id": key, "message": said}
        answers = {"metadata": metadata, "made": made, "wrong": wrong}
        for kind, answer in answers.items():
            (self.root / f"{name}.{kind}").write_text(json.dumps(answer) + "\n")
        cat = f"/bin/cat {self.root / name}"
        script = (
            f"[ $1 = metadata ] && exec {cat}.metadata\n"
            f"/bin/grep -q BROKEN {source} && {cat}.wrong && exit 101\n"
            f"/bin/grep -q SLOW {source} && exec /bin/sleep 600\n"
            f"exec {cat}.made\n"
        )
        self.rust(self.path, "wasm32-wasip2", cargo=script)
        return source
