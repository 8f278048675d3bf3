"""Records against what real MXNet wrote and reads, and files that are not what they say."""

from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from facedata.errors import SourceError
from facedata.interchange.recordio import RecordWriter, read_image, read_index, read_records
from tests.support.mxnet_files import MXNET_FILES, SETS, mxnet_records

TRAIN = MXNET_FILES / "insightface/train.rec"
each_set = pytest.mark.parametrize("name", SETS)
MAGIC = struct.pack("<I", 0xCED7230A)


def write(folder: Path, *images: bytes, first: int = 0) -> Path:
    """Write records with these images and the labels 0, 1, …; return the .rec."""
    path = folder / "some.rec"
    with path.open("wb") as file, path.with_suffix(".idx").open("wb") as index:
        writer = RecordWriter(file, index)
        for number, image in enumerate(images):
            writer.write(first + number, number, image)
    return path


def copy(folder: Path, rec: bytes | None = None, index: bytes | None = None) -> tuple[Path, Path]:
    """Copy InsightFace's file and its index, or other bytes."""
    path = folder / "train.rec"
    path.write_bytes(TRAIN.read_bytes() if rec is None else rec)
    path.with_suffix(".idx").write_bytes(TRAIN.with_suffix(".idx").read_bytes() if index is None else index)
    return path, path.with_suffix(".idx")


@each_set
def test_mxnets_files_are_read_as_mxnet_reads_them(name: str) -> None:
    path = MXNET_FILES / name / "train.rec"
    records = read_records(path, path.with_suffix(".idx"))
    expected = mxnet_records(name)
    assert records.keys.tolist() == [one.key for one in expected]
    assert records.labels.tolist() == [one.labels[0] for one in expected]
    seconds = [one.labels[1] if len(one.labels) > 1 else None for one in expected]
    assert [None if np.isnan(one) else one for one in records.seconds.tolist()] == seconds
    assert records.image_bytes.tolist() == [one.length for one in expected]
    images = [read_image(path, offset) for offset in records.offsets.tolist()]
    assert [hashlib.sha256(image).hexdigest() for image in images] == [one.sha256 for one in expected]


@each_set
def test_without_an_index_the_same_records_are_found(name: str) -> None:
    path = MXNET_FILES / name / "train.rec"
    with_index, without = read_records(path, path.with_suffix(".idx")), read_records(path)
    assert without.keys.tolist() == with_index.offsets.tolist()
    for column in ("offsets", "labels", "seconds", "image_bytes"):
        np.testing.assert_array_equal(getattr(with_index, column), getattr(without, column))


@each_set
def test_what_we_write_is_mxnets_bytes(name: str) -> None:
    path = MXNET_FILES / name / "train.rec"
    records = read_records(path, path.with_suffix(".idx"))
    file, index = io.BytesIO(), io.BytesIO()
    writer = RecordWriter(file, index)
    for one, offset in zip(mxnet_records(name), records.offsets.tolist(), strict=True):
        labels = one.labels if one.flag else one.labels[0]
        assert writer.write(one.key, labels, read_image(path, offset)) == offset
    assert file.getvalue() == path.read_bytes()
    assert index.getvalue() == path.with_suffix(".idx").read_bytes()


def test_a_magic_number_is_cut_only_where_a_part_may_begin(tmp_path: Path) -> None:
    inside, shifted = b"abcd" + MAGIC + b"ef", b"abc" + MAGIC + b"d"
    path = write(tmp_path, inside, shifted)
    assert (
        path.read_bytes().count(MAGIC) == 2 + 1 + 1
    )  # two heads, a second part, and the one that is shifted
    records = read_records(path, path.with_suffix(".idx"))
    assert [read_image(path, offset) for offset in records.offsets.tolist()] == [inside, shifted]


