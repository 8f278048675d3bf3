"""Two runs on one URL: the later one keeps its claim, and what the earlier one still put does not stay."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from facedata import open_set, prepare
from facedata.errors import LockedError, StoreError
from facedata.files.remote import Remote
from facedata.sets.working_folder import working_copy
from facedata.tables.schema import CLAIM
from facedata.testing import FakeDetector, marked_folder
from tests.support.inline_engine import inline


@pytest.fixture(autouse=True)
def _inline() -> Iterator[None]:
    with inline():
        yield


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(f"file://{tmp_path / 'there'}")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    marked_folder(tmp_path / "photos", people=2, photos=2)
    return tmp_path / "photos"


def fill(photos: Path, folder: Path) -> None:
    prepare(photos, folder, store="tar", size=32, detector=FakeDetector, report=False)


def test_a_run_that_fails_leaves_the_claim_of_the_one_that_took_over(
    remote: Remote, photos: Path, tmp_path: Path
) -> None:
    with working_copy(remote, tmp_path / "two") as folder:
        fill(photos, folder)
    with ExitStack() as later:
        with suppress(KeyboardInterrupt), working_copy(remote, tmp_path / "one"):
            folder = later.enter_context(working_copy(remote, tmp_path / "two"))
            fill(photos, folder)
            raise KeyboardInterrupt
        assert (remote / CLAIM).is_file()
    assert not (remote / CLAIM).is_file()
    assert open_set(remote).info["counts"]["status"] == {"kept": 4}


def test_a_run_with_nothing_to_put_leaves_the_claim_of_the_one_that_took_over(
    remote: Remote, photos: Path, tmp_path: Path
) -> None:
    with working_copy(remote, tmp_path / "one") as folder:
        fill(photos, folder)
    with ExitStack() as later:
        earlier = ExitStack()
        fill(photos, earlier.enter_context(working_copy(remote, tmp_path / "one")))
        later.enter_context(working_copy(remote, tmp_path / "two"))
        with pytest.raises(LockedError, match=r"another run \(host .* has taken over"):
            earlier.close()
        assert (remote / CLAIM).is_file()


def test_what_an_earlier_run_put_after_it_was_taken_over_does_not_stay(
    remote: Remote, photos: Path, tmp_path: Path
) -> None:
    with working_copy(remote, tmp_path / "two") as folder:
        fill(photos, folder)
        (remote / "crops/00007.tar").write_bytes(b"of a larger set")
        (remote / "thesis.doc").write_bytes(b"mine")  # nobody asked us to remove that
    assert sorted(name for name in remote.files() if not name.endswith(".parquet")) == [
        ".seen.arrow", "crops/00000.tar", "dataset.json", "log.jsonl", "thesis.doc",
    ]  # fmt: skip


def test_a_store_that_does_not_answer_is_not_another_run(
    remote: Remote, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Remote.read_bytes

    def failing(self: Remote, *span: int | None) -> bytes:
        if self.name == "claim.json":
            raise OSError(errno.EIO, "the network is down")
        return whole(self, *span)

    run = ExitStack()
    fill(photos, run.enter_context(working_copy(remote, tmp_path / "one")))
    monkeypatch.setattr(Remote, "read_bytes", failing)
    with pytest.raises(StoreError, match=r"cannot read .*claim\.json: the network is down"):
        run.close()


def test_a_claim_that_cannot_be_made_out_is_said_and_taken(
    remote: Remote, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (remote / CLAIM).write_bytes(b"no json")
    with caplog.at_level(logging.WARNING), working_copy(remote, tmp_path / "one") as folder:
        fill(photos, folder)
    assert "was claimed by a run on None" in caplog.text
    assert not (remote / CLAIM).is_file()
