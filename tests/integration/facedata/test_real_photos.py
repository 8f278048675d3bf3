"""The real detector on real and painted photos; the figures of `make bench-accuracy` on a part of them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facedata import find_crops, open_set, pairs_set, prepare, split_set
from facedata.crops.codec import encode_crop
from facedata.photos.image import decode
from facedata.sources.demo import DemoSource
from facedata.work import shards
from tests.benchmark.accuracy import tilt_errors
from tests.support.damaged_sets import look
from tests.support.set_bytes import set_bytes
from tests.support.shared_data import SHARED, needs_shared


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "demo-faces"
    prepare(None, out, kind="demo", workers=2)
    return out


def test_the_demo_is_found_and_level(demo: Path) -> None:
    prepared, source = open_set(demo), DemoSource()
    ledger = pd.read_parquet(demo / "photos.parquet")
    with_face = [len(source.true_eyes(photo)) > 0 for photo in ledger.photo]
    assert (ledger.status == "kept").sum() >= 0.95 * sum(with_face)
    assert np.median(tilt_errors(prepared, lambda photo: source.true_eyes(photo)[0])) <= 1.5
    assert look(demo).findings == []


def test_real_detection_gives_the_same_bytes_with_other_workers_and_batches(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_PHOTOS", 37)
    prepare(None, tmp_path / "set", kind="demo", workers=1)
    assert set_bytes(tmp_path / "set") == set_bytes(demo)


def test_find_crops_gives_what_prepare_gave(demo: Path) -> None:
    prepared, source = open_set(demo), DemoSource()
    reader = source.scan().reader
    digests = dict(prepared.table("classes", ["path", "crop_sha256"]).to_pandas().itertuples(index=False))
    for row in prepared.table("photos").to_pandas().query("status == 'kept'")[:12].itertuples():
        crop = find_crops(decode(reader(str(row.photo))), face="largest")[0]
        np.testing.assert_array_equal(crop.matrix.ravel(), np.asarray(row.matrix))
        assert hashlib.sha256(encode_crop(crop.image)).hexdigest() == digests[row.path]


@needs_shared
def test_lfw_keeps_its_official_splits_and_pairs(tmp_path: Path) -> None:
    source = SHARED / "data" / "lfw"
    people = {
        "Abdullah_Gul",
        "Aaron_Peirsol",
        "Aaron_Sorkin",
        "AJ_Lamas",
        "Aaron_Guiel",
        "Abdel_Nasser_Assidi",
    }
    for person in people:
        shutil.copytree(source / "lfw-deepfunneled" / person, tmp_path / "lfw" / "lfw-deepfunneled" / person)
    shutil.copytree(source / "protocol", tmp_path / "lfw" / "protocol")
    prepared = prepare(tmp_path / "lfw", tmp_path / "set", kind="lfw", workers=2)
    counts = prepared.info["counts"]
    assert prepared.info["settings"]["face"] == "center"
    assert prepared.info["settings"]["split_by"] == "official"
    assert counts["pairs"]["official"] == 3200
    assert counts["pairs"]["complete"] + len(counts["pairs"]["missing"]) == 3200
    assert counts["pairs"]["complete"] > 0
    classes = pd.read_parquet(tmp_path / "set" / "classes.parquet")
    assert dict(classes.drop_duplicates("identity").set_index("identity")["split"]) == {
        "Abdullah_Gul": "test", "AJ_Lamas": "test", "Aaron_Guiel": "test",
        "Aaron_Peirsol": "train", "Aaron_Sorkin": "train", "Abdel_Nasser_Assidi": "train",
    }  # fmt: skip
    pairs = pd.read_parquet(tmp_path / "set" / "pairs.parquet")
    row = pairs[pairs.left_path.str.endswith("Aaron_Peirsol_0001.jpg")].iloc[0]
    assert (row.right_path, row.same, row.split) == ("Aaron_Peirsol/Aaron_Peirsol_0002.jpg", True, "train")
    official = set_bytes(tmp_path / "set")
    split_set(tmp_path / "set", splits="train=0.5,test=0.5")
    assert set_bytes(tmp_path / "set") != official
    split_set(tmp_path / "set", split_by="official")
    pairs_set(tmp_path / "set", strategy="official")
    assert pd.read_parquet(tmp_path / "set" / "pairs.parquet").equals(pairs)
    assert look(tmp_path / "set").findings == []


@needs_shared
def test_celeba_as_photographed_is_split_by_its_partition(tmp_path: Path) -> None:
    source = SHARED / "data" / "celeba"
    (tmp_path / "celeba" / "img_celeba").mkdir(parents=True)
    for file in sorted((source / "img_celeba").iterdir())[::16]:
        shutil.copy(file, tmp_path / "celeba" / "img_celeba")
    for name in ("identity_CelebA.txt", "list_eval_partition.txt"):
        shutil.copy(source / name, tmp_path / "celeba")
    prepared = prepare(tmp_path / "celeba", tmp_path / "set", kind="celeba", split_by="official", workers=2)
    counts = prepared.info["counts"]
    assert counts["records"] == 25
    assert counts["missing"] == 202_599 - 25
    assert counts["status"]["kept"] >= 24
    assert set(counts["splits"]) <= {"train", "val", "test"}
    assert look(tmp_path / "set").findings == []


@needs_shared
def test_frames_that_are_pngs_named_jpg_come_out_level(tmp_path: Path) -> None:
    source = SHARED / "data" / "keypoints" / "training"
    (tmp_path / "photos").mkdir()
    for file in sorted(source.iterdir())[::12]:
        assert file.read_bytes().startswith(b"\x89PNG")
        shutil.copy(file, tmp_path / "photos")
    prepared = prepare(tmp_path / "photos", tmp_path / "set", identity_from=r"^(.*)_\d+\.jpg$", workers=2)
    assert prepared.info["counts"]["status"] == {"kept": 25}
    assert np.abs(pd.read_parquet(tmp_path / "set" / "photos.parquet").tilt_deg).max() < 60
