"""What guards data: the byte promise, resuming, dying workers, sums, growth. Never marked slow."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from facedata import open_set
from facedata.config import PrepareConfig
from facedata.detect.base import Detector
from facedata.errors import EngineError, NothingKeptError, OtherSettingsError, UnfinishedSetError
from facedata.testing import (
    CrashingDetector,
    FakeDetector,
    NonsenseDetector,
    marked_folder,
)
from facedata.types import Face, UInt8Image
from facedata.work import shards
from tests.support.marked_photos import CannotRun, prepare_marked, write_marked
from tests.support.set_bytes import events, set_bytes
from tests.support.slow_runs import rows_in_parts, start_slowly, wait_for_parts


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 photos of 30 people: five shards."""
    folder = tmp_path_factory.mktemp("photos")
    marked_folder(folder, people=30, photos=10)
    return folder


@pytest.fixture(scope="module")
def unbroken(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "unbroken"
    prepare_marked(photos, out)
    return out


@pytest.mark.parametrize("workers", [1, 3])
def test_bytes_do_not_depend_on_the_number_of_workers(
    photos: Path, unbroken: Path, tmp_path: Path, workers: int
) -> None:
    prepare_marked(photos, tmp_path / "set", workers=workers)
    assert set_bytes(tmp_path / "set") == set_bytes(unbroken)


def test_bytes_do_not_depend_on_batches_and_shards(
    photos: Path, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_PHOTOS", 7)
    prepare_marked(photos, tmp_path / "set", workers=2)
    assert set_bytes(tmp_path / "set") == set_bytes(unbroken)


def test_another_seed_gives_other_splits(photos: Path, unbroken: Path, tmp_path: Path) -> None:
    other = prepare_marked(photos, tmp_path / "set", seed=1)
    assert other.table("classes", ["split"]) != open_set(unbroken).table("classes", ["split"])


def test_counts_add_up_and_every_photo_has_a_row(photos: Path, unbroken: Path) -> None:
    prepared = open_set(unbroken)
    counts = prepared.info["counts"]
    assert sum(counts["status"].values()) == counts["records"] == 300
    listed = {str(file.relative_to(photos)) for file in photos.rglob("*.png")}
    assert set(prepared.table("photos").column("photo").to_pylist()) == listed


def test_the_crops_are_what_the_tables_say(unbroken: Path) -> None:
    classes = pd.read_parquet(unbroken / "classes.parquet")
    ledger = pd.read_parquet(unbroken / "photos.parquet")
    files = set_bytes(unbroken)
    assert {file for file in files if file.startswith("crops/")} == set(classes["file"])
    for row in classes.itertuples():
        assert files[str(row.file)] == row.crop_sha256
        assert (unbroken / str(row.file)).stat().st_size == row.length
    assert list(ledger.loc[ledger.status == "kept", "path"]) == list(classes["path"])
    assert list(classes["id"]) == list(range(len(classes)))


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_run_killed_with_nine_and_run_again_equals_an_unbroken_one(
    photos: Path, unbroken: Path, tmp_path: Path, parts: int
) -> None:
    out = tmp_path / "set"
    process = start_slowly(photos, out)
    wait_for_parts(out, parts, process)
    process.kill()
    process.wait()
    with pytest.raises(UnfinishedSetError if (out / ".work").is_dir() else Exception):
        open_set(out)
    done = rows_in_parts(out)
    prepare_marked(photos, out)
    assert set_bytes(out) == set_bytes(unbroken)
    assert done >= parts
    assert events(out)[-2]["pending"] == 300 - done


def test_no_worker_outlives_a_killed_run(photos: Path, tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    process = start_slowly(photos, tmp_path / "set", 0.02)
    wait_for_parts(tmp_path / "set", 1, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert not alive


def test_a_worker_killed_from_outside_does_not_take_the_run_down(
    photos: Path, unbroken: Path, tmp_path: Path
) -> None:
    psutil = pytest.importorskip("psutil")
    process = start_slowly(photos, tmp_path / "set")
    wait_for_parts(tmp_path / "set", 1, process)
    busy = [
        p
        for p in psutil.Process(process.pid).children(recursive=True)
        if "resource_tracker" not in str(p.cmdline())
    ]
    os.kill(busy[0].pid, signal.SIGKILL)
    assert process.wait(timeout=90) == 0
    assert set_bytes(tmp_path / "set") == set_bytes(unbroken)


def test_a_photo_that_kills_its_worker_becomes_a_failed_row(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=10, photos=8)
    write_marked(tmp_path / "photos" / "zoe" / "killer.png", behaviour="crash")
    write_marked(tmp_path / "photos" / "zoe" / "next.png", seed=9)
    prepared = prepare_marked(tmp_path / "photos", tmp_path / "set", CrashingDetector, workers=2)
    ledger = pd.read_parquet(tmp_path / "set" / "photos.parquet").set_index("photo")
    assert ledger.loc["zoe/killer.png", "status"] == "failed"
    assert "killed its worker twice" in str(ledger.loc["zoe/killer.png", "reason"])
    assert prepared.info["counts"]["status"] == {"kept": 81, "failed": 1}
    alone = prepare_marked(tmp_path / "photos", tmp_path / "again", CrashingDetector, workers=1)
    assert alone.fingerprint == prepared.fingerprint


def test_a_worker_that_dies_at_once_is_an_error_after_three_rounds(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="3 rounds"):
        prepare_marked(photos, tmp_path / "set", DiesAtBirth(), workers=2)
    prepare_marked(photos, tmp_path / "set")


class DiesAtBirth:
    """A detector that cannot even be made."""

    def __call__(self) -> Detector:
        """Kill the worker."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DiesAtBirth)

    def __hash__(self) -> int:
        return 0


def test_nonsense_from_a_detector_fails_its_photo_only(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    write_marked(tmp_path / "photos" / "zoe" / "odd.png", behaviour="nonsense")
    prepare_marked(tmp_path / "photos", tmp_path / "set", NonsenseDetector)
    ledger = pd.read_parquet(tmp_path / "set" / "photos.parquet").set_index("photo")
    assert ledger.loc["zoe/odd.png", "status"] == "failed"
    assert (ledger.drop("zoe/odd.png").status == "kept").all()


class RaisingDetector(FakeDetector):
    """Raises on wide photos, whatever else is in the batch."""

    def detect(self, images: Any, rules: Any = None) -> list[list[Face]]:
        """Raise if any is wide."""
        if any(image.shape[1] > 200 for image in images):
            raise RuntimeError("cannot do wide ones")
        return super().detect(images)


def test_a_detector_that_raises_fails_the_culprit_only(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    wide: UInt8Image = np.zeros((50, 300, 3), np.uint8)
    (tmp_path / "photos" / "zoe").mkdir()
    assert cv2.imwrite(str(tmp_path / "photos" / "zoe" / "wide.png"), wide)
    prepared = prepare_marked(tmp_path / "photos", tmp_path / "set", RaisingDetector)
    assert prepared.info["counts"]["status"] == {"kept": 12, "failed": 1}


def test_a_rerun_on_the_same_photos_does_nothing(photos: Path, unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    shutil.copytree(unbroken, out, copy_function=shutil.copy2)
    before, lines = set_bytes(out), len(events(out))
    prepare_marked(photos, out)
    assert set_bytes(out) == before
    assert len(events(out)) == lines
    assert not (out / ".work").exists()


@pytest.mark.parametrize("remembered", [True, False])
def test_a_grown_set_equals_a_fresh_one_and_does_only_the_new(tmp_path: Path, remembered: bool) -> None:
    source, out = tmp_path / "photos", tmp_path / "set"
    marked_folder(source, people=12, photos=4)
    prepare_marked(source, out, splits="train=0.5,test=0.5")
    before = dict(
        pd.read_parquet(out / "classes.parquet")[["identity", "split"]].itertuples(index=False, name=None)
    )
    for number in range(6):
        write_marked(source / f"new-{number // 2}" / f"{number}.png", seed=100 + number)
    write_marked(source / next(iter(before)) / "0000.png", seed=200)  # sorts before its person's others
    if not remembered:
        (out / ".seen.arrow").unlink()  # then photos are told by their SHA-256
    grown = prepare_marked(source, out, splits="train=0.5,test=0.5")
    assert events(out)[-2]["pending"] == 7
    fresh = prepare_marked(source, tmp_path / "fresh", splits="train=0.5,test=0.5")
    left, right = (pd.read_parquet(tmp_path / name / "photos.parquet") for name in ("set", "fresh"))
    pd.testing.assert_frame_equal(left, right)
    crops = [
        {k: v for k, v in set_bytes(tmp_path / n).items() if k.startswith("crops/")} for n in ("set", "fresh")
    ]
    assert crops[0] == crops[1]
    after = dict(
        pd.read_parquet(out / "classes.parquet")[["identity", "split"]].itertuples(index=False, name=None)
    )
    assert {person: after[person] for person in before} == before
    assert abs(list(after.values()).count("train") - len(after) / 2) <= 1
    assert grown.info["counts"]["records"] == fresh.info["counts"]["records"] == 55


def test_a_changed_photo_is_done_again_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "set"
    marked_folder(source, people=6, photos=4)
    prepare_marked(source, out)
    files = sorted(source.rglob("*.png"))
    write_marked(files[0], seed=77)
    files[1].unlink()
    prepare_marked(source, out)
    assert events(out)[-2]["pending"] == 1
    prepare_marked(source, tmp_path / "fresh")
    crops = [
        {k: v for k, v in set_bytes(tmp_path / n).items() if k.startswith("crops/")} for n in ("set", "fresh")
    ]
    assert crops[0] == crops[1]


def test_a_touched_photo_is_not_done_again(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "set"
    marked_folder(source, people=3, photos=3)
    prepare_marked(source, out)
    before = set_bytes(out)
    for file in source.rglob("*.png"):
        os.utime(file, (1, 1))
    prepare_marked(source, out, detector=CannotRun())
    assert set_bytes(out) == before


def test_a_rerun_killed_half_way_is_finished_by_the_next(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "set"
    marked_folder(source, people=20, photos=8)
    prepare_marked(source, out)
    marked_folder(source / "zz-more", people=20, photos=8, seed=5)
    process = start_slowly(source, out)
    wait_for_parts(out, 1, process)
    process.kill()
    process.wait()
    with pytest.raises(UnfinishedSetError, match="same `facedata prepare`"):
        open_set(out)
    done = rows_in_parts(out)
    prepare_marked(source, out)
    assert events(out)[-2]["pending"] == 160 - done < 160
    prepare_marked(source, tmp_path / "fresh")
    left, right = (pd.read_parquet(tmp_path / name / "photos.parquet") for name in ("set", "fresh"))
    pd.testing.assert_frame_equal(left, right)


def test_a_duplicate_is_kept_once_its_twin_is_gone(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "set"
    marked_folder(source, people=3, photos=3)
    for name in ("a.png", "b.png"):
        write_marked(source / "zoe" / name, seed=50)
    prepare_marked(source, out)
    ledger = pd.read_parquet(out / "photos.parquet").set_index("photo")
    assert list(ledger.loc[["zoe/a.png", "zoe/b.png"], "status"]) == ["kept", "duplicate"]
    assert sorted(file.name for file in (out / "crops" / "zoe").iterdir()) == ["a.jpg"]
    (source / "zoe" / "a.png").unlink()
    prepare_marked(source, out)
    ledger = pd.read_parquet(out / "photos.parquet").set_index("photo")
    assert ledger.loc["zoe/b.png", "status"] == "kept"
    assert sorted(file.name for file in (out / "crops" / "zoe").iterdir()) == ["b.jpg"]


def test_people_with_too_few_photos_come_back_when_they_have_enough(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "set"
    marked_folder(source, people=3, photos=3)
    write_marked(source / "zoe" / "1.png", seed=50)
    prepare_marked(source, out, min_photos=2)
    assert open_set(out).info["counts"]["status"] == {"kept": 9, "too_few": 1}
    assert not (out / "crops" / "zoe").exists()
    write_marked(source / "zoe" / "2.png", seed=51)
    prepare_marked(source, out, min_photos=2)
    assert open_set(out).info["counts"]["status"] == {"kept": 11}
    assert len(list((out / "crops" / "zoe").iterdir())) == 2


def test_a_missing_crop_is_made_again(photos: Path, unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    shutil.copytree(unbroken, out)
    next((out / "crops").rglob("*.jpg")).unlink()
    prepare_marked(photos, out)
    assert set_bytes(out) == set_bytes(unbroken)


def test_other_settings_are_refused_and_named(photos: Path, unbroken: Path) -> None:
    before = set_bytes(unbroken)
    with pytest.raises(OtherSettingsError, match="size: 240 before, 112 now"):
        prepare_marked(photos, unbroken, size=112)
    assert set_bytes(unbroken) == before


def test_overwrite_starts_afresh(photos: Path, unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    shutil.copytree(unbroken, out)
    assert prepare_marked(photos, out, size=64, overwrite=True).info["settings"]["size"] == 64
    assert prepare_marked(photos, out, overwrite=True).fingerprint == open_set(unbroken).fingerprint
    assert set_bytes(out) == set_bytes(unbroken)


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_nothing_kept_is_an_error_but_the_ledger_is_there(store: str, tmp_path: Path) -> None:
    for number in range(3):
        write_marked(tmp_path / "photos" / "a" / f"{number}.png", seed=number, faces=())
    with pytest.raises(NothingKeptError, match="no_face 3"):
        prepare_marked(tmp_path / "photos", tmp_path / "set", store=store)
    assert list(pd.read_parquet(tmp_path / "set" / "photos.parquet").status) == ["no_face"] * 3
    with pytest.raises(NothingKeptError):
        prepare_marked(tmp_path / "photos", tmp_path / "set", store=store)


def test_no_time_host_or_worker_count_is_under_the_promise(unbroken: Path) -> None:
    text = (unbroken / "dataset.json").read_text()
    for word in ("workers", "host", "time", "cache", "overwrite"):
        assert f'"{word}"' not in text
    assert set(open_set(unbroken).info["settings"]) == set(PrepareConfig().settings())
