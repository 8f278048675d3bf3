"""`facedata report`, and the report that `prepare` writes: what is on the page, and what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facedata
from facedata.commands import report
from facedata.errors import LockedError, NothingKeptError, SourceError, StoreError
from facedata.files.locks import locked
from facedata.files.remote import Remote
from facedata.pages.page import render_page
from facedata.report import thumbnails, write_report
from tests.support.facedata_command import SMALL, done, here, start
from tests.support.marked_photos import prepare_marked, write_marked
from tests.support.packed_pages import read_column
from tests.support.processes import wait_for
from tests.support.report_sets import (
    PEOPLE,
    page_data,
    prepare_photos,
    read_picture,
    read_tiles,
    write_photos,
)
from tests.support.set_bytes import events, set_bytes, snapshot
from tests.support.version_1 import make_version_1

_STOPPED_IN_THE_PAGE = """
from pathlib import Path
from facedata.report import write_report
from tests.support.processes import wait_for
def slow(*_, **__):
    Path({gate!r}).touch()
    wait_for(Path("/never").exists)
write_report.render_page = slow
"""

_HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'quotes' \"here\"", "\u202eدكتور",
    "👩‍👩‍👧 Zoë",
    "n" * 200, "line\nend", "back\\x41slash", "{{ 7 * 7 }}", "%2e%2e", "&lt;b&gt;",
]  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of all kinds, and their set in each store, with its report."""
    home = tmp_path_factory.mktemp("report")
    write_photos(home / "photos")
    for store in ("folders", "tar"):
        done("prepare", "folder", home / "photos", "--out", home / store, *SMALL, "--store", store)
    return home


