"""The files of a store are torn, cut, flipped, mixed: it recovers what was committed, or refuses.

A real engine with real guests works on files that write down every operation, and what the store
held after each commit (`damage_child`). From that record the files are put together as a crash or
a broken disk could leave them, thousands of times, and opened. What fails leaves its files behind,
and prints the line that looks at them again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import pytest
from damage_lives import EXECUTIONS, KILLED, Lives, entered, kept
from damage_truth import DATABASE, INDEX, LOG, Disk, Image, found_in, put, recorded, take

from flawless.stores.sqlite.file import PAGE_BYTES, accept_without_log
from flawless.stores.sqlite.log import FRAME_HEADER_BYTES, HEADER_BYTES

pytestmark = pytest.mark.timeout(3600)

FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
CLUES = ("keep a copy of the file", "Put the log back", "remove the log", "Nothing was changed")
"""A refusal says what to do, with one of these."""

Variants = Iterable[tuple[str, Image]]


class Story:
    """A recorded life: what its files were at each moment, and what it committed."""

    def __init__(self, lives: Lives, seed: int, **job: Any) -> None:
        self.lives = lives
        self.seed = seed
        path = lives.copy() if job.get("engine", True) else lives.new() / DATABASE
        record = path.parent / "record"
        names = EXECUTIONS if job.get("engine", True) else []
        self.life = lives.live(path, names, files=True, record=str(record), **job)
        self.files = take(path)
        self.operations = recorded(record)
        self.truths = [
            what[0] for kind, *what in self.operations if kind in ("opened", "committed")
        ]
        self._place = lives.new() / DATABASE

    @cached_property
    def log_end(self) -> int:
        """Where the frames of the present log end."""
        log, n = self.files[LOG], 0
        while log[HEADER_BYTES + n * FRAME_BYTES + 8 :][:8] == log[16:24]:
            n += 1
        return HEADER_BYTES + n * FRAME_BYTES

    @cached_property
    def moving(self) -> bool:
        """Whether the life ended while pages were moved into the file."""
        disk = Disk()
        for operation in self.operations:
            disk.happen(*operation)
        return disk.moving

    def moments(self) -> Iterator[tuple[int, Disk]]:
        """Yield the number of each operation, and the disk after it."""
        disk = Disk()
        for number, operation in enumerate(self.operations):
            disk.happen(*operation)
            if operation[0] in ("write", "sync", "truncate", "delete", "committed"):
                yield number, disk

    def judge(self, variants: Variants, allowed: Iterable[str] | None = None) -> Counter[str]:
        """Open each variant; return how many recovered what is allowed, and how many refused.

        Fails for the first one that does neither, or whose refusal is not clear. `allowed` is what
        may be found, by default what was held at any commit.
        """
        outcomes: Counter[str] = Counter()
        for label, image in variants:
            outcomes[self.outcome(label, image, allowed)] += 1
        return outcomes

    def outcome(self, label: str, image: Image, allowed: Iterable[str] | None = None) -> str:
        """Open one variant; return whether it is `whole`, `refused`, or in an `earlier` state."""
        try:
            found = found_in(put(self._place, image))
        except BaseException as error:
            found = f"{type(error).__name__}: {error}"
        if found.startswith("refused: "):
            fine = allowed is None and any(clue in found for clue in CLUES)
            kind = "refused"
        else:
            fine = found in (self.truths if allowed is None else allowed)
            kind = "whole" if found == self.truths[-1] else "earlier"
        if not fine:
            folder = Path(tempfile.mkdtemp(prefix="flawless-damaged-"))
            again = f"python tests/crash/damage_truth.py {put(folder / DATABASE, image)}"
            pytest.fail(f"{label} (--seed={self.seed}): {found}\nsee it again: {again}")
        return kind


@pytest.fixture(scope="module")
def calm(lives: Lives, seed: int) -> Story:
    """A life that ended in order."""
    story = Story(lives, seed)
    assert story.life.status == 0, story.life.output
    return story


@pytest.fixture(scope="module")
def killed(lives: Lives, seed: int) -> Story:
    """A life that was killed in the middle of its work, its log unfinished."""
    story = Story(lives, seed, kill_at=Random(seed).randrange(9, 14))
    assert story.life.status == KILLED, story.life.output
    return story


@pytest.fixture(scope="module")
def folded(lives: Lives, seed: int) -> Story:
    """A life that was killed just so, and whose log began anew and was moved many times."""
    story = Story(lives, seed, kill_at=Random(seed).randrange(9, 14), log_pages_max=12)
    assert story.life.status == KILLED, story.life.output
    return story


def repr_short(data: bytes) -> str:
    """Name a parameter."""
    return repr(data[:2])


def some(chance: Random, every: range, count: int, *, whole: bool) -> list[int]:
    """Return all of a range, or a few of it."""
    return [*every] if whole else sorted(chance.sample(every, min(count, len(every))))


def without_index(image: Image) -> Image:
    """Return files as they are when the power has failed, or they were copied elsewhere."""
    return {name: data for name, data in image.items() if name != INDEX}


def without_indexes(story: Story, variants: Variants) -> Variants:
    """Return the variants as they are when the power has failed as well.

    None for a life that ended while pages were moved into the file: that the power fails right
    then, and the log is damaged besides, is two accidents at once, and may go unnoticed.
    """
    if story.moving:
        return []
    return [(f"{label}, no index", without_index(image)) for label, image in variants]


def flipped(data: bytes, place: int, bit: int) -> bytes:
    """Return bytes with one bit changed."""
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


# --- crashes: all that was acknowledged is there, always ----------------------------------------


def after_crashes(
    story: Story, chance: Random, count: int | None, kinds: tuple[str, ...], times: int
) -> int:
    """Let the process, or the power, fail at some moments (None: at all), and see what is left."""
    moments = len([*story.moments()])
    chosen = {*range(moments)} if count is None else {*chance.sample(range(moments), count)}
    tried = 0
    for n, (number, disk) in enumerate(story.moments()):
        if n not in chosen:
            continue
        acknowledged = len(disk.truths)
        # Before it was open, it holds what it held before: nothing, or what is there when it opens.
        allowed = story.truths[max(0, acknowledged - 1) : acknowledged + 1]
        for kind in kinds * times:
            image = disk.killed(chance) if kind == "killed" else disk.powerless(chance)
            story.outcome(f"{kind} at operation {number}", image, allowed)
            tried += 1
    return tried


def test_a_kill_at_any_operation_loses_nothing(calm: Story, whole: bool, chance: Random) -> None:
    """Killed at any operation on its files, in the middle of writes, too, a store has it all."""
    tried = after_crashes(calm, chance, None if whole else 30, ("killed",), 3 if whole else 1)
    print(f"{tried} kills")


def test_a_power_failure_at_any_operation_loses_nothing(
    calm: Story, whole: bool, chance: Random
) -> None:
    """Whichever sectors reached the disk of what was not synced, a store has what was promised."""
    tried = after_crashes(calm, chance, None if whole else 60, ("powerless",), 10 if whole else 1)
    print(f"{tried} power failures")


def test_a_crash_while_a_store_is_made_or_opened(
    lives: Lives, seed: int, whole: bool, chance: Random
) -> None:
    """A store that was never used can be opened, however its making was interrupted."""
    made = Story(lives, seed, engine=False)
    assert made.life.status == 0, made.life.output
    kinds = ("killed", "powerless")
    tried = after_crashes(made, chance, None if whole else 20, kinds, 5 if whole else 1)
    print(f"{tried} crashes of a new store")


def test_what_is_left_by_kill_minus_nine_is_whole(killed: Story, folded: Story) -> None:
    """The files that the killed processes really left hold all that was committed."""
    for story in (killed, folded):
        assert story.outcome("as it is", story.files, story.truths[-1:]) == "whole"


# --- torn files ----------------------------------------------------------------------------------


def test_a_torn_log(killed: Story, folded: Story, whole: bool, chance: Random) -> None:
    """Cut at any byte, or zero from there on: with its index the log is refused if it lacks any."""
    for story in (killed, folded):
        log, end = story.files[LOG], story.log_end
        near = range(max(0, end - 2 * FRAME_BYTES), min(len(log), end + 8))
        places = some(chance, near, 12, whole=whole)
        places += some(chance, range(end), 200 if whole else 8, whole=False)
        cut = [(f"log cut at {n}", {**story.files, LOG: log[:n]}) for n in places]
        zero = [
            (f"log zero from {n}", {**story.files, LOG: log[:n] + bytes(len(log) - n)})
            for n in places
        ]
        outcomes = story.judge([*cut, *zero])
        assert not outcomes["earlier"], "no commit is lost without a word"
        assert outcomes["refused"]
        bare = without_indexes(story, [*cut, *zero])
        print(f"torn logs: {outcomes}, without the index: {story.judge(bare)}")


def test_a_torn_database(killed: Story, folded: Story, whole: bool, chance: Random) -> None:
    """Cut at any byte, the file gets its pages from the log, or is refused."""
    for story in (killed, folded):
        data = story.files[DATABASE]
        places = some(chance, range(len(data) - 2 * PAGE_BYTES, len(data)), 15, whole=whole)
        places += some(chance, range(len(data)), 400 if whole else 15, whole=False)
        variants = [(f"file cut at {n}", {**story.files, DATABASE: data[:n]}) for n in places]
        print(f"torn files: {story.judge(variants)}")


# --- flipped bits --------------------------------------------------------------------------------


def flips(story: Story, name: str, places: Iterable[int], chance: Random) -> Variants:
    """Yield variants with one bit of a file changed."""
    data = story.files[name]
    for place in places:
        bit = chance.randrange(8)
        yield (
            f"bit {bit} of byte {place} of {name}",
            {
                **story.files,
                name: flipped(data, place, bit),
            },
        )


def test_a_flipped_bit_in_the_log(
    killed: Story, folded: Story, whole: bool, chance: Random
) -> None:
    """Whatever bit of the log is flipped, it is noticed, or the commit it is in is given up."""
    for story in (killed, folded):
        count = 3000 if whole else 20
        places = [chance.randrange(story.log_end) for _ in range(count)]
        variants = [*flips(story, LOG, places, chance)]
        outcomes = story.judge(variants)
        assert not outcomes["earlier"]
        bare = without_indexes(story, variants)
        print(f"flips in the log: {outcomes}, without the index: {story.judge(bare)}")


def test_a_flipped_bit_in_the_database(
    killed: Story, calm: Story, whole: bool, chance: Random
) -> None:
    """Whatever bit of the file is flipped, nothing has changed, or it is an error."""
    for story in (killed, calm):
        size = len(story.files[DATABASE])
        places = [chance.randrange(size) for _ in range(6000 if whole else 50)]
        outcomes = story.judge(flips(story, DATABASE, places, chance))
        print(f"flips in the file: {outcomes}")


def test_every_bit_of_the_header(killed: Story, calm: Story, whole: bool, chance: Random) -> None:
    """The first hundred bytes say how all others are read: each of their bits is tried."""
    for story in (killed, calm):
        data = story.files[DATABASE]
        bits = [*some(chance, range(800), 30, whole=whole), *range(160, 168)]
        outcomes = story.judge(
            (
                f"bit {n % 8} of byte {n // 8} of the header",
                {**story.files, DATABASE: flipped(data, n // 8, n % 8)},
            )
            for n in bits
        )
        assert not outcomes["earlier"]
        print(f"flips in the header: {outcomes}")


# --- files that do not belong together -----------------------------------------------------------


def test_files_of_different_moments(
    killed: Story, folded: Story, calm: Story, lives: Lives, whole: bool, chance: Random
) -> None:
    """An older file beside a newer log, and the other way round: refused, or nothing is mixed.

    The files are copied while no pages are moved into them, as one cannot copy half a page.
    """
    template = lives.template.read_bytes()
    for story in (killed, folded, calm):
        moments = [disk.killed() for _, disk in story.moments() if DATABASE in disk.seen]
        still = [disk.killed() for _, disk in story.moments() if not disk.moving]
        files = [*dict.fromkeys(image[DATABASE] for image in still if DATABASE in image)]
        logs = [*dict.fromkeys(image[LOG] for image in moments if image.get(LOG))]
        pairs = [(a, b) for a in range(len(files)) for b in range(len(logs))]
        chosen = chance.sample(pairs, min(len(pairs), 4000 if whole else 40))
        outcomes = story.judge(
            (f"file {a} and log {b}", {DATABASE: files[a], LOG: logs[b]}) for a, b in chosen
        )
        backups = story.judge(
            ("the backup and a later log", {DATABASE: template, LOG: log})
            for log in (logs if whole else chance.sample(logs, 10))
        )
        alone = story.judge(
            (f"file {n} without a log", {DATABASE: data})
            for n, data in enumerate(files)
            if whole or chance.random() < 10 / len(files)
        )
        print(f"mixed files: {outcomes}, a backup with a later log: {backups}, no log: {alone}")


def test_a_backup_that_is_put_back(killed: Story, lives: Lives) -> None:
    """Beside the log of a later moment it is refused; the error says how, and then it opens."""
    template = lives.template.read_bytes()
    both = {**killed.files, DATABASE: template}
    place = lives.new() / DATABASE
    for _ in range(2):
        found = found_in(put(place, both))
        assert "of different moments" in found
        assert "remove the log that was left beside it" in found
    assert take(place) == both, "nothing was changed"
    alone = found_in(put(place, {DATABASE: template}))
    assert alone == killed.truths[0]


def test_a_log_that_is_gone(killed: Story, lives: Lives) -> None:
    """Without its log the file is refused, time after time, until somebody accepts it."""
    alone = {DATABASE: killed.files[DATABASE]}
    place = put(lives.new() / DATABASE, alone)
    for _ in range(2):
        assert "its log" in found_in(place)
        assert "is missing" in found_in(place)
    put(place, alone)
    accept_without_log(place)
    assert found_in(place) in killed.truths


@pytest.mark.parametrize("name", [DATABASE, LOG])
@pytest.mark.parametrize("data", [b"", b"my notes\n" * 500, bytes(8192)], ids=repr_short)
def test_another_file_in_its_place(killed: Story, name: str, data: bytes) -> None:
    """An empty file, a text, and zeros, in place of the file or of its log, are refused."""
    assert killed.judge([("replaced", {**killed.files, name: data})]) == {"refused": 1}


# --- and then the engine -------------------------------------------------------------------------


def test_the_engine_goes_on_from_what_is_recovered(
    killed: Story, lives: Lives, whole: bool, chance: Random
) -> None:
    """From each state that a torn log leaves, all executions end, and what is recorded stays."""
    states: dict[str, Image] = {}
    for end in range(HEADER_BYTES, killed.log_end + 1, FRAME_BYTES):
        log = killed.files[LOG]
        image = without_index({**killed.files, LOG: log[:end] + bytes(len(log) - end)})
        path = put(lives.new() / DATABASE, image)
        found = found_in(path)
        if not found.startswith("refused"):
            states.setdefault(found, image)
        shutil.rmtree(path.parent)
    assert len(states) > 3
    chosen = [*states] if whole else chance.sample([*states], 1)
    for state in chosen:
        path = put(lives.new() / DATABASE, states[state])
        before = kept(path)
        put(path, states[state])
        life = lives.live(path, EXECUTIONS)
        label = f"from commit {killed.truths.index(state)} (--seed={killed.seed})"
        assert life.status == 0, f"{label}: {life.output}"
        assert not lives.broken(path, life.report, replays=whole), label
        assert not entered(before) & {*lives.marks(path)}, f"{label}: a step was repeated"
        after = kept(path)
        for name, entries in before.items():
            assert after[name][: len(entries)] == entries, f"{label}: {name} was rewritten"
        shutil.rmtree(path.parent)
    print(f"{len(chosen)} of {len(states)} states were gone on from")


def test_a_damaged_journal_stops_its_execution_only(
    killed: Story, lives: Lives, whole: bool, chance: Random
) -> None:
    """A flipped bit within a journal ends that execution with a clear error, and no other."""
    for _ in range(20 if whole else 1):
        path = put(lives.new() / DATABASE, killed.files)
        name = lives.flip_in_journal(path, chance)
        life = lives.live(path, EXECUTIONS)
        assert life.status == 0, life.output
        root = name.partition(".")[0]
        assert root in life.report.get("errors", {}), life.report
        text = life.report["errors"].pop(root)
        assert "damaged" in text, text
        assert not life.report["errors"]
        for other in {*EXECUTIONS} - {root}:
            assert life.report["results"][other], life.report
        shutil.rmtree(path.parent)
