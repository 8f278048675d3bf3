"""Zips and tars: read and unpacked truly, refused whole when one member is unsafe, or the file is damaged."""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import lzma
import multiprocessing
import os
import pickle
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from facedata.errors import SourceError, StoreError, UnsafeArchiveError
from facedata.sources.archive import ZipReader, unpack_tar, zip_members

FILES = {
    "lfw/Anna/Anna_0001.jpg": np.random.default_rng(1).bytes(70_000),
    "lfw/Zoë 'x\"/a\nb.jpg": b"odd",
    "lfw/" + "n" * 120 + "/" + "m" * 180 + ".jpg": b"long",
    "lfw/empty.txt": b"",
}
UNSAFE_NAMES = ["/etc/passwd", "../x.jpg", "a/../../x.jpg", "C:/x.jpg", "C:x.jpg", "..\\x.jpg", "\\\\host\\x"]
UNSAFE_TYPES = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


def make_zip(path: Path, files: Mapping[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 5, 6, 7, 8, 10)), content)
    return path


def tar_bytes(files: Mapping[str, bytes] = FILES, *more: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_000_000_000
            tar.addfile(info, io.BytesIO(content))
        for info in more:
            tar.addfile(info)
    return buffer.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_zips_files_are_listed_and_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", FILES | {"lfw/folder/": b""})
    reader = ZipReader(path)
    members = zip_members(path)
    assert {member.name: reader(member.name) for member in members} == FILES
    assert [member.size for member in members] == [len(content) for content in FILES.values()]
    noon = datetime.datetime(2020, 5, 6, 7, 8, 10, tzinfo=datetime.timezone.utc)
    assert {member.mtime_ns for member in members} == {int(noon.timestamp()) * 10**9}


def renamed(path: Path, raw: bytes, system: int = 3) -> Path:
    """Put these bytes in place of the names in a zip of one file, without the flag for UTF-8."""
    name = b"n" * len(raw)
    make_zip(path, {name.decode(): b"x"})
    data = bytearray(path.read_bytes().replace(name, raw))
    data[data.rindex(b"PK\x01\x02") + 5] = system  # the system that made the member
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Zoë/1.jpg".encode(), "Zoë/1.jpg"),  # as macOS writes it
        ("Zoë/1.jpg".encode("cp437"), "Zoë/1.jpg"),  # as DOS does
        (b"a\\x41/1.jpg", "a\\x5cx41/1.jpg"),
    ],
)
def test_names_without_the_flag_for_utf_8_are_read(tmp_path: Path, raw: bytes, name: str) -> None:
    path = renamed(tmp_path / "a.zip", raw)
    assert [member.name for member in zip_members(path)] == [name]
    assert ZipReader(path)(name) == b"x"


def test_backslashes_of_old_windows_programs_are_slashes(tmp_path: Path) -> None:
    path = renamed(tmp_path / "a.zip", b"Anna\\1.jpg", system=0)
    assert [member.name for member in zip_members(path)] == ["Anna/1.jpg"]
    assert ZipReader(path)("Anna/1.jpg") == b"x"
    unix = renamed(tmp_path / "b.zip", b"Anna\\1.jpg", system=3)
    assert [member.name for member in zip_members(unix)] == ["Anna\\1.jpg"]
    with pytest.raises(UnsafeArchiveError):
        zip_members(renamed(tmp_path / "c.zip", b"..\\1.jpg", system=0))


