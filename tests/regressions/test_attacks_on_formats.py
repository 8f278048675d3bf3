"""Files of other programs that once ended in a traceback, wrong names, or no end at all."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import ExportConfig, PrepareConfig, export_set
from facedata.errors import SourceError
from facedata.interchange import recordio
from facedata.interchange.export_note import parse_export_note
from facedata.interchange.hub_columns import HubColumns
from facedata.interchange.hub_parquet import FEATURES, IMAGE
from facedata.interchange.pickle_stream import read_span
from facedata.interchange.record_list import read_list
from facedata.interchange.recordio import RecordWriter, read_records
from facedata.interchange.tar_shards import read_members, ustar_header
from facedata.interchange.verification_bin import read_verification
from facedata.sources.base import Scan
from facedata.sources.open import open_source
from tests.support.small_set import make_set


def scan(kind: str, source: Any) -> Scan:
    return open_source(source, PrepareConfig(kind=kind)).scan()


def counted(data: bytes) -> bytes:
    """Return bytes as a pickle has them."""
    return b"B" + struct.pack("<I", len(data)) + data


_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00tR"
_UINT8 = b"cnumpy\ndtype\n(U\x02u1tR"
_LARGEST = b"J" + struct.pack("<i", 2**31 - 1)


@pytest.mark.parametrize(
    "shape",
    [
        b"(" + _LARGEST + b"](K\x01K\x02et",  # a number times a list
        b"(" + _LARGEST + counted(b"abc") + b"t",
        b"(" + b"]" * 50_000 + b"a" * 49_999 + b"t",
        b"(J\xff\xff\xff\xffJ\xfd\xff\xff\xfft",
        b"]",
    ],
    ids=["list", "bytes", "deep", "negative", "empty"],
)
def test_the_shape_of_an_array_in_a_bin_is_no_multiplication_of_lists(tmp_path: Path, shape: bytes) -> None:
    array = _ARRAY + b"(K\x01" + shape + _UINT8 + b"I00\n" + counted(b"abc") + b"tb"
    path = tmp_path / "some.bin"
    path.write_bytes(b"\x80\x03](" + array + b"e](\x88e\x86.")
    with pytest.raises(SourceError, match="shape is no whole numbers") as caught:
        read_verification(path)
    assert len(str(caught.value)) < 400


def test_a_truth_value_in_a_bin_is_a_byte_not_a_gigabyte(tmp_path: Path) -> None:
    data = (
        counted(bytes(4_000_000))
        + b"q\x00cnumpy.core.multiarray\nscalar\nq\x01cnumpy\ndtype\n(U\x02b1tRq\x02"
    )
    path = tmp_path / "some.bin"
    path.write_bytes(b"\x80\x03" + data + b"h\x01h\x02h\x00\x86R" * 20_000 + b".")  # a copy for each
    start = time.process_time()
    with pytest.raises(SourceError, match="no short text"):
        read_verification(path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "text", [b"'abc',1", b"'abc'" + b"+1" * 100_000, b"'a\\d'", b"'a\\xzz'", b"'a' 'b'", b"''''"]
)
def test_a_quoted_image_is_one_quoted_text(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "some.bin"
    path.write_bytes(b"((lS" + text + b"\naS'x'\na(lI01\nat.")
    found = read_verification(path)
    with pytest.raises(OSError, match=r"damaged at byte 4: it is not one quoted text"):
        read_span(path, found.images[0])


def write_rec(folder: Path, stem: str = "train", labels: tuple[int, ...] = (0, 1)) -> Path:
    """Write a .rec with its index."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.rec"
    with path.open("wb") as file, path.with_suffix(".idx").open("wb") as index:
        writer = RecordWriter(file, index)
        for key, label in enumerate(labels, 1):
            writer.write(key, label, b"%d" % key)
    return path


