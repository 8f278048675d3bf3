"""Tars written in shards, and read in place: as Python's own module does, and never beyond what is there."""

from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import SourceError, StoreError, UnsafeArchiveError
from facedata.interchange.tar_shards import Member, TarShards, read_members

FILES = {
    "a/1.jpg": b"one",
    "a/1.json": b"",
    "b" * 90 + "/" + "x" * 60 + ".jpg": b"2" * 700,
    "é/☺.jpg": b"three" * 300,
}


def write_tar(tar: Path, form: Any = tarfile.PAX_FORMAT) -> None:
    """Write the files, and a folder."""
    with tarfile.open(tar, "w", format=form) as archive:
        folder = tarfile.TarInfo("a")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def contents(tar: Path) -> dict[str, bytes]:
    """Return the bytes of all members, by their places."""
    data = tar.read_bytes()
    return {each.name: data[each.offset : each.offset + each.size] for each in read_members(tar)}


def one_member(change: Callable[[tarfile.TarInfo], None], name: str = "x.jpg") -> bytes:
    """Return a tar of one member without content, changed before it is written."""
    info = tarfile.TarInfo(name)
    change(info)
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_all_kinds_of_tar_are_read_as_python_reads_them(form: int, tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar", form)
    assert contents(tmp_path / "x.tar") == FILES


def test_a_tar_of_the_working_folder_has_plain_names(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(one_member(lambda info: None, "./a/1.jpg"))
    assert list(read_members(tmp_path / "x.tar")) == [Member("a/1.jpg", 512, 0)]


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9 - 1), st.binary(max_size=3000)), max_size=8, unique_by=lambda x: x[0]
    )
)
def test_what_is_written_is_what_tarfile_writes(samples: list[tuple[int, bytes]]) -> None:
    with TemporaryDirectory() as folder:
        with TarShards(Path(folder), "train", 10**9) as shards:
            for number, data in samples:
                shards.add(f"{number:09d}", (("cls", b"7"), ("jpg", data)))
            shards.close()
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for number, data in samples:
                for name, content in ((f"{number:09d}.cls", b"7"), (f"{number:09d}.jpg", data)):
                    info = tarfile.TarInfo(name)
                    info.size, info.mode = len(content), 0o644
                    tar.addfile(info, io.BytesIO(content))
        files = sorted(Path(folder).iterdir())
        assert [file.read_bytes() for file in files] == ([stream.getvalue()] if samples else [])


def test_shards_end_before_they_are_too_large(tmp_path: Path) -> None:
    with TarShards(tmp_path, "val", 20_000) as shards:
        for number in range(20):
            shards.add(f"{number:09d}", (("jpg", bytes(4000)),))
        shards.add("000000020", (("jpg", bytes(50_000)),))
        shards.add("000000021", (("jpg", b""),))
        shards.close()
    names = [f"val-{number:06d}.tar" for number in range(len(shards.files))]
    assert [file.name for file in shards.files] == names == sorted(file.name for file in tmp_path.iterdir())
    sizes = [file.stat().st_size for file in shards.files]
    assert max(sizes[:-2]) <= 20_480  # rounded up to tar's records
    assert sizes[-2] > 50_000
    assert [Path(each.name).stem for file in shards.files for each in read_members(file)] == [
        f"{number:09d}" for number in range(22)
    ]


def test_a_shard_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "train-000000.tar").write_bytes(b"")
    with TarShards(tmp_path, "train", 1000) as shards, pytest.raises(StoreError, match=r"train-000000\.tar"):
        shards.add("000000000", (("jpg", b""),))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.FIFOTYPE, "neither"),
        (tarfile.CHRTYPE, "neither"),
        (tarfile.BLKTYPE, "neither"),
        (tarfile.GNUTYPE_SPARSE, "neither"),
    ],
)
def test_links_and_devices_are_refused(kind: bytes, what: str, tmp_path: Path) -> None:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, "elsewhere"

    (tmp_path / "x.tar").write_bytes(one_member(change))
    with pytest.raises(UnsafeArchiveError, match=what):
        list(read_members(tmp_path / "x.tar"))


