"""Sets of schema version 1: opened with everything, changed by every command, brought up by ``prepare``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from facedata import (
    ClassManifest,
    PairManifest,
    TripletManifest,
    crop_set,
    open_set,
    pairs_set,
    split_set,
    triplets_set,
)
from facedata.commands.summary import summary_lines
from facedata.errors import SchemaVersionError, SetError
from facedata.tables.parquet import read_footer
from facedata.testing import FakeDetector, marked_folder, marked_image
from tests.support.inline_engine import inline
from tests.support.marked_photos import CannotRun, prepare_marked
from tests.support.set_bytes import events, set_bytes, snapshot
from tests.support.slow_runs import rows_in_parts
from tests.support.version_1 import make_parts_version_1, make_version_1

OPTIONS: dict[str, Any] = {"size": 64}
KINDS = ("classes", "pairs", "photos", "triplets")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of which some are rejected, so that the ledger has nulls; more than one shard of them."""
    folder = tmp_path_factory.mktemp("photos")
    marked_folder(folder, people=9, photos=8)
    (folder / "person-00" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "person-00" / "film.mp4").write_bytes(bytes(100))
    shutil.copy(folder / "person-01" / "00.png", folder / "person-01" / "again.png")
    Image.fromarray(marked_image(120, 110, seed=77)).save(folder / "person-02" / "nobody.png")
    return folder