def test_a_file_that_was_cut_off_is_refused_with_the_place(tmp_path: Path) -> None:
    whole = TRAIN.read_bytes()
    starts = read_records(TRAIN).offsets.tolist()
    for end in [*range(1, len(whole), 97), len(whole) - 1, starts[3] + 4, starts[3] + 8]:
        path, index = copy(tmp_path, rec=whole[:end])
        with pytest.raises(SourceError, match=r"train\.(rec|idx)"):
            read_records(path, index)
        if end in starts:
            continue
        with pytest.raises(SourceError, match=r"train\.rec: byte [\d,]+ begins .* copy it again"):
            read_records(path)
    path, index = copy(tmp_path, rec=b"")
    with pytest.raises(SourceError, match="is empty"):
        read_records(path, index)


def test_an_index_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = TRAIN.with_suffix(".idx").read_bytes()
    for end in range(len(whole) - 1):
        path, index = copy(tmp_path, index=whole[:end])
        with pytest.raises(SourceError, match=r"train\.(idx|rec)"):
            read_records(path, index)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"1\t17424\n", "lists the number 1 twice"),
        (b"99\t0\n", "lists the offset 0 twice"),
        (b"99\t999999\n", "is record 99 by train.idx, and the file has 17,464 bytes"),
        (b"99\t-5\n", "is record 99 by train.idx"),
        (b"99\t5\n", "byte 5 should begin a record"),
        (b"99\n", "is not an index of records"),
        (b"a\t5\n", "is not an index of records"),
        (b"99\t99999999999999999999\n", "is not an index of records"),
        (b"\xff\t\xfe\n", "is not an index of records"),
    ],
)
def test_an_index_with_another_line_is_refused(tmp_path: Path, line: bytes, said: str) -> None:
    path, index = copy(tmp_path, index=TRAIN.with_suffix(".idx").read_bytes() + line)
    with pytest.raises(SourceError, match=said):
        read_records(path, index)


def test_the_index_of_another_file_is_refused(tmp_path: Path) -> None:
    path, index = copy(tmp_path, index=(MXNET_FILES / "im2rec/train.idx").read_bytes())
    with pytest.raises(SourceError, match=r"byte [0-9,]+ should begin a record with 0xced7230a"):
        read_records(path, index)


@pytest.mark.parametrize(
    ("place", "word", "said"),
    [
        (0, 0xDEADBEEF, "byte 0 should begin a record with 0xced7230a, and holds 0xdeadbeef"),
        (4, 0x1FFFFFFF, "begins a record of 536,870,911 bytes, and the file has"),
        (4, 3 << 29 | 100, "a part of the kind 3"),
        (4, 7 << 29 | 100, "a part of the kind 7"),
        (4, 1 << 29 | 100, "byte 108 should begin a record"),  # a first part, and no other after it
        (4, 10, "too few for its labels"),
        (8, 0xFFFFFFFF, "too few for its labels"),
        (8, 500, "too few for its labels"),
    ],
)
@pytest.mark.parametrize("indexed", [True, False])
def test_heads_that_lie_take_no_memory(
    tmp_path: Path, place: int, word: int, said: str, indexed: bool
) -> None:
    data = bytearray(TRAIN.read_bytes())
    data[place : place + 4] = struct.pack("<I", word)
    path, index = copy(tmp_path, rec=bytes(data))
    tracemalloc.start()
    with pytest.raises(SourceError) as error:
        read_records(path, index if indexed else None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    if indexed or word != 10:  # going through the file, a shorter record shows at the next one
        assert said in str(error.value)
    with pytest.raises(OSError, match=r"train\.rec: byte"):
        read_image(path, 0)


def test_a_record_of_half_a_gigabyte_is_not_written() -> None:
    class HalfAGigabyte(bytes):
        def __len__(self) -> int:
            return 1 << 29

    with pytest.raises(ValueError, match="record 7 has 536,870,936 bytes; the format holds 536,870,911"):
        RecordWriter(io.BytesIO(), io.BytesIO()).write(7, 0, HalfAGigabyte())


def test_an_index_is_in_the_order_of_the_bytes(tmp_path: Path) -> None:
    index = tmp_path / "some.idx"
    index.write_text("5\t200\n3\t0\n9\t100\n")
    keys, offsets = read_index(index)
    assert (keys.tolist(), offsets.tolist()) == ([3, 9, 5], [0, 100, 200])
