"""Code that is uploaded to an engine: what serves from then on, and after a restart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lives import until
from uploading import HEAD, NATIVELY, deploy, drop_steps, good, open_engine, reopen, source, version

import flawless
from flawless.errors import DeploymentInvalid, StoreError
from flawless.functions import find_step

pytestmark = pytest.mark.usefixtures("untouched")


# --- what serves ----------------------------------------------------------------------------------


@pytest.mark.parametrize("process", [False, True])
def test_a_new_version_serves_what_is_new(served: flawless.Engine, process: bool) -> None:
    """What waits goes on with its own workflow code; steps are the new ones for everybody."""
    first, new = deploy(served, {"up_shop.py": version(1, process=process)})
    assert new
    assert served.start("up_shop.run").result(30) == (1, 1)
    waiting = served.start("up_shop.run", wait=True)
    until(lambda: waiting.status is flawless.Status.WAITING, "it waits")
    second, new = deploy(served, {"up_shop.py": version(2, process=process)})
    assert new
    assert second != first
    assert served.start("up_shop.run").result(30) == (2, 2)
    waiting.send("go")
    assert waiting.result(30) == (1, 2)
    assert waiting.info().deployment == first
    assert served.start("up_file.own").result(30) == "own"


def test_the_same_content_is_the_same_deployment(served: flawless.Engine) -> None:
    """Uploading again changes nothing; going back to an old version makes that one serve."""
    one, _ = deploy(served, {"up_shop.py": version(1)})
    assert deploy(served, {"up_shop.py": version(1)}) == (one, False)
    two, _ = deploy(served, {"up_shop.py": version(2)})
    assert deploy(served, {"up_shop.py": version(1)}) == (one, False)
    assert served.start("up_shop.run").result(30) == (1, 1)
    assert served.health()["deployment"] == one
    assert two != one


def test_what_only_steps_load_is_part_of_the_content(served: flawless.Engine) -> None:
    """A change to a module that no workflow loads makes another deployment, and serves."""
    main = source(
        """
        import json

        @step
        def tell() -> int:
            from up_aside import NUMBER, aside
            assert type(aside).__name__ == "Step"
            return NUMBER

        @workflow
        def run() -> int: return tell()
        """
    )
    found = []
    for number in (1, 2, 1):
        aside = f"import msgspec\n{HEAD}NUMBER = {number}\n@step\ndef aside() -> int: ...\n"
        id_, _ = deploy(served, {"up_lazy.py": main, "up_aside.py": aside}, "up_lazy")
        found.append((id_, served.start("up_lazy.run").result(30)))
    assert [number for _, number in found] == [1, 2, 1]
    assert found[0] == found[2] != found[1]


def test_two_modules_serve_side_by_side(served: flawless.Engine) -> None:
    """Uploads of other modules leave each other alone; each workflow has its own deployment."""
    one, _ = deploy(served, {"up_shop.py": version(1)})
    two, _ = deploy(served, {"up_desk.py": version(2)})
    assert served.start("up_shop.run").info().deployment == one
    assert served.start("up_desk.run").info().deployment == two
    three, _ = deploy(served, {"up_shop.py": version(3)})
    assert served.start("up_shop.run").result(30) == (3, 3)
    assert served.start("up_desk.run").result(30) == (2, 2)
    entries, _ = served.call(lambda service: service.catalogue.page())
    current = {entry.id: entry.current for entry in entries}
    assert current[one] == []
    assert current[two] == ["up_desk.run"]
    assert current[three] == ["up_shop.run"]


def test_modules_with_the_same_helper_keep_their_own(served: flawless.Engine) -> None:
    """Two uploads may each bring a module of the same name: each has imported its own."""
    for n, name in ((1, "up_shop"), (2, "up_desk")):
        body = (
            "from up_helper import NUMBER\n\n"
            "@step\ndef tell() -> int: return NUMBER\n\n"
            "@workflow\ndef run() -> tuple[int, int]: return NUMBER, tell()\n"
        )
        files = {f"{name}.py": source(body), "up_helper.py": f"NUMBER = {n}\n"}
        deploy(served, files, name)
    assert served.start("up_shop.run").result(30) == (1, 1)
    assert served.start("up_desk.run").result(30) == (2, 2)


def test_a_workflow_name_that_two_modules_have(served: flawless.Engine) -> None:
    """The upload that came last has it."""
    body = "@workflow(name='pay')\ndef run() -> str: return __name__\n"
    for name in ("up_one", "up_two", "up_one"):
        deploy(served, {f"{name}.py": source(body)})
        assert served.start("pay").result(30) == name


def test_a_workflow_that_is_gone_cannot_be_started(served: flawless.Engine) -> None:
    """A new version without a workflow, or a step, is without it, though an old one had it."""
    extra = (
        "\n\n@step\ndef more() -> int: return 1\n\n@workflow\ndef gone() -> int: return more()\n"
    )
    deploy(served, {"up_shop.py": version(1) + extra})
    assert served.start("up_shop.gone").result(30) == 1
    assert find_step("up_shop.more") is not None
    deploy(served, {"up_shop.py": version(2)})
    with pytest.raises(flawless.WorkflowNotFound):
        served.start("up_shop.gone")
    assert find_step("up_shop.more") is None


def test_packages_and_their_modules(served: flawless.Engine) -> None:
    """A package is uploaded with its folders; relative imports and namespaces work."""
    files = {
        "up_pack/__init__.py": "WORD = 'word'\n",
        "up_pack/inner/deep.py": source(
            "from .. import WORD\nfrom up_space.part import PART\n\n"
            "@step\ndef tell() -> str: return WORD + PART\n\n"
            "@workflow\ndef run() -> list[str]: return [WORD + PART, tell()]\n"
        ),
        "up_space/part.py": "PART = '-part'\n",
    }
    id_, _ = deploy(served, files, "up_pack.inner.deep")
    assert served.start("up_pack.inner.deep.run").result(30) == ["word-part", "word-part"]
    _, deployment = served.call(lambda service: service.catalogue.get(id_))
    shown = {module.name: module.file for module in deployment.manifest.modules if module.user}
    assert shown["up_pack.inner.deep"] == "up_pack/inner/deep.py"
    assert shown["up_space.part"] == "up_space/part.py"


def test_uploaded_code_uses_what_is_installed_and_nothing_beside(served: flawless.Engine) -> None:
    """Libraries of the server can be imported; modules of other uploads cannot."""
    deploy(served, {"up_shop.py": version(1)})
    body = "import httpx\n\n@step\ndef host() -> str: return httpx.URL('http://a.example/').host\n"
    body += "@workflow\ndef run() -> str: return host()\n"
    deploy(served, {"up_uses.py": source(body)})
    assert served.start("up_uses.run").result(30) == "a.example"
    with pytest.raises(DeploymentInvalid, match="up_shop"):
        deploy(served, {"up_more.py": source("import up_shop\n" + body)})


def test_a_declared_encoding_is_kept(served: flawless.Engine) -> None:
    """A source that declares its encoding is the same text natively and in the guest."""
    body = "# -*- coding: latin-1 -*-\n" + source(
        "@step\ndef word() -> str: return 'é'\n\n"
        "@workflow\ndef run() -> list[str]: return ['é', word()]\n"
    )
    deploy(served, {"up_latin.py": body})
    assert served.start("up_latin.run").result(30) == ["é", "é"]


# --- over restarts --------------------------------------------------------------------------------


def test_uploads_serve_after_a_restart(tmp_path: Path) -> None:
    """An engine without modules serves what was uploaded, and writes files anew that are wrong."""
    with open_engine(tmp_path) as engine:
        deploy(engine, {"up_shop.py": version(1)})
        deploy(engine, {"up_shop.py": version(2)})
        two, _ = deploy(engine, {"up_desk.py": version(3)})
        waiting = engine.start("up_desk.run", wait=True, id="w")
        assert len(list((tmp_path / "t.db.code").iterdir())) == 3
    shop = next(place for place in (tmp_path / "t.db.code").iterdir() if place.name == two)
    (shop / "up_desk.py").write_text("raise ValueError('not what was uploaded')\n")
    with reopen(tmp_path) as engine:
        assert set(engine.call(workflows)) == {"up_shop.run", "up_desk.run"}
        assert engine.start("up_shop.run").result(30) == (2, 2)
        assert engine.call(unloaded) == []
        waiting = engine.get("w")
        waiting.send("go")
        assert waiting.result(30) == (3, 3)
        assert len(list((tmp_path / "t.db.code").iterdir())) == 2
        with pytest.raises(flawless.WorkflowNotFound):
            engine.start("up_file.own")


async def unloaded(service: object) -> list[str]:
    """Return the workflows whose start would have to wait until a component is compiled."""
    library = service._library  # type: ignore[attr-defined]  # a service
    return [name for name in library.workflows if library.loaded(library.latest(name).id) is None]


async def workflows(service: object) -> list[str]:
    """Return the names of what can be started."""
    return list(service.workflows)  # type: ignore[attr-defined]  # a service


def test_nothing_to_serve(tmp_path: Path) -> None:
    """An engine without modules on a store without uploads says what it needs."""
    with open_engine(tmp_path):
        pass
    with pytest.raises(DeploymentInvalid, match="nothing was"):
        reopen(tmp_path).open()


def test_a_link_in_the_place_of_code_is_not_followed(tmp_path: Path) -> None:
    """Where somebody put a link, the link goes, and what it led to stays."""
    with open_engine(tmp_path) as engine:
        id_, _ = deploy(engine, good())
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("precious")
    place = tmp_path / "t.db.code" / id_
    place.rename(tmp_path / "moved")
    place.symlink_to(outside)
    (tmp_path / "t.db.code" / "left-over").symlink_to(outside)
    with reopen(tmp_path) as engine:
        assert engine.start("up_shop.run").result(30) == (1, 1)
    assert [file.name for file in outside.iterdir()] == ["precious.txt"]
    assert not place.is_symlink()


def test_what_cannot_be_served_any_more(tmp_path: Path) -> None:
    """An upload whose library is gone stops the start, with its id and the way out."""
    library = tmp_path / "lib"
    library.mkdir()
    (library / "up_file_library.py").write_text("X = 1\n")
    sys.path.insert(0, str(library))
    body = version(1) + "\n\n" + NATIVELY.format("import up_file_library")
    with open_engine(tmp_path) as engine:
        id_, _ = deploy(engine, {"up_shop.py": body})
    sys.path.remove(str(library))
    with pytest.raises(DeploymentInvalid, match=rf"{id_}.*flawless up up_shop\.py"):
        reopen(tmp_path).open()
    (tmp_path / "up_shop.py").write_text(version(2))
    with flawless.Engine(tmp_path / "t.db", modules=[tmp_path / "up_shop.py"]) as engine:
        assert engine.start("up_shop.run").result(30) == (2, 2)
    for name in list(sys.modules):
        if name.startswith("up_shop"):
            del sys.modules[name]
    drop_steps("up_shop.")


def test_modules_that_are_given_come_before_earlier_uploads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file named at the start serves in place of its upload, and later uploads in its place."""
    file = tmp_path / "up_file.py"
    file.write_text(version(1))
    with open_engine(tmp_path) as engine:
        deploy(engine, {"up_file.py": version(2)})
        deploy(engine, {"up_desk.py": version(5)})
        assert engine.start("up_file.run").result(30) == (2, 2)
    with open_engine(tmp_path) as engine:
        assert "does not serve" in caplog.text
        assert engine.start("up_file.run").result(30) == (1, 1)
        assert engine.start("up_desk.run").result(30) == (5, 5)
        deploy(engine, {"up_file.py": version(3)})
        assert engine.start("up_file.run").result(30) == (3, 3)
    sys.modules.pop("up_file")
    with reopen(tmp_path) as engine:
        assert engine.start("up_file.run").result(30) == (3, 3)
        assert engine.start("up_desk.run").result(30) == (5, 5)


