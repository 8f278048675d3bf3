"""InsightFace's layout, as its own data set reads it; people out of order; what does not fit."""

from __future__ import annotations

import hashlib
import pickle
import struct
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from facedata import PreparedSet, export_set
from facedata.errors import UsageError
from facedata.exports.base import Export
from facedata.interchange.export_note import read_export_note
from facedata.interchange.recordio import read_image, read_records
from tests.support.small_set import SIZE_PX, make_set

PEOPLE = {"anna": 3, "ben": 2, "cleo": 4, "dan": 2}


def crops_of(prepared: PreparedSet, split: str) -> list[dict[str, object]]:
    table = prepared.table("classes")
    return [row for row in table.to_pylist() if row["split"] == split]


def check_layout(folder: Path, prepared: PreparedSet, name: str) -> None:
    """Read a split as InsightFace does: record 0, the images up to it, a range of records a label."""
    path = folder / f"{name}.rec"
    records = read_records(path, path.with_suffix(".idx"))
    rows = {key: at for at, key in enumerate(records.keys.tolist())}
    first, end = int(records.labels[rows[0]]), int(records.seconds[rows[0]])
    crops = crops_of(prepared, name)
    people = sorted({str(crop["identity"]) for crop in crops})
    assert (first, end) == (len(crops) + 1, len(crops) + 1 + len(people))
    assert sorted(rows) == list(range(end))
    labels = [int(records.labels[rows[key]]) for key in range(1, first)]
    for label, key in enumerate(range(first, end)):
        mine = [number for number in range(1, first) if labels[number - 1] == label]
        assert mine == list(range(int(records.labels[rows[key]]), int(records.seconds[rows[key]])))
        assert not records.image_bytes[rows[key]]
    images = [read_image(path, int(records.offsets[rows[key]])) for key in range(1, first)]
    found = [
        (people[label], hashlib.sha256(image).hexdigest())
        for label, image in zip(labels, images, strict=True)
    ]
    assert sorted(found) == sorted((crop["identity"], crop["crop_sha256"]) for crop in crops)
    listed = [line.split("\t") for line in path.with_suffix(".lst").read_text().splitlines()]
    by_sha = {crop["crop_sha256"]: crop["path"] for crop in crops}
    assert listed == [
        [str(key), str(label), by_sha[sha256]]
        for key, label, (_, sha256) in zip(range(1, first), labels, found, strict=True)
    ]


def test_a_set_becomes_what_insightface_reads(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE)
    exported = export_set(prepared, tmp_path / "out", to="rec")
    for name in ("train", "test"):
        check_layout(exported.folder, prepared, name)
    counts = len({crop["identity"] for crop in crops_of(prepared, "train")})
    assert (exported.folder / "property").read_text() == f"{counts},{SIZE_PX},{SIZE_PX}\n"
    note = read_export_note(exported.folder)
    assert note is not None
    assert sorted(set(note.people.values())) == sorted(PEOPLE)
    assert note.left_out[0].endswith("triplets")
    assert not any("folds" in sentence for sentence in note.left_out)
    assert note.left_out[-1] == "a .bin of the training pairs: it would hold all their images again"
    assert exported.lines[-1].startswith("InsightFace's models expect arcface112 crops of 112 px; these are ")


def test_people_out_of_order_are_put_in_rows(tmp_path: Path) -> None:
    """Ids follow the photos' paths; where these do not begin with the person, people are mixed."""
    prepared = make_set(tmp_path / "faces", PEOPLE)
    real = Export.blocks

    def mixed(self: Export, *arguments: object, **options: object) -> object:
        for block in real(self, *arguments, **options):  # type: ignore[arg-type]
            yield block.take(np.random.default_rng(0).permutation(len(block)))

    with patch.object(Export, "blocks", mixed):
        exported = export_set(prepared, tmp_path / "out", to="rec")
    for name in ("train", "test"):
        check_layout(exported.folder, prepared, name)


def test_the_pairs_are_what_insightface_loads(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE)
    export_set(prepared, tmp_path / "out", to="rec")
    assert not (tmp_path / "out" / "train.bin").exists()
    images, same = pickle.loads((tmp_path / "out" / "test.bin").read_bytes(), encoding="bytes")
    sha_of = {crop["path"]: crop["crop_sha256"] for crop in crops_of(prepared, "test")}
    pairs = [row for row in prepared.table("pairs").to_pylist() if row["split"] == "test"]
    assert pairs
    assert same == [row["same"] for row in pairs]
    expected = [sha_of[row[side]] for row in pairs for side in ("left_path", "right_path")]
    assert [hashlib.sha256(image).hexdigest() for image in images] == expected


def test_one_split_may_be_exported(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE)
    exported = export_set(prepared, tmp_path / "out", to="rec", split="test")
    names = {file.name for file in exported.folder.iterdir()}
    assert {"test.rec", "test.idx", "test.lst", "test.pairs.tsv", "test.bin", "property"} <= names
    assert not [name for name in names if name.startswith("train")]


def test_more_records_than_float32_counts_are_refused(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE)
    last_exact = struct.unpack("<f", struct.pack("<f", 16_777_217))[0]
    assert last_exact == 16_777_216
    counts = {
        "train": {"crops": 16_000_000, "people": 777_215},
        "test": {"crops": 16_000_000, "people": 777_216},
    }
    with (
        patch.object(Export, "counts", counts),
        pytest.raises(
            UsageError, match="the split test needs 16,777,217 records, and the format counts them"
        ),
    ):
        export_set(prepared, tmp_path / "out", to="rec")
    assert not (tmp_path / "out").exists()
