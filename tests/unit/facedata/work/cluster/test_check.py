"""What a cluster's workers answer, and what is made of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from facedata.errors import EngineError
from facedata.testing import FakeDetector
from facedata.types import Photo, Row
from facedata.work.cluster.base import WorkerInfo, inspect_worker
from facedata.work.cluster.check import check_workers
from facedata.work.stage import CropRules, FindAndCrop, Stage
from facedata.work.task import ShardTask

OURS = {"facedata": "1.2.3", "numpy": "2.0"}


@dataclass
class Answering:
    """A cluster whose workers say what they are told to."""

    answers: Mapping[str, Any]
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    title: str = "the cluster"
    failures: tuple[type[BaseException], ...] = ()

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        return dict(self.answers)

    def hosts(self) -> dict[str, str]:
        return {name: f"{name}-host" for name in self.answers}

    def names(self) -> set[str]:
        return set(self.answers)

    def workers(self) -> int:
        return len(self.answers)

    def submit(self, photos: Sequence[Photo], stage: Stage) -> Any:
        raise NotImplementedError

    def first_done(self, futures: Sequence[Any]) -> Collection[Any]:
        raise NotImplementedError

    def result(self, future: Any) -> list[Row]:
        raise NotImplementedError

    def deaths(self, error: BaseException) -> int:
        return 0


@dataclass(frozen=True)
class Task:
    """What the check looks at of a shard."""

    photos: tuple[Photo, ...]
    stage: FindAndCrop


def read(photo: str) -> bytes:
    if photo == "gone.jpg":
        raise FileNotFoundError(2, "No such file or directory")
    return photo.encode()


def task(*photos: str) -> ShardTask:
    made = tuple(Photo(record=photo, photo=photo, crop_path="x/x.jpg", given_box=None) for photo in photos)
    return cast(ShardTask, Task(made, FindAndCrop(CropRules(), read, FakeDetector)))


def good(photo: str = "a.jpg", **versions: str) -> WorkerInfo:
    return WorkerInfo({**OURS, **versions}, inspect_worker([], read, photo).digest)


def test_workers_like_this_machine_are_accepted(caplog: pytest.LogCaptureFixture) -> None:
    assert check_workers(Answering({"one": good(), "two": good()}), OURS, task("a.jpg")) == {"one", "two"}
    assert caplog.text == ""


def test_a_worker_with_another_facedata_is_named() -> None:
    workers = Answering({"one": good(), "two": good(facedata="1.2.2")})
    with pytest.raises(EngineError, match=r"two \(host two-host\) has facedata 1\.2\.2, here it is 1\.2\.3"):
        check_workers(workers, OURS, task("a.jpg"))


def test_other_library_versions_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    workers = Answering({"one": good(), "two": good(numpy="1.9"), "three": good(numpy="1.9")})
    with caplog.at_level(logging.WARNING, "facedata"):
        assert check_workers(workers, OURS, task("a.jpg")) == {"one", "two", "three"}
    (record,) = caplog.records
    assert "on 2 workers, such as two (host two-host) (numpy 1.9 there, 2.0 here)" in record.getMessage()


def test_a_worker_that_cannot_read_the_photos_is_named() -> None:
    blind = WorkerInfo(OURS, trouble="No such file or directory")
    with pytest.raises(
        EngineError, match=r"worker two \(host two-host\) cannot read the photo 'a\.jpg' \(No such"
    ):
        check_workers(Answering({"one": good(), "two": blind}), OURS, task("a.jpg"))


def test_a_worker_that_reads_something_else_is_named() -> None:
    with pytest.raises(EngineError, match=r"worker one .* reads another photo as 'a\.jpg'"):
        check_workers(Answering({"one": good("b.jpg")}), OURS, task("a.jpg"))


def test_a_photo_that_is_gone_here_too_is_held_against_nobody() -> None:
    workers = Answering({"one": good("b.jpg")})
    assert check_workers(workers, OURS, task("gone.jpg", "b.jpg")) == {"one"}
    assert workers.asked[0][-1] == "b.jpg"
    nothing = Answering({"one": WorkerInfo(OURS)})
    assert check_workers(nothing, OURS, task("gone.jpg")) == {"one"}


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'facedata.work.cluster'"),
        Exception("ModuleNotFoundError(\"No module named 'facedata.work.cluster'\")"),  # as Dask has it
        RuntimeError("The remote function failed to import: No module named \\'facedata.work.cluster\\'"),
    ],
)
def test_a_missing_module_is_named_however_it_is_wrapped(error: Exception) -> None:
    with pytest.raises(
        EngineError, match=r"no module facedata\.work\.cluster: pip install facedata==1\.2\.3"
    ):
        check_workers(Answering({"one": error}), OURS, task("a.jpg"))


def test_other_trouble_of_a_worker_is_told() -> None:
    with pytest.raises(EngineError, match=r"one \(host one-host\) cannot be used \(ValueError: how so\)"):
        check_workers(Answering({"one": ValueError("how\nso")}), OURS, task("a.jpg"))


def test_a_worker_that_went_away_is_left_out_and_none_at_all_is_an_error() -> None:
    gone = ConnectionResetError("gone")
    assert check_workers(Answering({"one": good(), "two": gone}), OURS, task("a.jpg")) == {"one"}
    with pytest.raises(EngineError, match="the cluster has no workers"):
        check_workers(Answering({"two": gone}), OURS, task("a.jpg"))


def test_a_look_tells_versions_and_what_the_photo_is() -> None:
    seen = inspect_worker(["numpy", "no-such-package"], read, "a.jpg")
    assert set(seen.versions) == {"numpy"}
    assert seen.digest != inspect_worker([], read, "b.jpg").digest
    assert inspect_worker([], read, "gone.jpg").digest is None
    assert "No such file" in inspect_worker([], read, "gone.jpg").trouble
    assert inspect_worker([], read, None) == WorkerInfo({})