@pytest.mark.parametrize(
    "name", ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "C:/x.jpg", "..\\x.jpg", "\\\\host\\x"]
)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_that_point_outside_are_refused(name: str, form: Any, tmp_path: Path) -> None:
    for long in ("", "x" * 200 + "/") if form != tarfile.USTAR_FORMAT else ("",):
        info = tarfile.TarInfo(f"{long}{name}" if not name.startswith(("/", "C", "\\")) else name + long)
        (tmp_path / "x.tar").write_bytes(info.tobuf(form) + bytes(1024))
        with pytest.raises(UnsafeArchiveError, match="points outside"):
            list(read_members(tmp_path / "x.tar"))


def test_a_tar_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar")
    data = (tmp_path / "x.tar").read_bytes()
    end = len(data.rstrip(b"\0")) + 511 & ~511
    for size in {*range(0, end, 100), end}:
        (tmp_path / "cut.tar").write_bytes(data[:size])
        with pytest.raises(SourceError, match=r"breaks off|the file ends before"):
            list(read_members(tmp_path / "cut.tar"))


@pytest.mark.parametrize("size", [1025, 10**9, 8**11 - 1, 1 << 62, -1])
@pytest.mark.parametrize(
    "kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE]
)
def test_sizes_that_lie_are_refused_without_taking_memory(size: int, kind: bytes, tmp_path: Path) -> None:
    head = bytearray(tarfile.TarInfo("x.jpg").tobuf(tarfile.GNU_FORMAT))
    head[156:157] = kind
    head[124:136] = (
        b"%011o\0" % size
        if 0 <= size < 8**11
        else bytes([0x80 if size > 0 else 0xFF]) + (size % (1 << 88)).to_bytes(11, "big")
    )
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    (tmp_path / "x.tar").write_bytes(bytes(head) + bytes(1024))
    tracemalloc.start()
    with pytest.raises(SourceError, match=r"claims|has .* bytes|is none"):
        list(read_members(tmp_path / "x.tar"))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [b"9 path=x\n", b"99 path=x\n", b"path=x\n", b"0 path=x", b"-5 path=x\n", b"12 size=99\n", b"\xff\xff"],
)
def test_pax_headers_that_make_no_sense_are_refused(content: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(content)
    data = info.tobuf(tarfile.USTAR_FORMAT) + content.ljust(512, b"\0")
    (tmp_path / "x.tar").write_bytes(data + one_member(lambda info: None))
    if content == b"9 path=x\n":  # which is well made
        assert [each.name for each in read_members(tmp_path / "x.tar")] == ["x"]
        return
    with pytest.raises(SourceError, match="PAX header"):
        list(read_members(tmp_path / "x.tar"))


@pytest.mark.parametrize(("mode", "name"), [("w:gz", "gzip"), ("w:bz2", "bzip2"), ("w:xz", "xz")])
def test_compressed_tars_are_refused_with_the_remedy(mode: str, name: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", mode) as tar:  # type: ignore[call-overload]
        info = tarfile.TarInfo("x.jpg")
        info.size = 4000
        tar.addfile(info, io.BytesIO(os.urandom(4000)))
    with pytest.raises(SourceError, match=f"compressed \\({name}\\).*unpack"):
        list(read_members(tmp_path / "x.tar"))


@given(st.data())
def test_damage_is_refused_or_leaves_members_within_the_file(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        tar = Path(folder) / "x.tar"
        write_tar(tar)
        content = bytearray(tar.read_bytes()[:7168])
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        tar.write_bytes(content)
        with suppress(SourceError):  # which is the other good end
            for member in read_members(tar):
                assert 0 <= member.offset <= member.offset + member.size <= len(content)


def test_a_missing_tar_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read the tar .*No such file"):
        list(read_members(tmp_path / "none.tar"))
