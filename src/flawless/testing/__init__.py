"""The test kit: virtual time, fakes, crashes and replays for the tests of your workflows."""

from flawless.engine.replay import Replayed
from flawless.errors import Divergence, JournalDamaged
from flawless.testing.clock import VirtualClock
from flawless.testing.crashes import Crash
from flawless.testing.exports import export_journal, read_journal, replay_journal
from flawless.testing.lab import Lab
from flawless.testing.pace import LabStuck
from flawless.testing.steps import Call, FakeStep
from flawless.testing.sweep import CrashReport
from flawless.testing.web import FakeHttp, Reply, Request

__all__ = [
    "Call",
    "Crash",
    "CrashReport",
    "Divergence",
    "FakeHttp",
    "FakeStep",
    "JournalDamaged",
    "Lab",
    "LabStuck",
    "Replayed",
    "Reply",
    "Request",
    "VirtualClock",
    "export_journal",
    "read_journal",
    "replay_journal",
]
