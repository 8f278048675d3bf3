"""`facedata check` as it is typed: what it prints, its exit status, and that the set stays as it was."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import facedata
from facedata.checks import crop_pass
from facedata.errors import UsageError
from facedata.files.remote import Remote
from tests.support.facedata_command import SMALL, done, here, run, start
from tests.support.marked_photos import marked_portraits, write_marked
from tests.support.processes import finish, wait_for
from tests.support.set_bytes import snapshot
from tests.support.small_disk import Disk
from tests.support.version_1 import make_version_1

_AT_THE_GATE = """
from pathlib import Path
from facedata.checks import crop_pass
from tests.support.marked_photos import marked_portraits, write_marked
from tests.support.processes import wait_for
def slow(root, places, read=crop_pass.read_crop_bytes):
    Path({gate!r}, "reached").touch()
    wait_for(Path({gate!r}, "open").exists)
    return read(root, places)
crop_pass.read_crop_bytes = slow
"""

_WITH_WORKERS = """
from pathlib import Path
from facedata.checks import crop_pass
from tests.support.marked_photos import marked_portraits, write_marked
from tests.support.processes import wait_for
class Pool(crop_pass.ProcessPool):
    def map(self, *jobs):
        for result in super().map(*jobs):
            Path({gate!r}, "reached").touch()
            wait_for(Path({gate!r}, "open").exists)
            yield result
crop_pass.ProcessPool = Pool
crop_pass._FEW_CROPS, crop_pass._JOB_CROPS = 0, 3
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos and the sets of four people, in which nothing is wrong but that one photo is there twice."""
    home = tmp_path_factory.mktemp("check")
    marked_portraits(home / "photos", people=4, photos=4)
    save_again(home / "photos/Amara/01.png", home / "photos/Amara/zz-again.png")
    for store in ("folders", "tar"):
        done("prepare", "folder", home / "photos", "--out", home / store, *SMALL, "--store", store)
    return home


@pytest.fixture(params=["folders", "tar"])
def faces(request: pytest.FixtureRequest, sound: Path, tmp_path: Path) -> Path:
    """A copy of the set, in each store."""
    return Path(shutil.copytree(sound / request.param, tmp_path / "faces"))


@pytest.fixture
def in_folders(sound: Path, tmp_path: Path) -> Path:
    """A copy of the set, with a file per crop."""
    return Path(shutil.copytree(sound / "folders", tmp_path / "faces"))


def save_again(photo: Path, copy: Path) -> None:
    """Save a photo as a poor JPEG would; FakeDetector still finds its face."""
    image = np.asarray(cv2.imread(str(photo)), np.uint8)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert done
    again = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    again[0, :15] = image[0, :15]  # its mark, in full pixels
    assert cv2.imwrite(str(copy), again)


def of_set(folder: Path) -> dict[str, bytes | None]:
    """Return all that is in a set's folder but its findings."""
    return {name: data for name, data in snapshot(folder).items() if name.split("/")[0] != "check"}


def kinds(folder: Path) -> list[str]:
    return list(pq.read_table(folder / "findings.parquet", columns=["kind"])["kind"].to_pylist())


