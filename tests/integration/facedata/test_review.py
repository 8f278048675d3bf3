"""`facedata review` as it is typed: the page, its places, what is refused, and a server that stops."""

from __future__ import annotations

import json
import re
import shutil
import signal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from facedata import fix_set, open_set, review_set
from facedata.errors import LockedError, OtherSetError, SetError, UsageError
from facedata.files.locks import locked
from facedata.plan.corrections_file import read_corrections
from facedata.testing import marked_folder
from tests.support.facedata_command import done, here, start
from tests.support.marked_photos import prepare_marked
from tests.support.packed_pages import read_data
from tests.support.people_set import face
from tests.support.processes import finish
from tests.support.review_findings import Planter
from tests.support.review_server import serve_review
from tests.support.set_bytes import snapshot
from tests.support.small_set import make_set


@pytest.fixture(scope="module")
def _checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked") / "faces"
    planter = Planter(make_set(folder, {"ana": 4, "bo": 3, "cy": 2}, picture=face))
    planter.write(
        [
            planter.wrong_person("photos/ana/0.jpg", "bo"),
            planter.stranger("photos/bo/1.jpg"),
            planter.double_name("cy", "bo"),
            planter.blurred("photos/ana/1.jpg"),
        ]
    )
    return folder


@pytest.fixture
def faces(_checked: Path, tmp_path: Path) -> Path:
    """A set of one's own with three findings to decide, and a note."""
    return Path(shutil.copytree(_checked, tmp_path / "faces"))


def without_review(folder: Path) -> dict[str, bytes | None]:
    return {name: data for name, data in snapshot(folder).items() if not name.startswith("review")}


def test_the_page_is_written_and_nothing_else_changes(faces: Path) -> None:
    before = snapshot(faces)
    finished = done("review", faces)
    assert finished.stdout.splitlines() == [
        "to decide          3  findings",
        "left out           1  note: --notes shows them too",
        f"page       {faces}/review/index.html",
    ]
    assert without_review(faces) == before
    assert [path.name for path in (faces / "review").iterdir()] == ["index.html"]
    data = read_data((faces / "review/index.html").read_bytes())
    assert [item["kind"] for item in data["items"]] == ["wrong_person", "stranger", "double_name"]
    first = (faces / "review/index.html").read_bytes()
    done("review", faces)
    assert (faces / "review/index.html").read_bytes() == first, "the same findings give the same bytes"


def test_notes_are_shown_where_they_are_asked_for(faces: Path) -> None:
    answer = json.loads(done("review", faces, "--notes", "--json").stdout)
    assert answer == {
        "page": f"{faces}/review/index.html", "findings": 4, "notes": 0, "beyond": 0, "others": {},
        "corrections": f"{faces}/check/corrections.csv", "saved": None,
    }  # fmt: skip


def test_findings_and_page_may_lie_elsewhere(faces: Path, tmp_path: Path) -> None:
    (faces / "check").rename(tmp_path / "findings")
    before = snapshot(faces)
    assert "no findings" in here("review", faces).error
    done("review", faces, "--check", tmp_path / "findings", "--out", tmp_path / "page")
    assert snapshot(faces) == before
    assert len(read_data((tmp_path / "page/index.html").read_bytes())["items"]) == 3


def test_nothing_to_decide_is_said_and_an_earlier_page_does_not_stay(faces: Path) -> None:
    done("review", faces)
    Planter(open_set(faces)).write([Planter(open_set(faces)).blurred("photos/ana/1.jpg")])
    finished = done("review", faces, "--serve")
    assert finished.stdout.splitlines()[:2] == [
        "to decide          0  findings",
        "left out           1  note: --notes shows them too",
    ]
    assert read_data((faces / "review/index.html").read_bytes())["items"] == []


def test_a_set_that_was_not_checked_or_has_changed_since_is_refused(faces: Path, tmp_path: Path) -> None:
    done("split", faces, "--splits", "all=1")
    with pytest.raises(OtherSetError, match="run `facedata check"):
        review_set(faces)
    shutil.rmtree(faces / "check")
    with pytest.raises(SetError, match="holds no findings: run `facedata check"):
        review_set(faces)
    assert not (faces / "review").exists()
    assert here("review", tmp_path / "nothing").status == 1