@pytest.mark.parametrize(
    ("at", "value", "what"), [(8, 1, "is encrypted"), (10, 9, "is packed by the method 9")]
)
def test_a_photo_that_is_encrypted_or_packed_otherwise_is_refused(
    tmp_path: Path, at: int, value: int, what: str
) -> None:
    path = make_zip(tmp_path / "a.zip", {"readme.txt": b"x", "anna/1.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + at] = value
    path.write_bytes(data)
    with pytest.raises(SourceError, match=rf"a\.zip: its member 'anna/1\.jpg' {what}.*unpack the zip"):
        zip_members(path)


def test_a_zip_without_dates_is_listed(tmp_path: Path) -> None:
    data = make_zip(tmp_path / "a.zip").read_bytes()
    date = ((2020 - 1980) << 9 | 5 << 5 | 6).to_bytes(2, "little")
    (tmp_path / "a.zip").write_bytes(data.replace(date, b"\0\0"))
    assert {member.mtime_ns for member in zip_members(tmp_path / "a.zip")} == {0}


def test_of_equal_names_in_a_zip_the_last_counts(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"old"})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.jpg", b"newer")
    assert [(member.name, member.size) for member in zip_members(path)] == [("a.jpg", 5)]
    assert ZipReader(path)("a.jpg") == b"newer"


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_a_zip_that_points_outside_is_refused(tmp_path: Path, name: str) -> None:
    path = make_zip(tmp_path / "a.zip", {"good.jpg": b"x", name: b"bad"})
    with pytest.raises(UnsafeArchiveError) as raised:
        zip_members(path)
    assert repr(name) in str(raised.value)


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UnsafeArchiveError, match=r"link\.jpg"):
        zip_members(tmp_path / "a.zip")


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"no"]
)
def test_a_damaged_zip_is_said(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = make_zip(tmp_path / "a.zip")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SourceError, match=r"a\.zip is damaged"):
        zip_members(path)


def test_a_missing_zip_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        zip_members(tmp_path / "a.zip")


def test_a_damaged_member_is_an_os_error_of_that_photo_alone(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"good.jpg": b"good", "bad.jpg": FILES["lfw/Anna/Anna_0001.jpg"]})
    data = bytearray(path.read_bytes())
    data[40_000] ^= 255
    path.write_bytes(data)
    reader = ZipReader(path)
    for name in ("bad.jpg", "none.jpg"):
        with pytest.raises(OSError, match=name):
            reader(name)
    assert reader("good.jpg") == b"good"


def test_a_member_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"12345"})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(OSError, match="claims to hold 2147483648 bytes"):
        ZipReader(path)("a.jpg")


def test_a_used_reader_is_pickled_without_its_open_file(tmp_path: Path) -> None:
    reader = ZipReader(make_zip(tmp_path / "a.zip"))
    assert reader("lfw/empty.txt") == b""
    copy = pickle.loads(pickle.dumps(reader))
    assert copy == reader
    assert copy("lfw/Anna/Anna_0001.jpg") == FILES["lfw/Anna/Anna_0001.jpg"]


_FORKED = """
import multiprocessing, sys
from facedata.sources.archive import ZipReader
name, content = sys.argv[2], bytes.fromhex(sys.argv[3])
reader = ZipReader(sys.argv[1])

def reads_true():
    return all(reader(name) == content for _ in range(50))

def child():
    queue.put((reads_true(), reader._archive is before))

assert reads_true()
before = reader._archive  # the same file object, and so the same position, if the child did not open its own
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
process = context.Process(target=child)
process.start()
assert reads_true()
assert queue.get() == (True, False)
process.join()
"""


