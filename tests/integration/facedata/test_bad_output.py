"""Where the set shall go: not writable, full, in use, of other settings, or not a set at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.facedata_command import SMALL, done, here, run, start
from tests.support.gates import Gate
from tests.support.processes import finish
from tests.support.set_bytes import set_bytes, snapshot
from tests.support.small_disk import Disk

_LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"


def _nothing_half_written(out: Path) -> None:
    """Temporary names are gone, and what has a final name is whole."""
    assert not (out / "dataset.json").exists()
    for file in (path for path in out.rglob("*") if path.is_file()):
        assert not file.name.endswith(".tmp"), file
        if file.suffix == ".jpg":
            assert file.read_bytes().endswith(b"\xff\xd9"), f"{file} is cut off"
        elif file.suffix == ".parquet":
            pq.read_table(file)
        elif file.suffix in (".json", ".jsonl"):
            for line in file.read_text().splitlines():
                json.loads(line)


@pytest.mark.parametrize("below", ["", "faces", "deep/faces"])
def test_an_output_at_or_below_a_regular_file_is_refused(below: str, photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    refused = here("prepare", "folder", photos, "--out", file / below)
    assert refused.status == 1
    assert str(file) in refused.error
    assert file.read_text() == "mine"


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="this system has no /proc, where nobody may write"
)
def test_an_output_where_nobody_may_write_is_refused(photos: Path) -> None:
    refused = here("prepare", "folder", photos, "--out", "/proc/faces")
    assert refused.status == 1
    assert "cannot write /proc/faces" in refused.error


def test_an_output_on_a_read_only_disk_is_refused(photos: Path, small_disk: Disk) -> None:
    out = small_disk.folder / "faces"
    out.mkdir()
    small_disk.remount("ro")
    refused = run("prepare", "folder", photos, "--out", out)
    assert refused.status == 1
    assert str(out) in refused.error
    assert "Read-only file system" in refused.error


@pytest.mark.parametrize("size", ["40k", "92k"])
def test_a_full_disk_leaves_nothing_half_written_and_a_rerun_finishes(
    size: str, finished_set: tuple[Path, Path], small_disk: Disk
) -> None:
    source, undisturbed = finished_set
    out = small_disk.folder / "faces"
    small_disk.remount(f"size={size}")
    full = run("prepare", "folder", source, "--out", out, *SMALL)
    assert full.status == 1
    assert "No space left on device" in full.error
    _nothing_half_written(out)
    small_disk.remount("size=8m")
    done("prepare", "folder", source, "--out", out, *SMALL)
    assert set_bytes(out) == set_bytes(undisturbed)


@pytest.mark.parametrize(("most_bytes", "what"), [(1200, "the crop"), (7000, "parts")])
def test_a_refused_write_leaves_nothing_half_written_and_a_rerun_finishes(
    most_bytes: int, what: str, finished_set: tuple[Path, Path], tmp_path: Path
) -> None:
    source, undisturbed = finished_set
    out = tmp_path / "faces"
    full = run("prepare", "folder", source, "--out", out, *SMALL, before=_LIMIT.format(most_bytes))
    assert full.status == 1
    assert what in full.error
    assert "File too large" in full.error
    _nothing_half_written(out)
    assert f"{out} is not finished" in here("info", out).error
    assert (
        "seed: 0 before, 5 now"
        in here("prepare", "folder", source, "--out", out, *SMALL, "--seed", "5").error
    )
    done("prepare", "folder", source, "--out", out, *SMALL)
    assert set_bytes(out) == set_bytes(undisturbed)


def test_a_full_disk_leaves_a_finished_set_as_it_was_when_pairs_are_drawn_anew(
    own_set: tuple[Path, Path],
) -> None:
    _, out = own_set
    before = set_bytes(out)
    full = run("pairs", out, "--strategy", "all", before=_LIMIT.format(1000))
    assert full.status == 1
    assert "pairs.parquet" in full.error
    assert set_bytes(out) == before


def test_a_second_run_on_one_output_is_refused_and_the_first_goes_on(
    finished_set: tuple[Path, Path], tmp_path: Path, gate: Gate
) -> None:
    source, undisturbed = finished_set
    out = tmp_path / "faces"
    first = start("prepare", "folder", source, "--out", out, *SMALL, detector=gate.statement)
    gate.wait_until_reached(first)
    for more in ((), ("--overwrite",)):
        second = run("prepare", "folder", source, "--out", out, *SMALL, *more)
        assert second.status == 1
        assert f"another run is working on {out}" in second.error
    gate.open()
    assert finish(first).status == 0
    assert set_bytes(out) == set_bytes(undisturbed)


def test_other_settings_are_refused_by_name_with_both_values(own_set: tuple[Path, Path]) -> None:
    source, out = own_set
    before = snapshot(out)
    refused = here("prepare", "folder", source, "--out", out, *SMALL, "--size", "48", "--min-face", "30")
    assert refused.status == 1
    assert "size: 64 before, 48 now" in refused.error
    assert "min_face: 20.0 before, 30.0 now" in refused.error
    assert "seed" not in refused.error
    assert snapshot(out) == before


@pytest.mark.parametrize("version", [0, 99, None])
def test_another_schema_version_is_refused_and_overwrite_starts_afresh(
    version: int | None, own_set: tuple[Path, Path]
) -> None:
    source, out = own_set
    wanted = set_bytes(out)
    info = json.loads((out / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps({**info, "schema_version": version}))
    before = snapshot(out)
    for command in (("info", out), ("prepare", "folder", source, "--out", out, *SMALL)):
        refused = here(*command)
        assert refused.status == 1
        assert f"schema version {version}" in refused.error
    assert snapshot(out) == before
    if version == 0:
        done("prepare", "folder", source, "--out", out, *SMALL, "--overwrite")
        assert set_bytes(out) == wanted


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_a_folder_that_is_not_a_set_is_refused_and_left_alone(
    more: tuple[str, ...], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    (out / "crops").mkdir(parents=True)
    (out / "crops" / "wheat.txt").write_text("harvest")
    before = snapshot(out)
    refused = here("prepare", "folder", photos, "--out", out, *more)
    assert refused.status == 1
    assert f"{out} is not empty and holds no prepared set" in refused.error
    assert snapshot(out) == before


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_a_dataset_json_of_somebody_else_does_not_make_a_set(
    more: tuple[str, ...], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    (out / "crops").mkdir(parents=True)
    (out / "crops" / "wheat.txt").write_text("harvest")
    (out / "dataset.json").write_text('{"title": "fields"}')
    before = snapshot(out)
    refused = here("prepare", "folder", photos, "--out", out, *more)
    assert refused.status == 1
    assert str(out) in refused.error
    assert snapshot(out) == before


@pytest.mark.parametrize("command", ["info", "split", "pairs", "triplets"])
def test_commands_on_what_is_no_set_are_refused(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in (
        (tmp_path, "holds no prepared set"),
        (tmp_path / "none", "no"),
        (tmp_path / "file", ""),
    ):
        refused = here(command, path)
        assert refused.status == 1
        assert str(path) in refused.error
        assert why in refused.error


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_lost_or_cut_crop_is_made_again(damage: str, own_set: tuple[Path, Path]) -> None:
    source, out = own_set
    wanted = set_bytes(out)
    crop = sorted((out / "crops").rglob("*.jpg"))[3]
    crop.unlink() if damage == "gone" else os.truncate(crop, 100)
    done("prepare", "folder", source, "--out", out, *SMALL)
    assert set_bytes(out) == wanted


@pytest.mark.parametrize("name", ["dataset.json", "photos.parquet", "classes.parquet", ".seen.arrow"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_set_is_named_or_mended(name: str, damage: str, own_set: tuple[Path, Path]) -> None:
    source, out = own_set
    wanted = set_bytes(out)
    (out / name).unlink() if damage == "gone" else os.truncate(out / name, 50)
    again = here("prepare", "folder", source, "--out", out, *SMALL)
    if again.status:
        assert again.status == 1
        assert str(out) in again.error
    else:
        assert set_bytes(out) == wanted