@pytest.fixture(scope="module")
def fresh(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of today."""
    out = tmp_path_factory.mktemp("sets") / "fresh"
    prepare_marked(photos, out, **OPTIONS)
    return out


@pytest.fixture
def old(fresh: Path, tmp_path: Path) -> Path:
    """The same set as version 1 wrote it."""
    shutil.copytree(fresh, tmp_path / "old")
    make_version_1(tmp_path / "old")
    return tmp_path / "old"


def test_an_old_set_opens_with_everything(old: Path, fresh: Path) -> None:
    assert {read_footer(old / f"{kind}.parquet").version for kind in KINDS} == {1}
    ours, today = open_set(old), open_set(fresh)
    assert ours.fingerprint == today.fingerprint
    assert ours.table("photos").equals(today.table("photos"))
    for columns in (["source_identity", "record"], ["turned_deg"], ["licence", "box"], ["record"]):
        assert ours.table("photos", columns).equals(today.table("photos", columns))
    for manifest in (ClassManifest, PairManifest, TripletManifest):
        assert manifest.open(old).table.equals(manifest.open(fresh).table)
    assert summary_lines(ours)[:-2] == summary_lines(today)[:-2]  # the last two name the folder


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_prepare_brings_an_old_set_up_to_date_without_detecting(
    store: str, photos: Path, tmp_path: Path
) -> None:
    prepare_marked(photos, tmp_path / "fresh", store=store, **OPTIONS)
    shutil.copytree(tmp_path / "fresh", tmp_path / "old")
    make_version_1(tmp_path / "old")
    assert set_bytes(tmp_path / "old") != set_bytes(tmp_path / "fresh")
    prepare_marked(photos, tmp_path / "old", CannotRun(), store=store, **OPTIONS)
    assert set_bytes(tmp_path / "old") == set_bytes(tmp_path / "fresh")
    before = snapshot(tmp_path / "old")
    prepare_marked(photos, tmp_path / "old", CannotRun(), store=store, **OPTIONS)  # now it is up to date
    assert snapshot(tmp_path / "old") == before


def test_tiffs_of_an_old_set_are_searched_again_since_they_were_turned_twice(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=3, photos=4)
    for file in sorted((tmp_path / "photos").glob("*/03.png")):
        with Image.open(file) as image:
            image.save(file.with_suffix(".tif" if "00" in file.parent.name else ".TIFF"))
        file.unlink()
    prepare_marked(tmp_path / "photos", tmp_path / "fresh", **OPTIONS)
    shutil.copytree(tmp_path / "fresh", tmp_path / "old")
    make_version_1(tmp_path / "old")
    (tmp_path / "old" / ".seen.arrow").unlink()  # version 1 knew no picture hashes
    detected: list[int] = []

    class Counting(FakeDetector):
        def detect(self, images: Any, rules: object = None) -> Any:
            detected.append(len(images))
            return super().detect(images, rules)

    prepare_marked(tmp_path / "photos", tmp_path / "old", Counting, **OPTIONS)
    assert sum(detected) == 3, "the TIFFs, and nothing else"
    assert set_bytes(tmp_path / "old") == set_bytes(tmp_path / "fresh")
    prepare_marked(tmp_path / "photos", tmp_path / "old", CannotRun(), **OPTIONS)


def test_crops_are_not_cut_from_tiffs_that_were_turned_twice(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=3, photos=4)
    file = next((tmp_path / "photos").glob("*/03.png"))
    with Image.open(file) as image:
        image.save(file.with_suffix(".tif"))
    prepare_marked(tmp_path / "photos", tmp_path / "old", **OPTIONS)
    make_version_1(tmp_path / "old")
    (tmp_path / "old" / ".seen.arrow").unlink()
    with pytest.raises(SetError, match="turned TIFFs twice: run the same `facedata prepare` again"):
        crop_set(tmp_path / "old", tmp_path / "other", template="arcface112")
    assert not (tmp_path / "other").exists()
    prepare_marked(tmp_path / "photos", tmp_path / "old", **OPTIONS)
    assert len(crop_set(tmp_path / "old", tmp_path / "other", template="arcface112").table("classes")) == 13


class _Stopped(Exception):
    """Ends a run."""


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_what_an_old_run_had_done_when_it_was_stopped_is_not_done_again(
    store: str, photos: Path, tmp_path: Path
) -> None:
    def stop(progress: Any) -> None:
        if progress.kept:
            raise _Stopped

    with pytest.raises(_Stopped):
        prepare_marked(photos, tmp_path / "set", store=store, on_progress=stop, **OPTIONS)
    make_parts_version_1(tmp_path / "set")
    done = rows_in_parts(tmp_path / "set")
    assert done
    prepare_marked(photos, tmp_path / "set", store=store, **OPTIONS)
    prepare_marked(photos, tmp_path / "fresh", store=store, **OPTIONS)
    assert set_bytes(tmp_path / "set") == set_bytes(tmp_path / "fresh")
    pending = [event["pending"] for event in events(tmp_path / "set") if event["event"] == "start"]
    assert pending[1] == pending[0] - done


def crop(path: Path) -> None:
    """Cut the set's crops again; the new set takes its place."""
    with inline():
        crop_set(path, path.with_name("crops"), template="facenet160", workers=1)
    shutil.rmtree(path)
    path.with_name("crops").rename(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: split_set(path, splits="train=0.5,test=0.5"),
        lambda path: pairs_set(path, count=5),
        lambda path: triplets_set(path, per_photo=2),
        crop,
    ],
    ids=["split", "pairs", "triplets", "crop"],
)
def test_a_command_makes_of_an_old_set_what_it_makes_of_one_of_today(
    change: Callable[[Path], object], old: Path, fresh: Path, tmp_path: Path
) -> None:
    shutil.copytree(fresh, tmp_path / "today")
    change(old)
    change(tmp_path / "today")
    info = json.loads((old / "dataset.json").read_text())
    wanted = json.loads((tmp_path / "today" / "dataset.json").read_text())
    del wanted["counts"]["copies"]  # only `prepare` sees the pictures
    assert info == wanted
    files, files_today = set_bytes(old), set_bytes(tmp_path / "today")
    del files["dataset.json"], files_today["dataset.json"]
    assert files == files_today


def test_cropping_an_old_set_again_has_nothing_to_do(old: Path, fresh: Path, tmp_path: Path) -> None:
    with inline():
        crop_set(fresh, tmp_path / "crops", template="arcface112", workers=1)
    make_version_1(tmp_path / "crops")
    before = snapshot(tmp_path / "crops")
    for source in (old, fresh):
        crop_set(source, tmp_path / "crops", template="arcface112")
        assert snapshot(tmp_path / "crops") == before


def test_a_set_of_a_later_version_is_refused_with_what_to_do(fresh: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh, tmp_path / "later")
    info = json.loads((tmp_path / "later" / "dataset.json").read_text())
    (tmp_path / "later" / "dataset.json").write_text(json.dumps({**info, "schema_version": 3}))
    with pytest.raises(
        SchemaVersionError, match=r"version 3; this one reads versions 1 to 2: install a newer"
    ):
        open_set(tmp_path / "later")


def test_no_column_has_lists_of_a_fixed_size(fresh: Path) -> None:
    """pyarrow below 26 can write or read none that are null."""
    for kind in KINDS:
        assert not any(
            pa.types.is_fixed_size_list(column) for column in open_set(fresh).table(kind).schema.types
        )
