from __future__ import annotations

import gc
import hashlib
import json
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import webdataset

from facedata.errors import StoreError
from facedata.store import tars
from facedata.store.blobs import BLOB, write_blob
from facedata.store.read import read_crop
from facedata.store.tars import TarStore
from facedata.tables.parquet import write_table
from facedata.tables.schema import CLASSES, WORK

CROPS = [bytes([65 + number]) * (700 * number + 1) for number in range(8)]
"""Of lengths that end in all places of a tar's blocks."""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def classes_of(crops: list[bytes]) -> pa.Table:
    rows = [
        {
            "id": number, "path": f"ünal/{number}.jpg", "identity": "ünal", "label": 0, "role": None,
            "split": "train", "file": "", "offset": 0, "length": len(crop), "crop_sha256": sha(crop),
            "photo": f"ünal/{number}.png",
        }
        for number, crop in enumerate(crops)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=CLASSES)


def pack(out: Path, crops: list[bytes], shard: int = 3) -> pa.Table:
    """Take crops the whole way: blobs, files, tars."""
    store = TarStore(out)
    for start in range(0, len(crops), shard):
        store.put(f"shard{start}", [("", crop) for crop in crops[start : start + shard]])
    classes = pa.concat_tables([CLASSES.empty_table(), *store.assign_files([classes_of(crops)])])
    store.keep_only([classes])
    return classes


@pytest.fixture(autouse=True)
def _small_tars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "TAR_CROPS", 4)


