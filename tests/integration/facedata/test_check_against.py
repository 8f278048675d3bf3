"""`facedata check --against` on real photos: what two sets share, and what is said of sets of no use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import facedata
from facedata.checks.overlap.read_certificate import read_certificate
from facedata.errors import UsageError
from tests.support.facedata_command import SMALL, done, here
from tests.support.overlapping_sources import OverlappingSources, overlapping_sources
from tests.support.set_bytes import snapshot
from tests.support.shared_data import needs_shared
from tests.support.small_set import make_set
from tests.support.version_1 import make_version_1


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> OverlappingSources:
    return overlapping_sources(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def sets(sources: OverlappingSources, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both sets, prepared with the real detector; not to be changed."""
    home = tmp_path_factory.mktemp("sets")
    for name, source in (("mine", sources.mine), ("theirs", sources.theirs)):
        facedata.prepare(source, home / name, template="arcface112", workers=1)
    return home / "mine", home / "theirs"


def certificate(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "overlap.json").read_text(encoding="utf-8"))
    return found


def matches(rows: list[dict[str, Any]], by: str) -> dict[str, str]:
    return {row["record"]: row["match"] for row in rows if row["by"] == by}


def check(mine: Path, theirs: object, out: Path) -> facedata.Findings:
    return facedata.check(mine, against=theirs, out=out, workers=1)  # type: ignore[arg-type]  # as users write


@needs_shared
def test_shared_photos_are_found_by_bytes_and_by_picture(
    sets: tuple[Path, Path], sources: OverlappingSources, tmp_path: Path
) -> None:
    before = snapshot(sets[0]), snapshot(sets[1])
    found = check(*sets, tmp_path / "check")
    mine = certificate(tmp_path / "check")
    again = sources.photos["saved"] | sources.photos["mirrored"]
    assert matches(mine["photos"], "bytes") == dict(sources.photos["bytes"])
    assert matches(mine["photos"], "picture") == dict(again)
    assert {row["record"] for row in mine["other_photos"]} == {
        *sources.photos["bytes"].values(),
        *again.values(),
    }
    names = {way: dict(pairs) for way, pairs in sources.names.items()}
    shared = {row["identity"]: row["other"] for row in mine["people"]}
    assert shared == names["bytes"] | names["saved"] | names["mirrored"]
    assert mine["shared"] == {"set": {"people": 7, "photos": 7}, "other": {"people": 7, "photos": 7}}
    assert mine["by"]["picture"]["copies"] > 100
    assert mine["by"]["picture"]["missed"] <= 0.05 * mine["by"]["picture"]["copies"]
    assert "face" not in mine["by"]
    rows = found.to_pandas().query("kind == 'shared_with_other_set'")
    assert set(rows.left_photo) == {*sources.photos["bytes"], *again}
    assert set(rows.severity) == {"suspect"}
    assert set(rows.proposal) == {"drop"}
    assert dict(zip(rows.left_identity, rows.to_identity, strict=True)) == shared
    assert all(row.to_identity in row.why for row in rows.itertuples())
    assert (snapshot(sets[0]), snapshot(sets[1])) == before
    assert str(tmp_path) not in (tmp_path / "check/overlap.json").read_text(encoding="utf-8")


