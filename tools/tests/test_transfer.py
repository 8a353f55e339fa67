# SPDX-License-Identifier: GPL-2.0
import io
import tarfile
from pathlib import Path

import pytest

from kseries.lib.errors import CheckFailed
from kseries.machines import transfer


def archive(*members: tuple[str, dict[str, object], bytes]) -> io.BytesIO:
    spool = io.BytesIO()
    with tarfile.open(fileobj=spool, mode="w|") as out:
        for name, fields, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            out.addfile(info, io.BytesIO(data))
    return spool


FOLDER = ("d", {"type": tarfile.DIRTYPE, "mode": 0o755}, b"")


def test_there_and_back(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "run").write_text("x")
    (source / "sub" / "run").chmod(0o750)
    (source / "up").symlink_to("sub/run")
    (source / "sub" / "again").hardlink_to(source / "sub" / "run")
    (source / "sub").chmod(0o500)
    spool = io.BytesIO()
    transfer.pack(source, "renamed", spool)
    assert b"".join(transfer.chunks(spool)) == spool.getvalue()
    assert transfer.unpack(spool, "renamed", tmp_path / "back") == []
    back = tmp_path / "back"
    assert (back / "up").read_text() == "x"
    assert (back / "sub" / "again").read_text() == "x"
    assert (back / "sub" / "run").stat().st_mode & 0o7777 == 0o750
    assert (back / "sub").stat().st_mode & 0o7777 == 0o500


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "old").touch()
    transfer.unpack(archive(FOLDER, ("d/new", {}, b"1")), "d", tmp_path / "back")
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["back"]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("d/../../x", {}),
        ("/tmp/x", {}),
        ("d/dev", {"type": tarfile.CHRTYPE}),
        ("d/fifo", {"type": tarfile.FIFOTYPE}),
        ("d/link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("d/link", {"type": tarfile.SYMTYPE, "linkname": "../x"}),
        ("d/hard", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}),
        ("d/hard", {"type": tarfile.LNKTYPE, "linkname": "d/none"}),
        ("d/none/x", {}),
        ("d", {}),
    ],
)
def test_what_leads_outside_is_left_out(
    tmp_path: Path, name: str, fields: dict[str, object]
) -> None:
    good: tuple[str, dict[str, object], bytes] = ("d/good", {}, b"1")
    spool = archive(FOLDER, (name, fields, b""), good)
    assert transfer.unpack(spool, "d", tmp_path / "back") == [name]
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["good"]
    assert [path.name for path in tmp_path.iterdir()] == ["back"]


def test_set_user_id_is_dropped(tmp_path: Path) -> None:
    transfer.unpack(archive(("f", {"mode": 0o4755}, b"1")), "f", tmp_path / "f")
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("data", [b"", b"no archive", archive(FOLDER).getvalue()])
def test_an_archive_without_it(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(tarfile.TarError):
        transfer.unpack(io.BytesIO(data), "wanted", tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("link", "target", "inside"),
    [
        ("d/l", "x", True),
        ("d/l", ".", True),
        ("d/e/l", "../x/y", True),
        ("d/e/l", "../../x", False),
        ("d/l", "..", False),
        ("d/l", "/x", False),
        ("d/e/l", "x/../../..", False),
        ("l", "x", False),
        ("l", "..", False),
    ],
)
def test_links(link: str, target: str, inside: bool) -> None:
    assert transfer.points_inside(link, target) is inside


def test_a_sparse_file_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 42)
    spool = io.BytesIO()
    with pytest.raises(CheckFailed, match="too large for the guest"):
        transfer.pack(folder, "tests", spool)
    assert spool.getvalue() == b""


def test_too_many_files_are_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_FILES", 3)
    for name in "abc":
        (tmp_path / name).touch()
    with pytest.raises(CheckFailed):
        transfer.pack(tmp_path, "x", io.BytesIO())


def test_an_archive_that_grows_is_not_unpacked(tmp_path: Path) -> None:
    spool = io.BytesIO()
    with tarfile.open(fileobj=spool, mode="w|", format=tarfile.PAX_FORMAT) as out:
        # All of a terabyte is a hole.
        holes = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "d"}
        info = tarfile.TarInfo("d")
        info.pax_headers = {**holes, "GNU.sparse.realsize": str(1 << 40)}
        info.size = 512
        out.addfile(info, io.BytesIO(b"1\n0\n0\n".ljust(512, b"\0")))
    with pytest.raises(tarfile.ReadError, match="holds more than"):
        transfer.unpack(spool, "d", tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


def test_too_many_members_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_FILES", 3)
    files: list[tuple[str, dict[str, object], bytes]] = [(f"d/{n}", {}, b"") for n in range(3)]
    with pytest.raises(tarfile.ReadError, match="holds more than"):
        transfer.unpack(archive(FOLDER, *files), "d", tmp_path / "back")