def test_members_are_as_promised(tmp_path: Path) -> None:
    pack(tmp_path, CROPS)
    with tarfile.open(tmp_path / "crops/00001.tar") as tar:
        members = tar.getmembers()
        assert [member.name for member in members[:3]] == ["000000004.jpg", "000000004.json", "000000005.jpg"]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode, m.type) for m in members} == {
            (0, 0, 0, "", "", 0o644, tarfile.REGTYPE)
        }
        data, text = (tar.extractfile(member) for member in members[:2])
        assert data is not None
        assert data.read() == CROPS[4]
        assert text is not None
        assert json.loads(text.read()) == {
            "id": 4, "path": "ünal/4.jpg", "identity": "ünal", "photo": "ünal/4.png", "role": None,
            "crop_sha256": sha(CROPS[4]),
        }  # fmt: skip
    head = (tmp_path / "crops/00001.tar").read_bytes()[:512]
    assert head[257:265] == b"ustar\x0000"
    assert (tmp_path / "crops/00001.tar").stat().st_size % tarfile.RECORDSIZE == 0


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves the tars open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_them(tmp_path: Path) -> None:
    pack(tmp_path, CROPS)
    shards = str(tmp_path / "crops/{00000..00001}.tar")
    samples: list[dict[str, Any]] = list(webdataset.WebDataset(shards, shardshuffle=False))
    gc.collect()  # what is left open warns here, where it is expected
    assert [sample["__key__"] for sample in samples] == [f"{number:09d}" for number in range(8)]
    assert [sample["jpg"] for sample in samples] == CROPS
    assert [json.loads(sample["json"])["id"] for sample in samples] == list(range(8))


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (0, [])])
def test_so_many_crops_per_tar(count: int, sizes: list[int], tmp_path: Path) -> None:
    classes = pack(tmp_path, CROPS[:count])
    found = []
    for file in sorted(tmp_path.glob("crops/*")):
        with tarfile.open(file) as tar:
            found.append(len(tar.getnames()) // 2)
    assert found == sizes
    assert classes.schema == CLASSES
    assert classes.column("file").to_pylist() == [f"crops/{n // 4:05d}.tar" for n in range(count)]


def test_ten_thousand_is_the_constant() -> None:
    program = "import facedata.store.tars as t; print(t.TAR_CROPS)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "10000\n"


def test_a_crop_is_read_by_file_offset_and_length(tmp_path: Path) -> None:
    for row, crop in zip(pack(tmp_path, CROPS).to_pylist(), CROPS, strict=True):
        assert read_crop(tmp_path, row["file"], row["offset"], row["length"]) == crop


def test_bytes_do_not_depend_on_the_shards(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert pack(one, CROPS, shard=1).equals(pack(other, CROPS, shard=8))
    for file in sorted(one.glob("crops/*")):
        assert file.read_bytes() == (other / "crops" / file.name).read_bytes()


def test_splits_and_labels_move_no_byte(tmp_path: Path) -> None:
    classes = pack(tmp_path / "one", CROPS)
    at = classes.schema.get_field_index("split")
    moved = classes.set_column(at, CLASSES.field("split"), pa.array(["test"] * 8))
    assert pa.concat_tables(TarStore(tmp_path).assign_files([moved])).equals(moved)


def test_settling_again_writes_nothing(tmp_path: Path) -> None:
    classes = pack(tmp_path, CROPS)
    before = {file: file.stat().st_ino for file in tmp_path.glob("crops/*")}
    TarStore(tmp_path).keep_only([classes])
    assert {file: file.stat().st_ino for file in tmp_path.glob("crops/*")} == before


def test_a_tar_of_other_content_and_the_same_size_is_made_anew(tmp_path: Path) -> None:
    pack(tmp_path, CROPS)
    others = [crop[::-1] if number else b"Z" * len(crop) for number, crop in enumerate(CROPS)]
    classes = pack(tmp_path, others)
    row = classes.slice(0, 1).to_pylist()[0]
    assert read_crop(tmp_path, row["file"], row["offset"], row["length"]) == others[0]


def test_tars_past_the_last_go_and_other_files_stay(tmp_path: Path) -> None:
    pack(tmp_path, CROPS)
    (tmp_path / "crops/.00007.tar.tmp").touch()
    (tmp_path / "crops/notes.txt").touch()
    TarStore(tmp_path).keep_only([pa.concat_tables(TarStore(tmp_path).assign_files([classes_of(CROPS[:3])]))])
    assert sorted(file.name for file in tmp_path.glob("crops/*")) == ["00000.tar", "notes.txt"]


def finished(out: Path, crops: list[bytes]) -> None:
    """Leave a finished set, as far as the store looks at it."""
    classes = pack(out, crops)
    for file in (out / WORK / "parts").iterdir():
        file.unlink()
    (out / WORK / "previous").mkdir()
    write_table(
        out / WORK / "previous/classes.parquet", classes, kind="classes", schema=CLASSES, fingerprint="f"
    )


def test_earlier_tars_give_their_crops_to_new_ones(tmp_path: Path) -> None:
    finished(tmp_path / "grown", CROPS[1::2])
    assert not list((tmp_path / "grown" / WORK / "parts").iterdir())
    store = TarStore(tmp_path / "grown")
    store.put("new", [("", crop) for crop in CROPS[::2]])
    classes = pa.concat_tables(store.assign_files([classes_of(CROPS)]))
    store.keep_only([classes])
    pack(tmp_path / "fresh", CROPS)
    for name in ("00000.tar", "00001.tar"):
        assert (tmp_path / "grown/crops" / name).read_bytes() == (
            tmp_path / "fresh/crops" / name
        ).read_bytes()


def test_a_tar_that_stays_the_same_is_not_copied(tmp_path: Path) -> None:
    finished(tmp_path, CROPS[:6])
    before = (tmp_path / "crops/00000.tar").stat().st_ino
    (tmp_path / WORK / "packed/00000.tar").unlink()
    store = TarStore(tmp_path)
    store.put("new", [("", crop) for crop in CROPS[6:]])
    store.keep_only([pa.concat_tables(store.assign_files([classes_of(CROPS)]))])
    assert (tmp_path / "crops/00000.tar").stat().st_ino == before
    with tarfile.open(tmp_path / "crops/00001.tar") as tar:
        assert len(tar.getnames()) == 8


def rows_of(crops: list[bytes | None]) -> pa.Table:
    return pa.table(
        {
            "path": pa.array([None if crop is None else "a/b.jpg" for crop in crops], pa.string()),
            "crop_length": pa.array([None if crop is None else len(crop) for crop in crops], pa.int64()),
            "crop_sha256": pa.array([None if crop is None else sha(crop) for crop in crops], pa.string()),
        }
    )


def test_what_is_found(tmp_path: Path) -> None:
    finished(tmp_path, CROPS[:4])
    store = TarStore(tmp_path)
    store.put("new", [("", CROPS[5])])
    rows = rows_of([CROPS[0], CROPS[3], CROPS[5], CROPS[6], None, CROPS[6]])
    wanted = np.array([True, True, True, True, True, False])
    assert store.has_crops(rows, wanted).tolist() == [True, True, True, False, True, True]
    tar = tmp_path / "crops/00000.tar"
    tar.write_bytes(tar.read_bytes()[:2000])  # cut off within its second crop
    found = TarStore(tmp_path).has_crops(rows, wanted)
    assert found.tolist() == [True, False, True, False, True, True]
    again: TarStore = pickle.loads(pickle.dumps(store))
    assert again.has_crops(rows, wanted).tolist() == found.tolist()  # no index travels to the workers


def test_crops_whose_bytes_changed_are_never_packed(tmp_path: Path) -> None:
    blob = tmp_path / WORK / f"parts/x{BLOB}"
    write_blob(blob, CROPS)
    data = bytearray(blob.read_bytes())
    data[0] ^= 1
    blob.write_bytes(data)
    store = TarStore(tmp_path)
    with pytest.raises(StoreError, match=r"ünal/0.jpg in .*x.crops is damaged: delete that file"):
        store.keep_only(list(store.assign_files([classes_of(CROPS)])))
    assert not list((tmp_path / "crops").iterdir())
    blob.unlink()
    with pytest.raises(StoreError, match=r"ünal/0.jpg is gone: run the same command again"):
        TarStore(tmp_path).keep_only(list(store.assign_files([classes_of(CROPS)])))