@needs_shared
def test_the_same_again_is_the_same_bytes_and_the_other_way_round_agrees(
    sets: tuple[Path, Path], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        check(*sets, tmp_path / name)
    check(sets[1], sets[0], tmp_path / "back")
    files = [(tmp_path / name / "overlap.json").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    there, back = (read_certificate(tmp_path / name).sides for name in ("one", "back"))
    for fingerprint, side in there.items():
        assert (side.people, side.records) == (back[fingerprint].people, back[fingerprint].records)


@needs_shared
@pytest.mark.parametrize("template", ["square", "facenet160"])
def test_sets_of_other_templates_are_compared_by_the_insides_of_the_faces(
    template: str, sets: tuple[Path, Path], sources: OverlappingSources, tmp_path: Path
) -> None:
    facedata.crop_set(sets[1], tmp_path / "theirs", template=template, workers=1)
    check(sets[0], tmp_path / "theirs", tmp_path / "check")
    mine = certificate(tmp_path / "check")
    assert matches(mine["photos"], "bytes") == dict(sources.photos["bytes"])
    assert matches(mine["photos"], "picture") == dict(sources.photos["saved"] | sources.photos["mirrored"])
    assert "insides of the faces" in mine["by"]["picture"]["procedure"]


@needs_shared
def test_a_set_at_a_url_of_version_1_and_one_that_is_damaged(
    sets: tuple[Path, Path], sources: OverlappingSources, tmp_path: Path
) -> None:
    check(*sets, tmp_path / "check")
    expected = certificate(tmp_path / "check")
    check(sets[0], f"file://{sets[1]}", tmp_path / "url")
    assert (tmp_path / "url/overlap.json").read_bytes() == (tmp_path / "check/overlap.json").read_bytes()
    old = Path(shutil.copytree(sets[1], tmp_path / "old"))
    make_version_1(old)
    check(sets[0], old, tmp_path / "version-1")
    assert certificate(tmp_path / "version-1")["photos"] == expected["photos"]
    torn = Path(shutil.copytree(sets[1], tmp_path / "torn"))
    row = next(row for row in facedata.ClassManifest.open(torn) if "photo.jpg" in row.photo)
    (torn / row.file).write_bytes(b"no crop")
    check(sets[0], torn, tmp_path / "damaged")
    found = certificate(tmp_path / "damaged")
    assert found["other"]["readable"] == expected["other"]["readable"] - 1
    assert any("1 of the" in note and "the other set" in note for note in found["notes"])
    assert len(found["photos"]) >= len(expected["photos"]) - 1


def test_two_sets_that_share_nothing_say_so(tmp_path: Path) -> None:
    def noise(path: str, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        rng = np.random.default_rng([number, len(path)])
        return rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)

    make_set(tmp_path / "mine", {"anna": 3, "bert": 3}, picture=noise)
    make_set(tmp_path / "theirs", {"christine": 3, "dorothea": 3}, picture=noise)
    finished = here("check", tmp_path / "mine", "--against", tmp_path / "theirs")
    found = certificate(tmp_path / "mine/check")
    assert found["shared"] == {"set": {"people": 0, "photos": 0}, "other": {"people": 0, "photos": 0}}
    assert found["people"] == found["photos"] == found["other_photos"] == []
    assert found["by"]["picture"]["copies"] == 36
    assert any("no SHA-256" in note for note in found["notes"])
    assert "shared             0" in finished.stdout
    kinds = pq.read_table(tmp_path / "mine/check/findings.parquet").column("kind").to_pylist()
    assert "shared_with_other_set" not in kinds


def test_what_is_no_other_set_is_refused_before_anything_is_read(
    finished_set: tuple[Path, Path], tmp_path: Path
) -> None:
    source, faces = finished_set
    for against, message in (
        (source, "folder of photos, and only prepared sets can be compared"),
        (tmp_path / "nothing", "there is no folder"),
        (faces, "is the set that is checked, or a copy of it"),
        (shutil.copytree(faces, tmp_path / "copy"), "is the set that is checked, or a copy of it"),
    ):
        finished = here("check", faces, "--against", against, "--out", tmp_path / "check")
        assert finished.status == 2
        assert message in finished.error
        assert not (tmp_path / "check/summary.json").exists()
    (tmp_path / "copy/classes.parquet").write_bytes(b"no table")
    done("prepare", "folder", source, "--out", tmp_path / "other", *SMALL, "--seed", "5")
    with pytest.raises(UsageError, match=r"its classes\.parquet cannot be read"):
        check(tmp_path / "other", tmp_path / "copy", tmp_path / "check")


def test_a_damaged_set_is_still_compared(finished_set: tuple[Path, Path], tmp_path: Path) -> None:
    source, faces = finished_set
    done("prepare", "folder", source, "--out", tmp_path / "other", *SMALL, "--seed", "5")
    torn = Path(shutil.copytree(faces, tmp_path / "torn"))
    row = facedata.ClassManifest.open(torn)[2]
    (torn / row.file).unlink()
    found = check(torn, tmp_path / "other", tmp_path / "check")
    rows = found.to_pandas().query("kind == 'shared_with_other_set'")
    assert len(rows) == len(facedata.ClassManifest.open(torn))  # by bytes, whatever became of the crop
    (torn / "dataset.json").write_text("{}")
    found = check(torn, tmp_path / "other", tmp_path / "check")
    assert found.summary["overlap"]["not_compared"] == "the set's dataset.json cannot be read"