@pytest.fixture
def faces(sound: Path, tmp_path: Path) -> Path:
    """A copy of the set with a file per crop."""
    return Path(shutil.copytree(sound / "folders", tmp_path / "faces"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos")
    return tmp_path / "photos"


def _view(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> dict[str, Any]:
    """Return the values that a report gives to its template."""
    seen: dict[str, Any] = {}

    def note(*given: Any, view: dict[str, Any], **more: Any) -> bytes:
        seen.update(view)
        return render_page(*given, view=view, **more)

    monkeypatch.setattr(write_report, "render_page", note)
    facedata.report_set(**arguments)
    return seen


def test_prepare_writes_the_page_and_says_where(sound: Path, tmp_path: Path) -> None:
    finished = done("prepare", "folder", sound / "photos", "--out", tmp_path / "faces", *SMALL)
    assert f"page       {tmp_path}/faces/report/index.html" in finished.stdout.splitlines()
    assert page_data(tmp_path / "faces/report")["total"] == {"people": 4, "crops": 12}
    assert sorted(entry.name for entry in (tmp_path / "faces").iterdir()) == [
        ".seen.arrow", "classes.parquet", "crops", "dataset.json", "log.jsonl", "pairs.parquet",
        "photos.parquet", "report", "triplets.parquet",
    ]  # fmt: skip
    assert [event["event"] for event in events(tmp_path / "faces")] == ["start", "end"]


def test_the_set_is_the_same_with_and_without_a_report(sound: Path, tmp_path: Path) -> None:
    finished = done("prepare", "folder", sound / "photos", "--out", tmp_path / "faces", *SMALL, "--no-report")
    assert not (tmp_path / "faces/report").exists()
    assert "page " not in finished.stdout
    assert set_bytes(tmp_path / "faces") == set_bytes(sound / "folders")
    before = snapshot(tmp_path / "faces")
    finished = done("report", tmp_path / "faces")
    assert finished.stdout == f"page       {tmp_path}/faces/report/index.html\n"
    after = snapshot(tmp_path / "faces")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"report", "report/index.html"}
    # and it is the page that prepare writes, but for the set's name
    mine, theirs = (page_data(folder / "report") for folder in (tmp_path / "faces", sound / "folders"))
    assert mine == theirs


def test_the_same_set_gives_the_same_page(faces: Path, photos: Path) -> None:
    done("report", faces, "--source", photos)
    first = snapshot(faces / "report")
    done("report", faces, "--source", photos, "--workers", "3")
    assert snapshot(faces / "report") == first


def test_json_names_the_page(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert json.loads(done("report", "faces", "--json").stdout) == {"page": "faces/report/index.html"}
    assert json.loads(done("report", "faces", "--out", "page", "--json").stdout) == {
        "page": "page/index.html"
    }


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_thumbnails_are_those_of_the_crops(sound: Path, store: str) -> None:
    page, prepared = sound / store / "report/index.html", facedata.open_set(sound / store)
    data = page_data(page.parent)
    crops = {row.photo: row.image() for row in facedata.ClassManifest.open(prepared)}
    tiles = read_tiles(data["sheets"], page)
    assert len(tiles) == len(crops) == 12
    for photo, tile in zip(data["crops"]["photo"], tiles, strict=True):
        small = crops[photo][::2, ::2, ::-1].astype(int)  # 64 px
        assert np.abs(tile[::3, ::3].astype(int) - small).mean() < 12
    assert data["crop_files"] == ("../crops/" if store == "folders" else None)
    assert (data["crops"]["path"] is None) == (store == "tar")


def test_a_page_elsewhere_does_not_link_the_crops(faces: Path, tmp_path: Path) -> None:
    facedata.report_set(faces, tmp_path / "page")
    data = page_data(tmp_path / "page")
    assert (data["crop_files"], data["crops"]["path"]) == (None, None)


def test_pictures_of_many_crops_are_beside_the_page(
    faces: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MOST_IN_PAGE", 11)
    monkeypatch.setattr(write_report, "MOST_IN_PAGE", 11)
    view = _view(monkeypatch, set=faces, source=photos)
    page = faces / "report/index.html"
    assert page_data(page.parent)["sheets"]["files"] == ["sheets/sheet-00000.jpg"]
    assert len(read_tiles(page_data(page.parent)["sheets"], page)) == 12
    shown = {one["status"]: one for one in view["status"]}
    assert read_picture(shown["kept"]["examples"][0]["picture"], page).shape == (120, 120, 3)
    assert {entry.name for entry in page.parent.iterdir()} == {"index.html", "sheets", "pictures"}
    # photos that are gone are there again from these files, and from the page where it is small
    shutil.rmtree(photos)
    again = {one["status"]: one for one in _view(monkeypatch, set=faces)["status"]}
    assert again["kept"]["examples"] == shown["kept"]["examples"]
    monkeypatch.setattr(write_report, "MOST_IN_PAGE", 12)
    small = {one["status"]: one for one in _view(monkeypatch, set=faces)["status"]}
    assert small["low_score"]["examples"][0]["picture"].startswith("data:image/jpeg;base64,")
    third = {one["status"]: one for one in _view(monkeypatch, set=faces)["status"]}
    assert third == small
    assert {entry.name for entry in page.parent.iterdir()} == {"index.html"}


def test_photos_that_are_not_at_hand_are_said_and_named_with_source(
    faces: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = json.loads((faces / "dataset.json").read_text())
    info["source"]["root"] = str(tmp_path / "gone")
    (faces / "dataset.json").write_text(json.dumps(info))
    shutil.rmtree(faces / "report")
    view = _view(monkeypatch, set=faces)
    assert any("The photos are not at hand" in note for note in view["notes"])
    assert not any(one["picture"] for status in view["status"] for one in status["examples"])
    view = _view(monkeypatch, set=faces, source=photos)
    assert not any("at hand" in note for note in view["notes"])
    with_picture = [one["photo"] for status in view["status"] for one in status["examples"] if one["picture"]]
    assert len(with_picture) == 12
    with pytest.raises(SourceError, match="nowhere"):
        facedata.report_set(faces, source=tmp_path / "nowhere")


def test_a_check_is_on_the_page_until_the_set_changes(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facedata.check(faces, workers=1)
    view = _view(monkeypatch, set=faces)
    found = page_data(faces / "report")
    assert view["check"]["total"] == view["check"]["shown"] == len(found["findings"]) > 0
    assert set(found["crops"]["quality"]) >= {"sharpness", "pose"}
    assert "Qualities" in [title for title, _ in view["charts"]]
    facedata.split_set(faces, splits="train=0.5,test=0.5", seed=9)
    view = _view(monkeypatch, set=faces)
    assert view["check"] == {"counts": [], "shown": 0, "total": 0, "is_stale": True}
    assert any("of another state of the set" in note for note in view["notes"])
    assert page_data(faces / "report")["findings"] == []


def test_hostile_names_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(_HOSTILE):
        for photo in range(2):
            write_marked(tmp_path / "photos" / name / f"{photo}.png", seed=10 * number + photo)
    write_marked(
        tmp_path / "photos" / _HOSTILE[0] / f"{_HOSTILE[1].replace('/', '')}.png", seed=999, faces=()
    )
    prepare_marked(tmp_path / "photos", tmp_path / "faces", size=32, names="exact")
    page = (tmp_path / "faces/report/index.html").read_text(encoding="utf-8")
    people = page_data(tmp_path / "faces/report")["people"]["name"]
    assert people == sorted(people, key=lambda name: name.encode())
    assert len(people) == len(_HOSTILE)
    assert {_HOSTILE[3], _HOSTILE[4], _HOSTILE[5], _HOSTILE[6]} <= set(people)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("<script") == 2  # the data and the page's own


def test_nothing_kept_has_a_page_that_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_marked(tmp_path / "photos/Amara/1.png", faces=())
    with pytest.raises(NothingKeptError):
        prepare_marked(tmp_path / "photos", tmp_path / "faces")
    assert page_data(tmp_path / "faces/report")["total"] == {"people": 0, "crops": 0}
    view = _view(monkeypatch, set=tmp_path / "faces")
    assert view["charts"] == []
    (status,) = view["status"]
    assert (status["status"], status["share"], status["examples"][0]["photo"]) == (
        "no_face",
        "100.0%",
        "Amara/1.png",
    )
    assert status["examples"][0]["picture"]


def test_one_person_has_no_pairs_but_a_page(tmp_path: Path) -> None:
    for number in range(3):
        write_marked(tmp_path / f"photos/Amara/{number}.png", seed=number)
    prepare_marked(tmp_path / "photos", tmp_path / "faces")
    data = page_data(tmp_path / "faces/report")
    assert (data["people"]["name"], data["pairs"], data["triplets"]) == (["Amara"], {}, {})
    assert read_column(data["crops"]["pairs"]).tolist() == [0, 0, 0]


def test_a_crop_that_is_gone_is_grey(faces: Path) -> None:
    row = facedata.ClassManifest.open(faces)[4]
    (faces / row.file).unlink()
    facedata.report_set(faces)
    page = faces / "report/index.html"
    data = page_data(page.parent)
    at = read_column(data["crops"]["id"]).tolist().index(row.id)
    grey = [np.abs(tile.astype(int) - 128).max() < 8 for tile in read_tiles(data["sheets"], page)]
    assert grey == [number == at for number in range(12)]


def test_a_set_of_version_1_has_a_page(faces: Path) -> None:
    expected = page_data(faces / "report")
    make_version_1(faces)
    facedata.report_set(faces)
    assert page_data(faces / "report") == expected


def test_corrections_and_columns_of_the_source_are_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(tmp_path / "photos")
    rows = [f"{name}/{number}.png,{name},{'yes' if number else ''}" for name in PEOPLE for number in range(3)]
    (tmp_path / "table.csv").write_text("path,identity,consent\n" + "\n".join(rows) + "\n")
    (tmp_path / "fix.csv").write_text(
        "action,photo,to_identity\ndrop,Amara/0.png,\nmove,Amara/1.png,Birgit\n"
    )
    prepare_marked(
        [tmp_path / "table.csv", tmp_path / "photos"], tmp_path / "faces", kind="table", size=48,  # type: ignore[arg-type]
        corrections=(str(tmp_path / "fix.csv"),),
    )  # fmt: skip
    view = _view(monkeypatch, set=tmp_path / "faces")
    assert view["consent"] == {
        "columns": ["consent"],
        "counts": [("consent", "yes", 8), ("consent", "not given", 4)],
    }  # fmt: skip
    excluded = next(one for one in view["status"] if one["status"] == "excluded")
    assert [one["photo"] for one in excluded["examples"]] == ["Amara/0.png"]
    data = page_data(tmp_path / "faces/report")
    counts = dict(zip(data["people"]["name"], read_column(data["people"]["count"]).tolist(), strict=True))
    assert counts == {"Amara": 1, "Birgit": 4, "Chidi": 3, "Dolores": 3}


def test_of_a_large_set_some_crops_are_shown_and_all_are_counted(faces: Path, tmp_path: Path) -> None:
    prepared = facedata.open_set(faces)
    page = write_report.write_report(prepared, tmp_path / "page", None, most_crops=7)
    data = page_data(page.parent)
    assert data["sheets"]["count"] == len(data["crops"]["photo"]) == 7
    assert data["total"] == {"people": 4, "crops": 12}
    assert read_column(data["people"]["shown_of"]).tolist() == [3] * len(data["people"]["name"])
    assert "The page shows 7 of 12 crops" in page.read_text(encoding="utf-8")


def test_nothing_to_do_leaves_the_page_and_a_missing_one_is_written(sound: Path, tmp_path: Path) -> None:
    faces = Path(shutil.copytree(sound / "folders", tmp_path / "faces"))
    command = ("prepare", "folder", sound / "photos", "--out", faces, *SMALL)
    page = faces / "report/index.html"
    page.write_bytes(page.read_bytes() + b"<!-- mine -->")
    done(*command)
    assert page.read_bytes().endswith(b"<!-- mine -->")
    shutil.rmtree(page.parent)
    done(*command, "--no-report")
    assert not page.exists()
    assert "nothing to do" in done(*command).stderr
    assert page_data(page.parent)["total"]["crops"] == 12


def test_the_page_of_a_set_that_changed_is_written_anew(photos: Path, tmp_path: Path) -> None:
    command = ("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL)
    done(*command)
    write_marked(photos / "Amara/new.png", seed=77)
    done(*command)
    assert page_data(tmp_path / "faces/report")["total"]["crops"] == 13
    facedata.split_set(tmp_path / "faces", splits="train=0.25,test=0.75", seed=4)
    done(*command)  # nothing to do, but the page shows another state
    data = page_data(tmp_path / "faces/report")
    assert sorted(read_column(data["crops"]["split"]).tolist()) != sorted([0] * 7 + [1] * 6)
    fingerprint = facedata.open_set(tmp_path / "faces").fingerprint
    assert fingerprint in (tmp_path / "faces/report/index.html").read_text(encoding="utf-8")


def test_a_report_that_fails_leaves_the_set_finished_and_says_so(photos: Path, tmp_path: Path) -> None:
    command = ("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL)
    (tmp_path / "faces/report").mkdir(parents=True)
    (tmp_path / "faces/report/diary.txt").write_text("mine")
    (tmp_path / "faces/.work").mkdir()
    finished = here(*command)
    assert finished.status == 0
    assert "the set is finished, but not its report" in finished.stderr
    assert "diary.txt" in finished.stderr
    assert (tmp_path / "faces/report/diary.txt").read_text() == "mine"
    assert len(facedata.ClassManifest.open(tmp_path / "faces")) == 12
    assert "warning" in [event["event"] for event in events(tmp_path / "faces")]


def test_any_failure_of_the_report_leaves_the_set_finished(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr(write_report, "render_page", fail)
    finished = here("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL)
    assert finished.status == 0
    assert "not its report: a bug; `facedata report" in finished.stderr
    assert not (tmp_path / "faces/report").exists()
    assert not (tmp_path / "faces/.report.new").exists()


def test_a_run_killed_at_its_page_leaves_none_and_the_next_one_writes_it(
    photos: Path, tmp_path: Path
) -> None:
    faces, gate = tmp_path / "faces", tmp_path / "gate"
    command = ("prepare", "folder", photos, "--out", faces, *SMALL)
    process = start(*command, before=_STOPPED_IN_THE_PAGE.format(gate=str(gate)))
    wait_for(gate.exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (faces / "dataset.json").is_file()
    assert (faces / ".report.new").is_dir()
    assert not (faces / "report").exists()
    done(*command)
    assert page_data(faces / "report")["total"]["crops"] == 12
    assert not (faces / ".report.new").exists()


def test_overwrite_and_a_rerun_clear_what_a_killed_report_left(photos: Path, tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    command = ("prepare", "folder", photos, "--out", faces, *SMALL)
    done(*command)
    for more in ((), ("--overwrite",)):
        for name in (".report.new", ".report.old"):
            (faces / name / "sheets").mkdir(parents=True)
            (faces / name / "index.html").write_text("half")
        done(*command, *more)
        assert {entry.name for entry in faces.iterdir() if entry.name.startswith(".report")} == set()
        assert page_data(faces / "report")["total"]["crops"] == 12


def test_crop_and_fix_write_no_report(faces: Path, photos: Path, tmp_path: Path) -> None:
    done("crop", faces, "--out", tmp_path / "crop", "--size", "32", "--workers", "1", "--source", photos)
    assert not (tmp_path / "crop/report").exists()
    (tmp_path / "fix.csv").write_text("action,photo\ndrop,Amara/1.png\n")
    done(
        "fix", faces, tmp_path / "fix.csv", "--out", tmp_path / "fixed", "--workers", "1", "--source", photos
    )
    assert not (tmp_path / "fixed/report").exists()
    done("report", tmp_path / "fixed", "--source", photos)
    assert page_data(tmp_path / "fixed/report")["total"]["crops"] == 11


def test_a_set_that_another_run_changes_is_not_looked_at(faces: Path) -> None:
    with locked(faces), pytest.raises(LockedError, match="another run is working on"):
        facedata.report_set(faces)
    with locked(faces, shared=True):  # a check may run
        facedata.report_set(faces)


def test_a_read_only_set_needs_another_folder(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"report; name a folder elsewhere with --out: Permission"):
        facedata.report_set(faces)


def test_a_set_at_a_url_gets_a_page_here(sound: Path, tmp_path: Path) -> None:
    base = "memory://report-of-a-url"
    for file in (sound / "tar").rglob("*"):
        if file.is_file() and "report" not in file.parts[-2:]:
            Remote(f"{base}/{file.relative_to(sound / 'tar')}").upload(file)
    finished = here("report", base)
    assert finished.status == 2
    assert "name a folder here with --out" in finished.stderr
    done("report", base, "--out", tmp_path / "page", "--source", sound / "photos")
    assert page_data(tmp_path / "page") == page_data(sound / "tar/report")


def test_prepare_to_a_url_says_that_there_is_no_page(photos: Path) -> None:
    url = "memory://prepare-to-a-url/faces"
    finished = done("prepare", "folder", photos, "--out", url, *SMALL, "--store", "tar")
    assert (
        f"a set at a URL gets no report: `facedata report {url} --out DIR` writes one here" in finished.stderr
    )
    assert not [name for name in Remote(url).files() if name.startswith("report")]


def test_progress_and_steps_are_told(faces: Path) -> None:
    steps: list[str] = []
    counts: list[tuple[int, int]] = []
    facedata.report_set(faces, on_step=steps.append, on_progress=lambda *now: counts.append(now))
    assert steps == [
        "looking for the photos", "reading the tables", "copying photos", "making the thumbnails",
        "writing the page",
    ]  # fmt: skip
    assert counts == [(12, 12)]


def test_photos_of_a_plain_folder_are_not_listed(
    faces: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of twenty million photos only some are read."""

    def refuse(*_: object) -> None:
        raise RuntimeError("the photos were listed")

    monkeypatch.setattr(report, "open_reader", refuse)
    facedata.report_set(faces, source=photos)


def test_a_photo_in_an_archive_is_found_too(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.make_archive(str(tmp_path / "photos"), "zip", photos)
    prepare_marked(tmp_path / "photos.zip", tmp_path / "faces", size=48, report=False)
    view = _view(monkeypatch, set=tmp_path / "faces")
    assert all(one["picture"] for one in view["status"][0]["examples"])


def test_a_download_is_not_fetched_for_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = prepare_photos(tmp_path).path
    assert isinstance(faces, Path)
    info = json.loads((faces / "dataset.json").read_text())
    info["source"] = {"kind": "lfw", "root": "https://example.org/lfw.tgz"}
    (faces / "dataset.json").write_text(json.dumps(info))
    view = _view(monkeypatch, set=faces)
    assert not any(one["picture"] for one in view["status"][0]["examples"])
