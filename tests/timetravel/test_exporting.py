"""Export files: what goes in comes out, and whatever was changed on the way is noticed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import export_workflows
import msgspec
import pytest

from flawless import Engine, UsageError
from flawless.core.encoding import encode_entry
from flawless.core.entries import Completed, Entry, Failed
from flawless.errors import DeploymentInvalid
from flawless.testing import JournalDamaged, Lab, export_journal, read_journal
from flawless.timetravel import (
    ExportDamaged,
    Recording,
    export_bytes,
    open_export,
    present_code,
    read_export,
)
from flawless.timetravel.files.export_format import BYTES_MAX, encoded, seal_of

NOW_US = 1_800_000_000_000_000
SEED = 20_261_127
TINY = b"\0asm, or so"
MEMBERS = ["about.json", "component.wasm", "deployment.json", "journal.json"]


@pytest.fixture(scope="module")
def recordings() -> Iterator[dict[str, Recording]]:
    """Real recordings: one that completed, one that failed, one that still waits."""
    with Engine(modules=[export_workflows]) as engine:
        done = engine.start(export_workflows.pack, ["cup", "lamp"], id="done")
        done.result()
        failed = engine.start(export_workflows.drop, "a vase", id="failed")
        with pytest.raises(Exception, match="a vase is broken"):
            failed.result()
        waits = engine.start(export_workflows.hold, id="waits")
        while len(waits.journal()) < 2:
            pass
        runs = {run.id: Recording.of(run) for run in (done, failed, waits)}
        runs["text"] = read_export(export_journal(done))
        yield runs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, as on a machine that has run nothing yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("FLAWLESS_CACHE", str(folder))
    return folder


@pytest.fixture
def tiny(recordings: dict[str, Recording], cache: Path) -> bytes:
    """An export whose component is a few bytes: for what is not replayed."""
    done = recordings["done"]
    deployment = done.deployment.on(hashlib.sha256(TINY).hexdigest(), "bundle")
    first = msgspec.structs.replace(done.invoked, deployment=deployment.id)
    entries: list[Entry] = [first, *done.entries[1:]]
    recording = Recording(done.execution, done.status, entries, deployment, TINY)
    return export_bytes(recording, now_us=NOW_US)


# --- round trips ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "end"), [("done", Completed), ("failed", Failed), ("waits", None)]
)
def test_what_was_exported_is_replayed(
    recordings: dict[str, Recording], name: str, end: type | None, tmp_path: Path
) -> None:
    """From the file comes the same recording, and its replay asks the same and ends the same."""
    recording = recordings[name]
    file = tmp_path / "it.flawless"
    file.write_bytes(export_bytes(recording, now_us=NOW_US))
    found = open_export(file)
    assert found.recording.entries == recording.entries
    assert found.recording.status == recording.status
    assert found.recording.deployment.encoded == recording.deployment.encoded
    assert hashlib.sha256(found.recording.wasm).hexdigest() == found.about.component  # type: ignore[union-attr]  # it is a zip file
    replayed, original = found.recording.replay(), recording.replay()
    assert replayed == original
    assert (replayed.end is None) if end is None else isinstance(replayed.end, end)


def test_the_same_recording_gives_the_same_bytes(recordings: dict[str, Recording]) -> None:
    """A file can be made again and compared; its seal is in `about.json`, with what people ask."""
    made = [export_bytes(recordings["done"], now_us=NOW_US, contents="code") for _ in range(2)]
    assert made[0] == made[1]
    about = open_export(made[0]).about
    assert about is not None
    assert (about.execution, about.workflow, about.status) == (
        "done",
        "export_workflows.pack",
        "completed",
    )
    assert about.exported_at == "2027-01-15T08:00:00Z"
    assert about.entries == len(recordings["done"].entries)


def test_a_file_without_its_component_is_small(
    recordings: dict[str, Recording],
) -> None:
    """It is replayed where the component is known; elsewhere the error says what to do."""
    data = export_bytes(recordings["done"], now_us=NOW_US, contents="code")
    assert len(data) < 10_000
    assert isinstance(read_export(data).replay().end, Completed)
    unknown = recordings["done"].deployment.on("ab" * 32, "bundle")
    with pytest.raises(DeploymentInvalid, match="export the execution with its component"):
        recordings["done"].on(unknown).replay()


def test_a_journal_without_its_deployment(recordings: dict[str, Recording]) -> None:
    """It is read, in the form of the test kit too, and replayed on code that is given."""
    alone = export_bytes(recordings["done"], now_us=NOW_US, contents="journal")
    for found in (read_export(alone), recordings["text"]):
        assert found.journal_only
        assert found.entries == recordings["done"].entries
        with pytest.raises(UsageError, match=r"--patch app\.py"):
            found.replay()
        with pytest.raises(UsageError, match=r"--patch app\.py"):
            export_bytes(found, now_us=NOW_US)
        code = present_code([export_workflows])
        other = found.on(code.deployment, component=code.component)
        assert isinstance(other.replay().end, Completed)


def test_a_recording_on_other_code_is_not_exported(recordings: dict[str, Recording]) -> None:
    """It would pretend that the execution ran on that code."""
    other = recordings["done"].deployment.on("ab" * 32, "bundle")
    with pytest.raises(UsageError, match="on other code"):
        export_bytes(recordings["done"].on(other), now_us=NOW_US, contents="code")


def test_a_component_that_is_not_the_deployments_is_not_exported(
    recordings: dict[str, Recording], cache: Path
) -> None:
    """Neither another one, nor none at all where nobody has it."""
    done = recordings["done"]
    with pytest.raises(DeploymentInvalid, match="as its deployment says"):
        export_bytes(done.on(done.deployment, TINY), now_us=NOW_US)
    with pytest.raises(UsageError, match="--no-component"):
        export_bytes(done.on(done.deployment), now_us=NOW_US)


def test_no_secret_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal has placeholders where the request had the secret."""
    monkeypatch.setenv("CUSTOMS_KEY", "s3cr3t-of-the-customs")
    secrets = {"CUSTOMS_KEY": {"hosts": ["customs.example"], "env": "CUSTOMS_KEY"}}
    sent: list[str] = []

    def answer(request: Any) -> int:
        sent.append(request.headers["key"])
        return 200

    with Lab(export_workflows, secrets=secrets) as lab:
        lab.fake_http("https://customs.example/*", answer)
        run = lab.start(export_workflows.declare, "https://customs.example/parcels")
        assert run.result() == 200
        data = export_bytes(Recording.of(run), now_us=NOW_US, contents="code")
    assert sent == ["s3cr3t-of-the-customs"]
    unpacked = contents_of(data)
    frames = [line["frame"] for line in json.loads(unpacked["journal.json"])["entries"]]
    held = b"".join([*unpacked.values(), *map(base64.b64decode, frames)])
    assert b"s3cr3t" not in held


