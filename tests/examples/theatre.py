"""Plays scenes in processes that are killed, before a world that goes on and keeps count."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rust_scenes import RUST_SCENES
from scenes import SCENES, load

from repository import ROOT

STAGE = Path(__file__).with_name("stage.py")
World: Any = load("order_saga", "world").World


@dataclass(frozen=True, slots=True)
class Played:
    """A scene that was played to its end, perhaps through several deaths."""

    report: dict[str, Any]
    crashes: list[str]
    """What each life was to die of; the last one may have come to the end before."""
    deaths: int
    requests: list[Any]

    def carried_out(self, service: str | None = None) -> Counter[str]:
        """Return what the world's services have done, and how often."""
        return Counter(
            f"{request.service} {json.dumps(request.body, sort_keys=True)}"
            for request in self.requests
            if not request.again and service in (None, request.service)
        )


class Theatre:
    """Plays scenes; holds the process that the players are forked from."""

    def __init__(self, folder: Path) -> None:
        self.components: dict[str, Path] = {}
        """The component of each scene that is played on one."""
        self._folder = folder
        self._plays = 0
        self._undisturbed: dict[str, Played] = {}
        self._process = subprocess.Popen(
            [sys.executable, str(STAGE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def close(self) -> None:
        """End the process."""
        with self._process:
            self._process.kill()

    def play(self, name: str, crashes: list[str], chance: random.Random) -> Played:
        """Play a scene; each life is to die of one of `crashes`, and then one comes to the end."""
        self._plays += 1
        folder = self._folder / str(self._plays)
        folder.mkdir()
        player = Player()
        deaths = 0
        report = folder / "report.json"
        scene = (SCENES | RUST_SCENES)[name]
        with World(scene.services(), player.seen) as world:
            for crash in [*crashes, ""]:
                job = {
                    "scene": name,
                    "component": str(self.components.get(name, "")),
                    "url": world.url,
                    "store": str(folder / "t.db"),
                    "time": str(folder / "time"),
                    "report": str(report),
                    "output": str(folder / "output"),
                    "evict_after_s": chance.choice(scene.patience_s),
                    "crash": crash,
                }
                status = self._live(job, player)
                if status == 0:
                    break
                output = (folder / "output").read_text()
                assert status == -signal.SIGKILL, f"{crash or 'undisturbed'}: {status}\n{output}"
                deaths += 1
            assert report.exists(), f"killed by somebody else: {crashes}"
            return Played(json.loads(report.read_text()), crashes, deaths, list(world.requests))

    def undisturbed(self, name: str) -> Played:
        """Play a scene without any crash; the first time only."""
        if name not in self._undisturbed:
            self._undisturbed[name] = self.play(name, [], random.Random(name))
        return self._undisturbed[name]

    def _live(self, job: dict[str, Any], player: Player) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        player.expect(job["crash"])
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        player.pid = int(self._process.stdout.readline())
        return int(self._process.stdout.readline())


class Player:
    """The process on stage; killed by the world at a request that has just been carried out."""

    def __init__(self) -> None:
        self.pid = 0
        self._left = 0
        self._service = ""

    def expect(self, crash: str) -> None:
        """Begin a life that dies of that: `request:3` the third one, `at:refund` one for that."""
        kind, _, which = crash.partition(":")
        self.pid = 0
        self._left = int(which) if kind == "request" else 0
        self._service = which if kind == "at" else ""

    def seen(self, request: Any) -> None:
        """Count a request, and kill at the right one."""
        self._left -= 1
        if self._left == 0 or request.service == self._service:
            os.kill(self.pid, signal.SIGKILL)


def draw(undisturbed: Played, deaths: int, chance: random.Random) -> list[str]:
    """Return what lives are to die of, so that each comes some way, and none to the end."""
    crashes = []
    share = 1 / (deaths + 1)
    for _ in range(deaths):
        commit = chance.randint(1, max(1, round(undisturbed.report["commits"] * share)))
        request = chance.randint(1, max(1, round(len(undisturbed.requests) * share)))
        seconds = chance.uniform(0.0, undisturbed.report["seconds"] * share)
        side = chance.choice(["before", "after"])
        crashes.append(
            chance.choice([f"commit:{commit}:{side}", f"request:{request}", f"time:{seconds:.4f}"])
        )
    return crashes
