"""`deploy` and `deployments`: which files are sent, what is said, and what serves afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from commanding import flawless, ok, read

from flawless.cli.sources import gather
from flawless.errors import UsageError

BILLING = """
from flawless import step, workflow
{imports}

@step
def price() -> int:
    return {n}


@workflow
def bill() -> int:
    \"\"\"Tell the version, twice.\"\"\"
    return 10 * {n} + price()
"""


def write(folder: Path, files: dict[str, str]) -> None:
    """Write modules by their paths, without `.py`."""
    for name, text in files.items():
        place = folder / f"{name}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def version(n: int, imports: str = "") -> str:
    """Return a module with a workflow."""
    return BILLING.format(n=n, imports=imports)


def test_what_is_deployed_serves(shop_url: str, tmp_path: Path) -> None:
    """A file is sent to a running server; new executions run it, and it is listed and shown."""
    write(tmp_path, {"invoices": version(1)})
    done = ok(shop_url, "deploy", str(tmp_path / "invoices.py"), "--label", "first one")
    assert "deployed first one as " in done.stdout
    assert "sent invoices.py" in done.stdout
    assert "  invoices.bill" in done.stdout
    assert ok(shop_url, "start", "invoices.bill", "--wait").stdout == "11\n"
    write(tmp_path, {"invoices": version(2)})
    made = read(shop_url, "deploy", str(tmp_path / "invoices.py"))
    assert made["new"]
    assert made["label"] == "invoices"
    assert ok(shop_url, "start", "invoices.bill", "--id=i", "--wait").stdout == "22\n"
    assert f"on deployment {made['id']} (invoices)\n" in ok(shop_url, "show", "i").stdout
    again = ok(shop_url, "deploy", str(tmp_path / "invoices.py"))
    assert again.stdout.startswith(f"known already, and serves: invoices as {made['id']}\n")

    listed = read(shop_url, "deployments")["deployments"]
    assert [(one["label"], one["current"]) for one in listed[:2]] == [
        ("invoices", True),
        ("first one", False),
    ]
    shown = ok(shop_url, "deployments", "--limit=1")
    header, row = shown.stdout.splitlines()
    assert header.split() == ["DEPLOYMENT", "LABEL", "CREATED", "WORKFLOWS"]
    assert row.split()[0] == made["id"]
    assert "current upload" in row
    assert "there are more" in shown.stderr


def test_a_refused_deployment_shows_the_users_lines(shop_url: str, tmp_path: Path) -> None:
    """The traceback comes back to who deploys, and the exit status says that it was refused."""
    write(tmp_path, {"broken": version(1) + "\n1 / 0\n"})
    done = flawless(shop_url, "deploy", str(tmp_path / "broken.py"))
    assert done.returncode == 2
    assert "1 / 0" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    write(tmp_path, {"broken": "def broken(:\n"})
    done = flawless(shop_url, "deploy", str(tmp_path / "broken.py"))
    assert done.returncode == 2
    assert "SyntaxError" in done.stderr
    done = flawless("http://127.0.0.1:1", "deploy", str(tmp_path / "broken.py"))
    assert done.returncode == 4


def test_what_is_imported_from_beside_is_sent(shop_url: str, tmp_path: Path) -> None:
    """Modules are sent alone and packages whole, also what they import; the rest stays."""
    files = {
        "parcels": version(3, "import parcel_parts, httpx\nfrom parcel_pack.inner import deep"),
        "parcel_parts": "def late():\n    import parcel_late\n",
        "parcel_late": "",
        "parcel_pack/__init__": "",
        "parcel_pack/inner/deep": "from ..other import X\n",
        "parcel_pack/other": "X = 1\n",
        "unrelated": "1 / 0\n",
        "other/__init__": "1 / 0\n",
    }
    write(tmp_path, files)
    (tmp_path / "parcel_pack" / "not-a-module.py").write_text("1 / 0\n")
    (tmp_path / "parcel_pack" / "data.txt").write_text("text")
    made = read(shop_url, "deploy", str(tmp_path / "parcels.py"))
    assert made["files"] == [
        "parcel_late.py",
        "parcel_pack/__init__.py",
        "parcel_pack/inner/deep.py",
        "parcel_pack/other.py",
        "parcel_parts.py",
        "parcels.py",
    ]
    assert made["entry_modules"] == ["parcels"]
    assert ok(shop_url, "start", "parcels.bill", "--wait").stdout == "33\n"


def test_packages_and_files_inside_them(tmp_path: Path) -> None:
    """A folder that is a package, and a file inside one, are sent as the whole package."""
    write(
        tmp_path,
        {"pack/__init__": "", "pack/part": "import beside\n", "pack/sub/deep": "", "beside": ""},
    )
    whole = {"pack/__init__.py", "pack/part.py", "pack/sub/deep.py", "beside.py"}
    for given, module in ((tmp_path / "pack", "pack"), (tmp_path / "pack/part.py", "pack.part")):
        sources = gather([given])
        assert set(sources.files) == whole
        assert sources.modules == [module]
    both = gather([tmp_path / "pack" / "part.py", tmp_path / "pack", tmp_path / "pack"])
    assert both.modules == ["pack.part", "pack"]


def test_sources_are_read_in_their_encoding(tmp_path: Path) -> None:
    """A file that declares its encoding is sent as the text it is."""
    (tmp_path / "latin.py").write_bytes("# coding: latin-1\nX = 'é'\n".encode("latin-1"))
    assert gather([tmp_path / "latin.py"]).files["latin.py"].endswith("X = 'é'\n")


@pytest.mark.parametrize("name", ["nowhere.py", "data.txt", "folder", "binary.py"])
def test_what_is_no_code_is_not_sent(tmp_path: Path, name: str) -> None:
    """Files that are not there, are no Python or cannot be read are named."""
    (tmp_path / "data.txt").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=name):
        gather([tmp_path / name])


def test_two_files_with_one_path(tmp_path: Path) -> None:
    """Files of different folders that would be the same module are not mixed up."""
    write(tmp_path, {"one/app": "import helper\n", "one/helper": ""})
    write(tmp_path, {"two/desk": "import helper\n", "two/helper": "X = 1\n"})
    with pytest.raises(UsageError, match=r"both be helper\.py"):
        gather([tmp_path / "one" / "app.py", tmp_path / "two" / "desk.py"])


def test_reloading_needs_something_to_watch(tmp_path: Path) -> None:
    """Without modules there is nothing that could change."""
    done = flawless("http://127.0.0.1:1", "up", "--reload", f"--data={tmp_path}")
    assert done.returncode == 2
    assert "--reload" in done.stderr