def test_a_reader_carried_over_a_fork_does_not_share_its_file(tmp_path: Path) -> None:
    """In a program of its own: what other tests import here may not bear a fork."""
    content = np.random.default_rng(2).bytes(20_000)
    archive = make_zip(tmp_path / "a.zip", {"before.jpg": bytes(9_000), "anna.jpg": content})
    command = [sys.executable, "-c", _FORKED, str(archive), "anna.jpg", content.hex()]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("ending", "compress"),
    [(".tar", bytes), (".tgz", gzip.compress), (".tar.bz2", bz2.compress), (".tar.xz", lzma.compress)],
)
class TestEveryCompression:
    def test_a_tar_is_unpacked(self, tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]) -> None:
        archive = tmp_path / f"a{ending}"
        archive.write_bytes(compress(tar_bytes()))
        folder = unpack_tar(archive, tmp_path / "cache")
        assert contents(folder) == FILES
        assert len(folder.name) == 16
        assert folder.parent == tmp_path / "cache"
        assert {p.stat().st_mtime for p in folder.rglob("*") if p.is_file()} == {1_000_000_000}

    @pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.95])
    def test_a_truncated_tar_is_refused(
        self, tmp_path: Path, ending: str, compress: Callable[[bytes], bytes], kept: float
    ) -> None:
        # without the zeros that fill the last block, so that every cut takes something away
        whole = compress(tar_bytes().rstrip(b"\0") + bytes(2048))
        archive = tmp_path / f"a{ending}"
        archive.write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(SourceError, match="is damaged"):
            unpack_tar(archive, tmp_path / "cache")
        assert contents(tmp_path / "cache") == {".lock": b""}

    def test_a_flipped_bit_is_refused(
        self, tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]
    ) -> None:
        data = bytearray(compress(tar_bytes()))
        # in a plain tar only headers have a checksum: hit the second member's
        data[71_700 if ending == ".tar" else len(data) // 2] ^= 1
        archive = tmp_path / f"a{ending}"
        archive.write_bytes(data)
        with pytest.raises(SourceError, match="is damaged"):
            unpack_tar(archive, tmp_path / "cache")


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_a_tar_that_points_outside_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "in" / "a.tar"
    archive.parent.mkdir()
    archive.write_bytes(tar_bytes(FILES | {name: b"bad"}))
    with pytest.raises(UnsafeArchiveError) as raised:
        unpack_tar(archive, tmp_path / "cache")
    assert repr(name) in str(raised.value)
    assert contents(tmp_path) == {"in/a.tar": archive.read_bytes(), "cache/.lock": b""}


@pytest.mark.parametrize("kind", UNSAFE_TYPES)
def test_a_tar_with_a_link_or_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("lfw/strange.jpg")
    member.type, member.linkname = kind, "lfw/empty.txt"
    (tmp_path / "a.tar").write_bytes(tar_bytes(FILES, member))
    with pytest.raises(UnsafeArchiveError, match=r"strange\.jpg"):
        unpack_tar(tmp_path / "a.tar", tmp_path / "cache")
    assert contents(tmp_path / "cache") == {".lock": b""}


def test_an_unpacked_tar_is_reused_until_the_archive_changes(tmp_path: Path) -> None:
    archive, cache = tmp_path / "a.tar", tmp_path / "cache"
    archive.write_bytes(tar_bytes())
    folder = unpack_tar(archive, cache)
    (folder / "mark").touch()
    assert unpack_tar(archive, cache) == folder
    assert (folder / "mark").exists()
    archive.write_bytes(tar_bytes({"new.jpg": b"new"}))
    assert contents(unpack_tar(archive, cache)) == {"new.jpg": b"new"}


def test_what_a_killed_unpacking_left_is_removed_and_never_used(tmp_path: Path) -> None:
    archive, cache = tmp_path / "a.tar", tmp_path / "cache"
    archive.write_bytes(tar_bytes({f"p{n}.jpg": bytes(1000) for n in range(20_000)}))
    process = multiprocessing.get_context("spawn").Process(target=unpack_tar, args=(archive, cache))
    process.start()
    while not list(cache.glob("*.unpacking/p9*")) and process.is_alive():
        time.sleep(0.001)
    process.kill()
    process.join()
    assert process.exitcode == -9
    assert [path.suffix for path in cache.iterdir() if path.is_dir()] == [".unpacking"]
    assert len(contents(unpack_tar(archive, cache))) == 20_000
    assert list(cache.glob("*.unpacking")) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes())
    (tmp_path / "cache").mkdir(mode=0o500)
    with pytest.raises(StoreError, match="--cache"):
        unpack_tar(tmp_path / "a.tar", tmp_path / "cache")


def test_a_name_no_disk_takes_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes({"good.jpg": b"x", "n" * 300 + ".jpg": b"x"}))
    with pytest.raises(StoreError, match="too long"):
        unpack_tar(tmp_path / "a.tar", tmp_path / "cache")
    assert contents(tmp_path / "cache") == {".lock": b""}


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        unpack_tar(tmp_path / "a.tar", tmp_path / "cache")