# --- tampering ------------------------------------------------------------------------------------


def contents_of(data: bytes) -> dict[str, bytes]:
    """Return the members of a file."""
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        return {name: made.read(name) for name in made.namelist()}


def packed(contents: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a file with these members, as somebody else's tool would make it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as made:
        for name, content in contents.items():
            made.writestr(name, content)
    return file.getvalue()


def forged(contents: dict[str, bytes], **changes: Any) -> bytes:
    """Return a file whose hashes and seal fit what was changed, as a forger would make it."""
    about = json.loads(contents["about.json"]) | changes
    about["members"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in contents.items()
        if name != "about.json"
    }
    about["seal"] = seal_of(about)
    return packed(contents | {"about.json": encoded(about)})


@pytest.mark.parametrize("member", MEMBERS)
def test_any_changed_byte_is_noticed(tiny: bytes, member: str) -> None:
    """Wherever it is, and whichever bit: the error names the member."""
    contents = contents_of(tiny)
    assert sorted(contents) == MEMBERS
    chance = random.Random(SEED)
    for _ in range(60):
        changed = bytearray(contents[member])
        place, bit = chance.randrange(len(changed)), chance.randrange(8)
        changed[place] ^= 1 << bit
        with pytest.raises(UsageError) as caught:
            open_export(packed(contents | {member: bytes(changed)}))
        assert member in str(caught.value), (SEED, place, bit)


@pytest.mark.parametrize("member", MEMBERS)
def test_bytes_added_or_cut_off_are_noticed(tiny: bytes, member: str) -> None:
    """A member has the length it was written with."""
    contents = contents_of(tiny)
    for changed in (contents[member] + b" ", contents[member][:-1], b""):
        with pytest.raises(UsageError, match=member):
            open_export(packed(contents | {member: changed}))


def test_whatever_happens_to_the_file_no_other_recording_comes_out(tiny: bytes) -> None:
    """A flipped bit of the file gives an error of ours, or does not matter."""
    entries = read_export(tiny).entries
    chance = random.Random(SEED)
    refused = 0
    for _ in range(300):
        changed = bytearray(tiny)
        place, bit = chance.randrange(len(changed)), chance.randrange(8)
        changed[place] ^= 1 << bit
        try:
            found = read_export(bytes(changed))
        except UsageError:
            refused += 1
        else:
            assert (found.entries, found.wasm) == (entries, TINY), (SEED, place, bit)
    assert refused > 200


def test_a_file_that_was_cut_short(tiny: bytes) -> None:
    """As an interrupted copy leaves it."""
    chance = random.Random(SEED)
    for length in (0, 1, len(tiny) - 1, *(chance.randrange(len(tiny)) for _ in range(30))):
        with pytest.raises(UsageError, match=r"no export file, or was cut short"):
            open_export(tiny[:length])


def other_frame(contents: dict[str, bytes]) -> bytes:
    """Change what a step returned, with its checksum, but not the chain."""
    journal = json.loads(contents["journal.json"])
    entry = msgspec.structs.replace(read_export(forged(contents)).entries[1], label="step other")
    journal["entries"][1]["frame"] = base64.b64encode(encode_entry(1, entry)).decode()
    return forged(contents | {"journal.json": json.dumps(journal).encode()})


def other_code(contents: dict[str, bytes]) -> bytes:
    """Give the journal another deployment."""
    manifest = json.loads(contents["deployment.json"]) | {"entry_modules": ["other"]}
    return forged(contents | {"deployment.json": json.dumps(manifest).encode()})


def other_code_told_of(contents: dict[str, bytes]) -> bytes:
    """The same, and say so."""
    manifest = json.loads(contents["deployment.json"]) | {"entry_modules": ["other"]}
    data = json.dumps(manifest).encode()
    name = hashlib.sha256(data).hexdigest()[:16]
    return forged(contents | {"deployment.json": data}, deployment=name)


def no_code(contents: dict[str, bytes]) -> bytes:
    return forged(contents | {"deployment.json": b'{"format": "?"}'})


def other_component(contents: dict[str, bytes]) -> bytes:
    return forged(contents | {"component.wasm": b"another"})


def other_execution(contents: dict[str, bytes]) -> bytes:
    return forged(contents, execution="other")


def more_entries(contents: dict[str, bytes]) -> bytes:
    return forged(contents, entries=99)


def leads_elsewhere(contents: dict[str, bytes]) -> bytes:
    journal = json.loads(contents["journal.json"]) | {"execution": "../../passwd"}
    data = json.dumps(journal).encode()
    return forged(contents | {"journal.json": data}, execution="../../passwd")


def without_deployment(contents: dict[str, bytes]) -> bytes:
    return forged({name: it for name, it in contents.items() if name != "deployment.json"})


def without_journal(contents: dict[str, bytes]) -> bytes:
    return forged({name: it for name, it in contents.items() if name != "journal.json"})


def told_of_but_missing(contents: dict[str, bytes]) -> bytes:
    return packed({name: it for name, it in contents.items() if name != "component.wasm"})


def one_more(contents: dict[str, bytes]) -> bytes:
    return packed(contents | {"../evil.py": b"1"})


def incomplete(contents: dict[str, bytes]) -> bytes:
    about = {"format": "flawless-export", "version": 1}
    return packed(contents | {"about.json": encoded(about | {"seal": seal_of(about)})})


def in_another_way(contents: dict[str, bytes]) -> bytes:
    return packed(contents, zipfile.ZIP_LZMA)


@pytest.mark.parametrize(
    ("forge", "member"),
    [
        (other_frame, "journal.json"),
        (other_code, "deployment.json"),
        (other_code_told_of, "about.json"),
        (no_code, "deployment.json"),
        (other_component, "component.wasm"),
        (other_execution, "about.json"),
        (more_entries, "about.json"),
        (leads_elsewhere, "journal.json"),
        (without_deployment, "deployment.json"),
        (without_journal, "journal.json"),
        (told_of_but_missing, "component.wasm"),
        (one_more, "'../evil.py'"),
        (incomplete, "about.json"),
        (in_another_way, "about.json"),
    ],
)
def test_members_that_do_not_belong_together(
    tiny: bytes, forge: Callable[[dict[str, bytes]], bytes], member: str
) -> None:
    """Also where all hashes and the seal were made anew, members have to fit each other."""
    with pytest.raises(ExportDamaged) as caught:
        open_export(forge(contents_of(tiny)))
    assert caught.value.member == member


def test_a_damaged_journal_is_no_matter_of_the_store(tiny: bytes) -> None:
    """The error tells the place and what to do about a file: the data folder is as it was."""
    forgery = other_frame(contents_of(tiny))
    text = contents_of(forgery)["journal.json"]
    for data, member in ((forgery, r"journal\.json"), (text, "the journal")):
        with pytest.raises(ExportDamaged, match=rf"^x: {member} is damaged at entry \d") as caught:
            open_export(data, name="x")
        assert "export the execution again" in str(caught.value)
        assert "backup" not in str(caught.value)
    with pytest.raises(JournalDamaged, match=r"this is damaged at entry .* export it again"):
        read_journal(text)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice(tiny: bytes) -> None:
    """Which of the two counts would depend on who reads it."""
    file = io.BytesIO(tiny)
    with zipfile.ZipFile(file, "a") as made:
        made.writestr("journal.json", b"{}")
    with pytest.raises(ExportDamaged, match=r"journal\.json is there twice"):
        open_export(file.getvalue())


# --- other files ----------------------------------------------------------------------------------


def test_a_file_of_a_newer_version(tiny: bytes) -> None:
    """It is refused before anything in it is looked at."""
    with pytest.raises(UsageError, match=r"version 2 of the format.* use a newer release"):
        open_export(forged(contents_of(tiny), version=2, entries="in another way"))
    manifest = json.loads(contents_of(tiny)["deployment.json"]) | {"format": 2}
    data = json.dumps(manifest).encode()
    name = hashlib.sha256(data).hexdigest()[:16]
    newer = forged(contents_of(tiny) | {"deployment.json": data}, deployment=name)
    with pytest.raises(UsageError, match=r"deployment\.json has format 2.* use a newer release"):
        open_export(newer)


def test_a_journal_within_that_is_none(tiny: bytes) -> None:
    """The error names the file as well as the member."""
    for journal, reason in (
        (b"{}", "is no exported journal"),
        (b'{"format": "flawless-journal", "version": 2}', "has version 2 of the format"),
    ):
        data = forged(contents_of(tiny) | {"journal.json": journal})
        with pytest.raises(UsageError, match=rf"^it\.flawless: journal\.json {reason}"):
            open_export(data, name="it.flawless")


def test_members_that_are_too_large_are_not_unpacked(
    tiny: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what says so, nor what says that it is small."""
    bomb = contents_of(tiny) | {"journal.json": bytes(3 << 20)}
    monkeypatch.setitem(BYTES_MAX, "journal.json", 2 << 20)
    with pytest.raises(ExportDamaged, match=r"journal\.json says it has 3,145,728 bytes, and may"):
        open_export(forged(bomb))
    small = forged(bomb).replace(struct.pack("<L", 3 << 20), struct.pack("<L", 1_000))
    with pytest.raises(ExportDamaged, match=r"journal\.json cannot be unpacked \(Bad CRC-32"):
        open_export(small)


def test_a_journal_that_is_too_large_is_not_exported(
    recordings: dict[str, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that nobody would read is not written."""
    monkeypatch.setitem(BYTES_MAX, "journal.json", 100)
    with pytest.raises(UsageError, match=r"journal\.json would have .* holds up to 100"):
        export_bytes(recordings["done"], now_us=NOW_US, contents="code")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no export file"),
        (b"hello", "no export file"),
        (b"{}", "no exported journal"),
        (b"[" * 100_000, "no exported journal"),
        (packed({}), "has no about.json"),
        (packed({"about.json": b"[]"}), "of another format"),
        (packed({"about.json": b"["}), "is no JSON"),
        (packed({"about.json": b"[" * 50_000}), "is no JSON"),
        (packed({"mimetype": b"application/epub"}), "is no member of an export file"),
    ],
)
def test_files_of_other_kinds(data: bytes, reason: str) -> None:
    """The error says what is wrong with the file."""
    with pytest.raises(UsageError, match=reason):
        open_export(data)


@pytest.mark.parametrize("version", ['"x"', "null", "{}", "true", "1.5"])
def test_a_version_that_is_no_number(version: str) -> None:
    """The error names the field, in words of the format."""
    text = b'{"format": "flawless-journal", "version": %b}' % version.encode()
    with pytest.raises(UsageError, match=r"Expected `int`, got .* at `\$\.version`"):
        open_export(text)
