"""What an attack on the rebuilt house found: old against new code, clusters that shrink, two runs at once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from facedata import open_set, prepare
from facedata.crops.codec import encode_crop
from facedata.crops.cut import make_shape
from facedata.errors import LockedError, NotASetError, SourceError
from facedata.files.locks import locked
from facedata.files.remote import parse_location
from facedata.progress.folder import ProgressFolder
from facedata.progress.output import open_output
from facedata.sources.celeba import CelebaSource
from facedata.store.folders import FolderStore
from facedata.testing import marked_image
from facedata.types import Photo, Row
from facedata.work.cluster import engine as cluster_engine
from facedata.work.cluster.engine import ClusterEngine
from facedata.work.cut_again import FACE_COLUMNS, CutAgain, make_face_shards
from facedata.work.stage import Stage
from facedata.work.task import ShardTask
from tests.support.small_set import make_set


class Shrinking:
    """A cluster that loses one of its two workers after four shards."""

    title, failures = "the shrinking cluster", (ConnectionError,)

    def __init__(self) -> None:
        self.submitted = 0

    def names(self) -> set[str]:
        return {"one"}

    def workers(self) -> int:
        return 2 if self.submitted < 4 else 1

    def submit(self, photos: tuple[Photo, ...], stage: Stage) -> int:
        self.submitted += 1
        return self.submitted

    def first_done(self, futures: Sequence[Any]) -> Sequence[Any]:
        return futures[:1]

    def result(self, future: int) -> list[Row]:
        return [{"record": "a.jpg", "status": "no_face"}]

    def deaths(self, error: BaseException) -> int:
        return 0

    def ask(self, *_: Any) -> dict[str, Any]:
        return {}

    def hosts(self) -> Mapping[str, str]:
        return {}


def test_a_cluster_that_loses_a_worker_goes_on_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_engine, "check_workers", lambda *_: {"one"})
    cluster = Shrinking()
    for name in ("parts", "started"):
        (tmp_path / name).mkdir()
    photo = Photo("a.jpg", "a.jpg", "a/a.jpg")
    tasks = [ShardTask(f"{n}", (photo,), tmp_path, None, FolderStore(tmp_path)) for n in range(9)]  # type: ignore[arg-type]
    done = list(ClusterEngine(cluster, {}, None).run(tasks))  # type: ignore[arg-type]
    assert done == [["no_face"]] * 9


def test_a_shard_of_crop_has_the_name_it_always_had(tmp_path: Path) -> None:
    """The parts of a run that an earlier version began are found by their names."""
    box, points = [20.25, 10.5, 80.125, 95.0], [float(n) for n in range(10)]
    row = {"turned_deg": 0, "record": "a/1.jpg", "photo": "a/1.jpg", "path": "a/1.jpg", "sha256": "0" * 64}
    ledger = pa.Table.from_pylist([{**row, "box": box, "landmarks": points}]).select(FACE_COLUMNS)
    stage = CutAgain(make_shape("square"), lambda photo: b"", 10**8)
    progress = ProgressFolder(tmp_path, FolderStore(tmp_path))
    (task,) = make_face_shards(pa.table({"path": ["a/1.jpg"]}), ledger, stage, progress)
    assert task.name == "2931ace8b88420ad885952bf"


def test_a_second_run_does_not_remove_the_folder_of_the_first(tmp_path: Path) -> None:
    out, begun, release = tmp_path / "set", threading.Event(), threading.Event()

    def hold() -> None:
        with open_output(parse_location(out), None, overwrite=False):
            begun.set()
            release.wait(30)
            (out / "log.jsonl").touch()

    first = threading.Thread(target=hold)
    first.start()
    begun.wait(30)
    with pytest.raises(LockedError), open_output(parse_location(out), None, overwrite=False):
        pass
    assert out.is_dir()
    release.set()
    first.join()
    assert (out / "log.jsonl").is_file()


def test_a_run_that_fails_before_it_writes_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="early"), open_output(parse_location(tmp_path / "a"), None, False):
        raise ValueError("early")
    assert not (tmp_path / "a").exists()
    (tmp_path / "mine").mkdir()
    with (
        pytest.raises(ValueError, match="early"),
        open_output(parse_location(tmp_path / "mine"), None, False),
    ):
        raise ValueError("early")
    assert (tmp_path / "mine").is_dir()


def test_a_folder_that_was_removed_while_it_was_locked_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    flock = os.open(tmp_path / "set", os.O_RDONLY)
    (tmp_path / "set").rmdir()
    os.close(flock)
    with pytest.raises(NotASetError), locked(tmp_path / "set"):
        pass


def test_an_empty_folder_as_source_and_output_is_an_empty_source(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no photos"):
        prepare(tmp_path / "empty", tmp_path / "empty")


def test_a_celeba_folder_under_two_names_is_listed_once(tmp_path: Path) -> None:
    images = tmp_path / "img_celeba"
    images.mkdir()
    for number in range(1, 4):
        (images / f"{number:06d}.jpg").write_bytes(encode_crop(marked_image(60, 60, seed=number)))
    (tmp_path / "identity_CelebA.txt").write_text("".join(f"{n:06d}.jpg 1\n" for n in range(1, 4)))
    (tmp_path / "also").symlink_to("img_celeba")
    notes = " ".join(CelebaSource(tmp_path).scan().notes)
    assert "outside" not in notes


def test_a_dataset_json_without_settings_is_damaged(tmp_path: Path) -> None:
    faces = make_set(tmp_path / "set", {"a": 2, "b": 2}).path
    file = Path(str(faces)) / "dataset.json"
    info = json.loads(file.read_text())
    del info["settings"], info["drawing"]
    file.write_text(json.dumps(info))
    with pytest.raises(NotASetError, match="damaged \\(no settings, drawing\\)"):
        open_set(faces)