def test_the_allowed_hosts_are_those_of_the_engine(tmp_path: Path) -> None:
    """An engine that allows other hosts allows them to uploads too; labels stay."""
    with open_engine(tmp_path) as engine:
        one, _ = deploy(engine, good(), label="v1")
    egress = ["a.example"]
    with flawless.Engine(tmp_path / "t.db", modules=[], egress=egress) as engine:
        entries, _ = engine.call(lambda service: service.catalogue.page())
        assert [(entry.label, bool(entry.current)) for entry in entries[:2]] == [
            ("v1", True),
            ("v1", False),
        ]
        id_ = engine.start("up_shop.run").info().deployment
        assert id_ != one
        _, deployment = engine.call(lambda service: service.catalogue.get(id_))
        assert deployment.manifest.egress == egress
    with flawless.Engine(tmp_path / "t.db", modules=[], egress=egress) as engine:
        assert engine.start("up_shop.run").info().deployment == id_


def test_a_store_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload that cannot be kept does not serve either."""
    with open_engine(tmp_path) as engine:
        deploy(engine, good())

        async def break_store(service: object) -> None:
            store = service.store  # type: ignore[attr-defined]  # a service
            whole = store.commit

            async def commit(writes: list[object], **more: object) -> object:
                if any(type(write).__name__ == "SaveActive" for write in writes):
                    raise StoreError("commit", "no room", "Make room.", retriable=True)
                return await whole(writes, **more)

            monkeypatch.setattr(store, "commit", commit)

        engine.call(break_store)
        with pytest.raises(StoreError):
            deploy(engine, {"up_shop.py": version(2)})
        assert engine.start("up_shop.run").result(30) == (1, 1)
        assert len(list((tmp_path / "t.db.code").iterdir())) == 1
    with reopen(tmp_path) as engine:
        assert engine.start("up_shop.run").result(30) == (1, 1)