def damage_one_crop(faces: Path) -> str:
    """Change some bytes in the middle of the second crop; return its photo."""
    row = facedata.ClassManifest.open(faces)[1]
    with (faces / row.file).open("r+b") as stream:
        stream.seek(row.offset + row.length // 2)
        stream.write(b"\x55\x55\x55")
    return row.photo


def test_a_sound_set_passes_and_is_as_it_was(faces: Path, sound: Path) -> None:
    before = of_set(faces)
    finished = done("check", faces)
    assert finished.stdout.startswith("checked           17 crops of 4 people\n")
    assert "same_picture" in finished.stdout
    assert of_set(faces) == before
    rows = (faces / "check/corrections.csv").read_text("utf-8-sig").splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [["drop", "Amara/zz-again.png"]]
    again = done("prepare", "folder", sound / "photos", "--out", faces, *SMALL, "--store", store_of(faces))
    assert "nothing to do" in again.stderr
    assert of_set(faces) == before


def store_of(faces: Path) -> str:
    return str(facedata.open_set(faces).info["settings"]["store"])


def test_a_changed_crop_is_an_error_and_the_summary_says_so(faces: Path) -> None:
    photo = damage_one_crop(faces)
    finished = here("check", faces, "--json")
    assert finished.status == 1
    assert "1 error left" in finished.stderr
    summary = json.loads(finished.stdout)
    assert summary == json.loads((faces / "check/summary.json").read_text())
    assert summary["findings"]["error"] == {"crop_changed": 1}
    table = pq.read_table(faces / "check/findings.parquet").slice(0, 1).to_pylist()[0]
    assert (table["kind"], table["left_photo"]) == ("crop_changed", photo)


def test_python_returns_the_findings(faces: Path) -> None:
    found = facedata.check(faces)
    assert repr(found) == f"Findings('{faces}/check': same_picture 1)"
    assert found.to_pandas()["kind"].tolist() == ["same_picture"]
    assert found.undecided == 0
    assert facedata.check(facedata.open_set(faces), workers=2).table == found.table
    with pytest.raises(UsageError, match="worker"):
        facedata.check(faces, worker=2)


def test_the_number_of_workers_and_the_store_do_not_show(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facedata.check(faces, out=tmp_path / "alone", workers=1)
    monkeypatch.setattr(crop_pass, "_FEW_CROPS", 0)
    monkeypatch.setattr(crop_pass, "_JOB_CROPS", 3)
    seen: list[tuple[int, int]] = []
    facedata.check(faces, out=tmp_path / "two", workers=2, on_progress=lambda *at: seen.append(at))
    assert snapshot(tmp_path / "two") == snapshot(tmp_path / "alone")
    assert seen[-1] == (17, 17)
    assert len(seen) == 6


def test_what_is_decided_is_not_reported_again(in_folders: Path, tmp_path: Path) -> None:
    marked_portraits(tmp_path / "photos", people=3, photos=3)
    first, *_, last = sorted((tmp_path / "photos").rglob("*.png"))
    shutil.copy(first, last.with_name("zz.png"))  # one picture of two people
    faces = tmp_path / "two"
    done("prepare", "folder", tmp_path / "photos", "--out", faces, *SMALL)
    finished = here("check", faces)
    assert finished.status == 1
    assert "same_bytes" in finished.stdout
    file = faces / "check/corrections.csv"
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"keep,{last.parent.name}/zz.png,,,as the client sent it\n")
    settled = done("check", faces)
    assert "settled            1  by `keep` and `distinct`, not listed" in settled.stdout
    assert "nothing found" in settled.stdout
    assert "as the client sent it" in file.read_text("utf-8-sig")


def test_proposals_can_be_applied_by_fix(in_folders: Path, tmp_path: Path) -> None:
    done("check", in_folders)
    done("fix", in_folders, in_folders / "check/corrections.csv", "--out", tmp_path / "fixed")
    fixed = facedata.open_set(tmp_path / "fixed")
    assert fixed.info["counts"]["status"] == {"kept": 16, "excluded": 1}
    assert done("check", tmp_path / "fixed").stdout.splitlines()[1] == "nothing found"


@pytest.mark.parametrize("command", ["prepare", "split", "crop"])
def test_findings_of_an_earlier_state_stay_and_are_known_as_such(
    in_folders: Path, sound: Path, tmp_path: Path, command: str
) -> None:
    photos = Path(shutil.copytree(sound / "photos", tmp_path / "photos"))
    faces = tmp_path / "grown"
    make = ("prepare", "folder", photos, "--out", faces, *SMALL)
    done(*make)
    done("check", faces)
    checked = snapshot(faces / "check")
    if command == "prepare":
        shutil.copytree(photos / "Amara", photos / "Another")
        done(*make)
    elif command == "split":
        done("split", faces, "--seed", 5)
    else:
        done("crop", faces, "--template", "arcface112", "--out", tmp_path / "cut", "--workers", 1)
        assert not (tmp_path / "cut/check").exists()
    assert snapshot(faces / "check") == checked
    bound = json.loads((faces / "check/summary.json").read_text())["fingerprint"]
    assert (bound == facedata.open_set(faces).fingerprint) == (command == "crop")
    here("check", faces)  # the copied person is an error
    bound = json.loads((faces / "check/summary.json").read_text())["fingerprint"]
    assert bound == facedata.open_set(faces).fingerprint


def test_overwriting_removes_findings_but_no_decision(in_folders: Path, sound: Path) -> None:
    done("check", in_folders)
    file = in_folders / "check/corrections.csv"
    file.write_text("action,photo\nkeep,Amara/01.png\n")
    make = ("prepare", "folder", sound / "photos", "--out", in_folders, *SMALL, "--overwrite")
    done(*make)
    assert [one.name for one in (in_folders / "check").iterdir()] == ["corrections.csv"]
    file.unlink()
    done(*make)
    assert not (in_folders / "check").exists()


def test_a_damaged_or_half_written_set(faces: Path, tmp_path: Path) -> None:
    for name in ("photos.parquet", "pairs.parquet", "classes.parquet", "dataset.json"):
        (faces / name).write_bytes((faces / name).read_bytes()[:100])
        finished = here("check", faces)
        assert finished.status == 1
        assert "table_torn" in finished.stdout
    half = tmp_path / "half"
    (half / ".work/parts").mkdir(parents=True)
    finished = here("check", half)
    assert finished.status == 1
    assert "table_torn" in finished.stdout


def test_few_crops_or_none(tmp_path: Path) -> None:
    for photos in (0, 1):
        folder = tmp_path / f"photos-{photos}"
        marked_portraits(folder, people=1, photos=photos)
        write_marked(folder / "Amara/none.png", faces=())
        here("prepare", "folder", folder, "--out", tmp_path / f"{photos}", *SMALL)
        finished = done("check", tmp_path / f"{photos}")
        assert finished.stdout.splitlines()[:2] == [
            ("checked            0 crops of 0 people", "checked            1 crop of 1 person")[photos],
            "nothing found",
        ]


def test_no_set(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert here("check", tmp_path / "empty").error.endswith(
        "holds no prepared set: make one with `facedata prepare`"
    )
    assert here("check", tmp_path / "gone").status == 1
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_set_of_version_1(in_folders: Path) -> None:
    today = done("check", in_folders).stdout
    make_version_1(in_folders)
    before = of_set(in_folders)
    assert done("check", in_folders).stdout == today
    assert of_set(in_folders) == before


def test_a_set_at_a_url(sound: Path, tmp_path: Path) -> None:
    there = Remote("memory://check-there/faces")
    for file in (sound / "tar").rglob("*"):
        if file.is_file():
            (there / file.relative_to(sound / "tar").as_posix()).write_bytes(file.read_bytes())
    finished = here("check", there.url)
    assert finished.status == 2
    assert "--out" in finished.error
    done("check", there.url, "--out", tmp_path / "found")
    facedata.check(sound / "tar", out=tmp_path / "here")
    assert snapshot(tmp_path / "found") == snapshot(tmp_path / "here")
    assert "check" not in {name.split("/")[0] for name in there.files()}


def test_a_set_at_a_url_may_hold_findings_which_no_run_touches(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    there = Remote("memory://check-copied/faces")
    for file in (sound / "tar").rglob("*"):
        if file.is_file():
            (there / file.relative_to(sound / "tar").as_posix()).write_bytes(file.read_bytes())
    (there / "check/corrections.csv").write_bytes(b"action,photo\nkeep,Amara/01.png\n")
    done("split", there.url, "--seed", 3)
    assert (there / "check/corrections.csv").read_bytes() == b"action,photo\nkeep,Amara/01.png\n"


def test_a_read_only_set_needs_another_folder(small_disk: Disk, in_folders: Path, tmp_path: Path) -> None:
    faces = shutil.copytree(in_folders, small_disk.folder / "faces")
    small_disk.remount("ro")
    finished = here("check", faces)
    assert finished.status == 1
    assert "Read-only" in finished.error
    assert "--out" in finished.error
    done("check", faces, "--out", tmp_path / "found")
    small_disk.remount("rw")


def test_a_full_disk_leaves_the_findings_of_before(small_disk: Disk, in_folders: Path) -> None:
    folder = small_disk.folder / "found"
    facedata.check(in_folders, out=folder)
    before = snapshot(folder)
    with contextlib.suppress(OSError):
        (small_disk.folder / "filler").write_bytes(bytes(2_000_000))
    damage_one_crop(in_folders)
    finished = here("check", in_folders, "--out", folder)
    assert finished.status == 1
    assert "cannot write" in finished.error
    assert snapshot(folder) == before


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A folder; a check that stands at the gate goes on when it holds the file ``open``."""
    (tmp_path / "gate").mkdir()
    return tmp_path / "gate"


@pytest.fixture
def waiting(in_folders: Path, gate: Path) -> Iterator[list[object]]:
    """The words of a check that stops within its pass."""
    yield ["check", in_folders]
    (gate / "open").touch()


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_the_set_is_as_it_was_and_a_rerun_works(
    in_folders: Path, gate: Path, waiting: list[object], sent: int
) -> None:
    before = of_set(in_folders)
    process = start(*waiting, before=_AT_THE_GATE.format(gate=str(gate)))
    wait_for(lambda: (gate / "reached").exists() or process.poll() is not None)
    second = run("check", in_folders)
    assert "another run is working on" in second.error
    os.kill(process.pid, sent)
    finished = finish(process)
    assert finished.status == (-signal.SIGKILL if sent == signal.SIGKILL else 130)
    assert of_set(in_folders) == before
    if sent == signal.SIGINT:
        assert not (in_folders / "check").exists()
    rerun = run("check", in_folders)
    assert rerun.status == 0, rerun.stderr
    assert of_set(in_folders) == before


def test_ctrl_c_ends_the_workers_too(in_folders: Path, gate: Path) -> None:
    before = snapshot(in_folders)
    process = start("check", in_folders, "--workers", "2", before=_WITH_WORKERS.format(gate=str(gate)))
    wait_for(lambda: (gate / "reached").exists() or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to all
    finished = finish(process)
    assert finished.status == 130, finished.stderr
    assert "Traceback" not in finished.stderr
    wait_for(lambda: not is_there(process.pid))
    assert snapshot(in_folders) == before


def is_there(group: int) -> bool:
    """Return whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