def test_lines_that_cannot_be_read_are_said(faces: Path) -> None:
    (faces / "check/corrections.csv").write_text("action,photo\nerase,photos/ana/0.jpg\n")
    with pytest.raises(UsageError, match="'erase' is no action"):
        review_set(faces)
    assert snapshot(faces).keys().isdisjoint({"review", ".review.new"})


def test_a_set_that_is_being_changed_is_refused(faces: Path) -> None:
    with locked(faces), pytest.raises(LockedError):
        review_set(faces)


def test_options_that_do_not_fit_are_refused(faces: Path) -> None:
    assert here("review", faces, "--port", 8000).error.endswith("--port 8000 is for --serve: add --serve")
    assert here("review", faces, "--serve", "--port", 70000).status == 2
    assert "lies in the set" in here("review", faces, "--out", faces / "crops").error


def test_overwriting_a_set_removes_its_page(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    options: dict[str, Any] = {"size": 64, "splits": "train=0.5,test=0.5", "report": False}
    made = prepare_marked(tmp_path / "photos", tmp_path / "faces", **options)
    planter = Planter(made)
    planter.write([planter.stranger("person-00/01.png")])
    done("review", tmp_path / "faces")
    prepare_marked(tmp_path / "photos", tmp_path / "faces", **options)  # a rerun takes the folder as it is
    assert (tmp_path / "faces/review").is_dir()
    prepare_marked(tmp_path / "photos", tmp_path / "faces", overwrite=True, **options)
    assert not (tmp_path / "faces/review").exists()


def test_what_the_server_saved_is_what_fix_takes(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    made = prepare_marked(
        tmp_path / "photos", tmp_path / "faces", size=64, splits="train=0.5,test=0.5", report=False
    )
    planter = Planter(made)
    planter.write([planter.wrong_person("person-00/01.png", "person-02")])
    with serve_review(tmp_path / "faces") as serving:
        _, page, _ = serving.ask("GET", serving.path)
        data = read_data(page)
        line = ["move", "person-00/01.png", "person-00", "person-02", "wrong_person: looks so"]
        status, _, _ = serving.ask(
            "POST", f"{serving.path}decisions", {"known": data["known"], "lines": [line]}
        )
        assert status == 200
        assert serving.finish() == 1
    fixed = fix_set(
        tmp_path / "faces", tmp_path / "faces/check/corrections.csv", tmp_path / "fixed", workers=1
    )
    owners = {row["photo"]: row["identity"] for row in fixed.table("photos").to_pylist()}
    assert owners["person-00/01.png"] == "person-02"
    assert owners["person-00/00.png"] == "person-00"


@pytest.mark.parametrize("how", ["done", "signal"])
def test_a_served_review_says_where_it_is_and_stops(faces: Path, how: str) -> None:
    process = start("review", faces, "--serve", detector=None)
    assert process.stderr is not None
    address = ""
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)):
        address = process.stderr.readline()
        assert address, "it has ended"
    url = urlsplit(found[0])
    connection = HTTPConnection(url.netloc, timeout=60)
    connection.request("GET", url.path)
    known = read_data(connection.getresponse().read())["known"]
    origin = {"Origin": f"http://{url.netloc}"}
    body = json.dumps({"known": known, "lines": [["drop", "photos/bo/1.jpg", "bo", "", ""]]})
    connection.request("POST", f"{url.path}decisions", body, origin)
    assert connection.getresponse().read().startswith(b'{"known"')
    if how == "done":
        connection.request("POST", f"{url.path}done", "{}", origin)
        assert json.loads(connection.getresponse().read()) == {"saved": 1}
    else:
        process.send_signal(signal.SIGINT)
    connection.close()
    finished = finish(process)
    assert finished.status == 0, finished.stderr
    assert f"saved              1  line: {faces}/check/corrections.csv" in finished.stdout
    (line,) = read_corrections(faces / "check/corrections.csv")
    assert line.photo == "photos/bo/1.jpg"