def test_files_of_two_exports_keep_their_own_people_and_splits(tmp_path: Path) -> None:
    for name, people in {"one": ("Anna", "Bea", "Carl", "Dan"), "two": ("Eve", "Fay", "Gus", "Hal")}.items():
        made = make_set(tmp_path / name, dict.fromkeys(people, 3))
        export_set(made.path, tmp_path / f"{name}-rec", ExportConfig(to="rec"))
    one, two = (tmp_path / f"{name}-rec" for name in ("one", "two"))
    for source in ([one / "train.rec", two / "test.rec"], {"x": one / "train.rec", "y": two / "test.rec"}):
        photos = scan("rec", source).photos.to_pylist()
        who = {(photo["photo"].split("/")[2], photo["identity"], photo["official_split"]) for photo in photos}
        assert all(folder == identity for folder, identity, _ in who)
        assert {(identity in ("Anna", "Bea", "Carl", "Dan"), split) for _, identity, split in who} == {
            (True, "train"),
            (False, "test"),
        }


def test_pairs_of_several_splits_come_back_from_a_rec_in_the_set_s_order(tmp_path: Path) -> None:
    made = make_set(tmp_path / "set", dict.fromkeys(("Anna", "Bea", "Carl", "Dan"), 4))
    export_set(made.path, tmp_path / "rec", ExportConfig(to="rec"))
    found = scan("rec", tmp_path / "rec").protocol
    assert found is not None
    of = {row["id"]: row["path"] for row in pq.read_table(made.path / "classes.parquet").to_pylist()}
    pairs = pq.read_table(made.path / "pairs.parquet").to_pylist()
    assert {pair["split"] for pair in pairs} == {"train", "test"}
    wanted = [(of[pair["left"]], of[pair["right"]], pair["same"], pair["split"]) for pair in pairs]
    paths = [
        [photo.split("/", 2)[2] for photo in found.column(side).to_pylist()] for side in ("left", "right")
    ]
    same, split = (found.column(name).to_pylist() for name in ("same", "split"))
    assert list(zip(*paths, same, split, strict=True)) == wanted


def test_lists_beside_a_rec_whose_folder_is_no_utf_8_are_read(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff"))
    path = write_rec(folder)
    path.with_suffix(".lst").write_text("1\t0\tAnna/1.jpg\n2\t1\tBo/2.jpg\n")
    assert scan("rec", folder).photos.column("identity").to_pylist() == ["Anna", "Bo"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"1\t0\ta/\xff.jpg\n2\t1\tb/2.jpg\n", "no text in UTF-8"),
        (b"1\t0\t\n2\t1\t\n", "no path or no label"),
        (b"1\t0\tNA\n2\t1\tNULL\n", "no path or no label"),
        (b"1\t0\ta/1.jpg\t\n2\t1\tb/2.jpg\t\n", "no path or no label"),
        (b"1\t\t5\n2\t\t6\n", "no path or no label"),
    ],
)
def test_a_list_with_gaps_or_other_letters_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "train.lst"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=rf"train\.lst is not a list of records: .*{why}"):
        read_list(path)


def test_a_list_without_labels_still_names_its_photos(tmp_path: Path) -> None:
    path = tmp_path / "train.lst"
    path.write_text("1\tnan\ta/1.jpg\n2\tnan\tb/2.jpg\n")
    assert read_list(path)[1].to_pylist() == ["a/1.jpg", "b/2.jpg"]


def test_an_index_of_empty_lines_is_refused(tmp_path: Path) -> None:
    path = write_rec(tmp_path)
    path.with_suffix(".idx").write_text("\n\n")
    with pytest.raises(SourceError, match=r"train\.idx lists no record: delete it"):
        read_records(path, path.with_suffix(".idx"))


def parts(count: int) -> tuple[bytes, str]:
    """Return records that all end with the same long chain of parts, and an index of all of them."""
    data, payload = bytearray(), bytes(32)
    for number in range(count):  # each goes to the chain's start, over those that follow
        head = struct.pack("<II", 0xCED7230A, 1 << 29 | (len(payload) + 8) * (count - number) - 8)
        data += head + payload
    data += struct.pack("<II", 0xCED7230A, 2 << 29) * count + struct.pack("<II", 0xCED7230A, 3 << 29)
    return bytes(data), "".join(f"{number}\t{40 * number}\n" for number in range(count))


