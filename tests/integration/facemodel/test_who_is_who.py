"""Who is who by a real network on real photos: LFW's own errors, and exchanged photos, are found."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata import ClassManifest, prepare
from facedata.checks.findings import Kind
from facedata.tables.parquet import write_table
from facemodel import check
from facemodel.checks.official_pairs import OfficialPairs
from facemodel.checks.who.find import find_people_findings
from facemodel.config import CheckConfig
from facemodel.models.embedding_file import read_embeddings
from facemodel.models.known_people import PEOPLE as PEOPLE_TABLE
from tests.support.onnx_networks import mobilefacenet
from tests.support.saved_runs import write_run
from tests.support.shared_data import SHARED, needs_shared
from tests.support.synthetic_people import exchange

LFW = SHARED / "data/lfw"
PEOPLE, MOST = 70, 4
_PHOTO = {"wrong_person", "stranger", "swapped"}


def known_errors() -> list[dict[str, str]]:
    with (LFW / "known_errors.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a set of some people with several photos, and of all those whom the known errors are about."""
    folder = tmp_path_factory.mktemp("lfw")
    doubtful = {row[side].rsplit("_0", 1)[0] for row in known_errors() for side in ("left", "right")}
    several = [one for one in sorted((LFW / "lfw-deepfunneled").iterdir()) if len(list(one.iterdir())) > 2]
    chosen = [one for one in several if one.name not in doubtful][:PEOPLE]
    chosen += [LFW / "lfw-deepfunneled" / name for name in sorted(doubtful)]
    for person in (one for one in chosen if one.is_dir()):
        (folder / "photos" / person.name).mkdir(parents=True)
        photos = sorted(person.iterdir())
        for photo in photos if person.name in doubtful else photos[:MOST]:
            (folder / "photos" / person.name / photo.name).symlink_to(photo)
    prepare(folder / "photos", folder / "faces", template="arcface112", workers=2)
    return folder / "faces"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime")
    return mobilefacenet(tmp_path_factory.mktemp("net"))


def test_a_model_that_was_trained_on_these_people_is_said_to_be(tmp_path: Path) -> None:
    """It has learnt their wrong names, too. An export knows its set, a run its people as well."""
    run = write_run(tmp_path)
    lines = check(tmp_path / "set", run, workers=1).summary["who_is_who"]["strength"]["lines"]
    assert any("this very set" in line for line in lines)
    names = ClassManifest.open(tmp_path / "set").table.column("identity").unique().to_pylist()
    known = pa.table(
        {"identity": [*names[:3], "Ana"], "photos": [3] * 4, "trains": [True, True, False, True]}
    )
    write_table(run / PEOPLE_TABLE, known, kind="people", schema=known.schema, fingerprint="f")
    lines = check(tmp_path / "set", run, workers=1).summary["who_is_who"]["strength"]["lines"]
    assert any(f"trained on 2 of these {len(names)} people" in line for line in lines)


@needs_shared
def test_the_known_errors_are_found_and_hardly_anything_else(faces: Path, network: Path) -> None:
    found = check(faces, network, workers=1)
    table = found.to_pandas()
    doubles = table[table.kind == Kind.DOUBLE_NAME.value]
    pairs = {frozenset(pair) for pair in zip(doubles.identity, doubles.to_identity, strict=True)}
    known = {
        frozenset((row["left"].rsplit("_0", 1)[0], row["right"].rsplit("_0", 1)[0]))
        for row in known_errors()
        if row["kind"] in ("double_name", "same_photo_two_names")
    }
    here = set(ClassManifest.open(faces).table.column("identity").to_pylist())
    known = {pair for pair in known if pair <= here}
    assert len(known) >= 4
    assert known <= pairs
    assert len(pairs - known) <= 1
    photos = table[table.kind.isin(_PHOTO)]
    wrong = [row for row in known_errors() if row["kind"] == "wrong_name" and row["right"] in here]
    for row in wrong:
        told = photos[photos.left_photo.str.contains(row["left"])]
        assert told.to_identity.tolist() == [row["right"]]
    assert len(photos) <= len(wrong) + 3
    merged = table[table.proposal == "merge"]
    assert {frozenset(pair) for pair in zip(merged.identity, merged.to_identity, strict=True)} <= known
    assert not found.summary["who_is_who"]["strength"]["is_weak"]
    assert (
        len(found.summary["who_is_who"]["strength"]["lines"]) == 2
    )  # nothing of a set that it was trained on


@needs_shared
@pytest.mark.parametrize(("share", "recall"), [(0.05, 0.99), (0.2, 0.95)])
def test_exchanged_photos_are_found(faces: Path, network: Path, share: float, recall: float) -> None:
    file = check(faces, network, workers=1).summary["who_is_who"]["embeddings"]
    kept = read_embeddings(faces / "check" / file)
    vectors = (kept.values / np.linalg.norm(kept.values, axis=1, keepdims=True)).astype(np.float32)
    crops = ClassManifest.open(faces).table
    assert crops.column("id").to_pylist() == kept.ids.tolist()
    names, person = np.unique(crops.column("identity").to_pylist(), return_inverse=True)
    several = np.flatnonzero(np.bincount(person)[person] > 2)
    given, wrong = exchange(person[several], share, seed=1)
    crops = crops.take(several)
    at = crops.column_names.index("identity")
    crops = crops.set_column(at, crops.schema.field(at), [names[given].tolist()])
    none = np.empty(0, np.int64)
    pairs = OfficialPairs(none, none, np.empty(0, np.bool_))
    found, _ = find_people_findings(vectors[several], crops, CheckConfig(), pairs=pairs)
    ids = {one.left for one in found if one.kind.value in _PHOTO}
    ids |= {one.right for one in found if one.kind is Kind.SWAPPED}
    seen = np.isin(crops.column("id").to_numpy(), [one for one in ids if one is not None])
    assert seen[wrong].mean() >= recall
    assert seen[~wrong].sum() <= 4  # of some 300