def test_an_index_of_records_within_records_is_refused_at_once(tmp_path: Path) -> None:
    data, index = parts(10_000)
    (tmp_path / "train.rec").write_bytes(data)
    (tmp_path / "train.idx").write_text(index)
    start = time.process_time()
    with pytest.raises(SourceError, match=r"byte 40 lies within a record, and the \.idx lists it as another"):
        read_records(tmp_path / "train.rec", tmp_path / "train.idx")
    assert time.process_time() - start < 5


def test_the_parts_of_a_record_are_no_more_than_a_record_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, _ = parts(1)
    (tmp_path / "train.rec").write_bytes(data)
    assert len(read_records(tmp_path / "train.rec").keys) == 1
    monkeypatch.setattr(recordio, "_MOST_LENGTH", 32)
    with pytest.raises(SourceError, match="begins a record whose parts have more than 32 bytes"):
        read_records(tmp_path / "train.rec")


def write_tar(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w") as tar:
        for ending, data in files.items():
            info = tarfile.TarInfo(f"a/1.{ending}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    "text",
    [
        '{"identity": "a\ud800"}'.encode("utf-16", "surrogatepass"),
        b'{"identity": "a\xed\xa0\x80"}',
        b'{"identity": "\\ud800"}',
    ],
)
def test_half_a_letter_in_a_tar_s_json_is_refused(tmp_path: Path, text: bytes) -> None:
    path = write_tar(tmp_path / "x.tar", jpg=b"x", json=text)
    with pytest.raises(SourceError, match=r"a/1\.json in .*x\.tar is no JSON"):
        scan("webdataset", path)


def test_json_may_begin_with_a_mark(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tar", jpg=b"x", json=b'\xef\xbb\xbf{"identity": "Bo"}')
    assert scan("webdataset", path).photos.column("identity").to_pylist() == ["Bo"]


def pax(data: bytes) -> bytes:
    """Return a PAX header with these bytes."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


@pytest.mark.parametrize(
    "data", [b"1" * 60_000, b"9" * 5_000 + b" path=x\n", b"9 path=", b" a=b\n", b"0 a=b\n"]
)
def test_a_pax_header_that_cannot_be_read_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(pax(data) + ustar_header(b"a.jpg", 0) + bytes(1024))
    with pytest.raises(SourceError, match="the PAX header at byte 512 cannot be read"):
        list(read_members(tmp_path / "x.tar"))


def test_a_pax_header_of_many_values_is_read(tmp_path: Path) -> None:
    values = b"5 a=\n" * 13_000 + b"12 path=b/c\n"
    (tmp_path / "x.tar").write_bytes((pax(values) + ustar_header(b"a.jpg", 0)) * 3 + bytes(1024))
    assert [member.name for member in read_members(tmp_path / "x.tar")] == ["b/c"] * 3


@pytest.mark.parametrize("name", [b"PK_Subban/1.jpg", b"BZh/1.jpg"])
def test_a_tar_is_not_compressed_because_of_a_name(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(ustar_header(name, 0) + bytes(1024))
    assert [member.name.encode() for member in read_members(tmp_path / "x.tar")] == [name]


def write_parquet(path: Path, features: Any = None, **columns: Any) -> Path:
    table = pa.table({"image": pa.array([{"bytes": b"x", "path": None}] * 3, IMAGE), **columns})
    if features is not None:
        text = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({FEATURES: text.encode()})
    pq.write_table(table, path)
    return path


def people(path: Path) -> list[str | None]:
    found: list[str | None] = scan("hf", path).photos.column("identity").to_pylist()
    return found


def test_a_class_label_numbers_whole_numbers_only(tmp_path: Path) -> None:
    label = {"label": {"_type": "ClassLabel", "names": ["Anna", "Bo"]}}
    text = write_parquet(tmp_path / "x.parquet", label, label=["c", "d", "e"])
    assert people(text) == ["c", "d", "e"]
    large = write_parquet(tmp_path / "y.parquet", label, label=pa.array([0, 2**63 + 1, 1], pa.uint64()))
    assert people(large) == ["Anna", None, "Bo"]


@pytest.mark.parametrize("names", [5, "Anna", {"0": "Anna"}, [None, "Anna"], [1, 2]])
def test_names_of_a_class_label_that_are_none_are_refused(tmp_path: Path, names: Any) -> None:
    label = {"label": {"_type": "ClassLabel", "names": names}}
    path = write_parquet(tmp_path / "x.parquet", label, label=[0, 1, 0])
    with pytest.raises(SourceError, match="the names of its class label label are no list of texts"):
        HubColumns(path)


def test_features_with_half_a_letter_are_none(tmp_path: Path) -> None:
    label = {"label": {"_type": "ClassLabel", "names": ["\ud800", "Bo"]}}
    assert people(write_parquet(tmp_path / "x.parquet", label, label=[0, 1, 0])) == ["0", "1", "0"]


def test_a_path_that_is_no_text_is_of_no_picture(tmp_path: Path) -> None:
    for kind in (pa.int64(), pa.binary()):
        image = pa.array(
            [{"bytes": None, "path": None}] * 3, pa.struct([("bytes", pa.binary()), ("path", kind)])
        )
        table = pa.table({"image": image, "identity": ["a", "b", "c"]})
        pq.write_table(table, tmp_path / "x.parquet")
        with pytest.raises(SourceError, match="has a column of pictures"):
            scan("hf", tmp_path / "x.parquet")


def test_a_picture_s_name_that_no_file_can_have_is_a_row_of_the_ledger(tmp_path: Path) -> None:
    image = pa.array([{"bytes": None, "path": "a\0b"}, {"bytes": None, "path": "x" * 5000}], IMAGE)
    pq.write_table(pa.table({"image": image, "identity": ["a", "b"]}), tmp_path / "x.parquet")
    found = scan("hf", tmp_path / "x.parquet")
    for photo in found.photos.column("photo").to_pylist():
        with pytest.raises(OSError, match=r"no file can have|[Tt]oo long"):
            found.reader(photo)


def test_columns_with_one_name_are_refused(tmp_path: Path) -> None:
    image = pa.array([{"bytes": b"x", "path": None}], IMAGE)
    for name in ("identity", "image", ""):
        arrays = [image, pa.array(["a"]), pa.array(["a"])]
        table = pa.Table.from_arrays(
            arrays, names=["image", *((name, name) if name != "image" else (name, "who"))]
        )
        pq.write_table(table, tmp_path / "x.parquet")
        with pytest.raises(SourceError, match=f"has two columns called '{name}'"):
            scan("hf", tmp_path / "x.parquet")


@pytest.mark.parametrize("names", [("x", "meta_x"), ("", "meta_")])
def test_columns_that_would_have_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    others = {name: [1, 2, 3] for name in names}
    path = write_parquet(tmp_path / "x.parquet", identity=["a", "b", "c"], **others)
    with pytest.raises(SourceError, match=f"two columns that would both be {names[1]} in the set"):
        scan("hf", path)


def test_a_file_or_folder_of_the_other_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "lfw.bin").write_bytes(b"x")
    with pytest.raises(
        SourceError, match=r"lfw\.bin holds pairs to verify, not records: use `facedata prepare"
    ):
        scan("rec", tmp_path / "lfw.bin")
    with pytest.raises(SourceError, match=r"is a folder: name a \.bin file"):
        scan("bin", tmp_path)
    with pytest.raises(SourceError, match=r"is no file: name a \.bin file"):
        scan("bin", tmp_path / "other.bin")


def test_half_a_letter_in_the_note_of_an_export_is_refused() -> None:
    with pytest.raises(SourceError, match="note is damaged"):
        parse_export_note(b'{"kind": "facedata export", "people": {"a": "\\ud800"}}', "note")
