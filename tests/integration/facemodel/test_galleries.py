"""Who gets a name: nobody twice in a photo, no stranger by a weak model; how people file photos and type."""

from __future__ import annotations

import csv
import dataclasses
import json
import logging
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facedata import prepare
from facedata.errors import SourceError, UsageError
from facedata.testing import FakeDetector, MarkedFace, marked_image
from facemodel import enroll, evaluate, fit, identify, read_gallery
from facemodel.errors import DataError
from facemodel.spec import read_spec
from tests.support.colour_people import COLOURS, fake_detection, people, photo
from tests.support.facemodel_command import done, here
from tests.support.onnx_networks import colour_net
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY

GREY = (120, 120, 120)


@pytest.fixture(autouse=True)
def detection() -> Iterator[None]:
    with fake_detection():
        yield


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return colour_net(tmp_path / "model")


def colours(count: int, seed: int = 0) -> list[tuple[int, int, int]]:
    """Any colours at all: strangers."""
    rng = np.random.default_rng(seed)
    return [tuple(map(int, rng.integers(0, 256, 3))) for _ in range(count)]  # type: ignore[misc]


# 18: a weak model


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weak")
    faces = people_set(folder / "faces", people=30, photos=6)
    fit(faces.path, folder / "run", **{**TINY, "val_share": 0.5, "val_pairs": 200, "epochs": 1})
    return folder / "run"


def test_a_weak_model_names_no_stranger_and_says_why(
    weak: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = people(tmp_path / "people")
    with caplog.at_level(logging.WARNING):
        made = enroll(weak, folder, tmp_path / "g.parquet")
    assert made.doubt is not None
    assert "validation was poor (AUC 0." in made.doubt
    assert " to " in made.doubt  # its interval
    assert made.doubt in caplog.text
    strangers = photo(tmp_path / "strangers.png", colours(13))
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        found = identify(weak, tmp_path / "g.parquet", [strangers])
    assert [face.name for face in found.photos[0].faces] == [None] * 13
    assert found.doubt is not None
    assert found.doubt in caplog.text
    judged = identify(weak, tmp_path / "g.parquet", [folder], judge=True).figures
    assert judged is not None
    assert (judged["right"], judged["wrong"], judged["unknown"]) == (0, 0, 1)
    # who wants names all the same gets them, and nobody twice
    names = identify(weak, made, [strangers], threshold=-1.0 if made.metric == "cosine" else 100.0)
    given = [face.name for face in names.photos[0].faces if face.name is not None]
    assert sorted(given) == sorted(COLOURS)
    assert names.doubt is None


def test_two_people_in_validation_vouch_for_nothing(tmp_path: Path) -> None:
    faces = people_set(tmp_path / "faces", people=8, photos=5)
    fit(faces.path, tmp_path / "run", **{**TINY, "epochs": 1, "rows_per_epoch": 24})
    shown = done("enroll", tmp_path / "run", people(tmp_path / "people"), "--out", tmp_path / "g.parquet")
    assert "2 people with two photos, too few for an interval (10 are needed)" in shown.stderr
    found = identify(tmp_path / "run", tmp_path / "g.parquet", [photo(tmp_path / "x.png", colours(5))])
    assert {face.name for face in found.photos[0].faces} == {None}


def test_a_weak_classifier_names_no_stranger(tmp_path: Path) -> None:
    faces = people_set(tmp_path / "faces", people=6, photos=10, split_by="photo")
    options = {
        **TINY,
        "recipe": "default",
        "closed": True,
        "val_share": 0.4,
        "epochs": 1,
        "precision": "fp32",
    }
    fit(
        faces.path, tmp_path / "run", **{**options, "rows_per_epoch": 24, "batch": 12, "photos_per_person": 2}
    )
    spec = read_spec(tmp_path / "run" / "spec.json")
    assert spec.validation is not None
    assert spec.validation.class_photos > 0
    assert not spec.validation.unseen
    found = identify(tmp_path / "run", None, [photo(tmp_path / "x.png", colours(13))])
    assert sum(face.name is not None for face in found.photos[0].faces) <= 1
    with pytest.raises(UsageError, match="--far"):
        identify(tmp_path / "run", None, [tmp_path / "x.png"], far=0.1)


def test_nobody_is_named_twice_in_a_photo(net: Path, tmp_path: Path) -> None:
    enroll(net, people(tmp_path / "people"), tmp_path / "g.parquet", threshold=0.6)
    group = photo(tmp_path / "group.png", [(190, 50, 50), (200, 40, 40), (180, 60, 60)])
    (found,) = identify(net, tmp_path / "g.parquet", [group]).photos
    assert [face.name for face in found.faces].count("anna") == 1
    assert found.faces[1].name == "anna"
    names = [face.name for face in found.faces if face.name is not None]
    assert len(set(names)) == len(names)
    lines = done("identify", net, tmp_path / "g.parquet", group).stdout
    assert "(nearest: anna, who is another face here)" in lines


# 25: thresholds


def test_a_threshold_is_kept_in_the_models_json(tmp_path: Path) -> None:
    people_set(tmp_path / "faces", people=40, photos=5, splits="train=0.5,test=0.5")
    net = colour_net(tmp_path / "model", threshold=None, template="square", size_px=32)
    spec, folder = net.with_suffix(".json"), people(tmp_path / "people")
    spec.write_text(json.dumps({**json.loads(spec.read_text()), "mine": "stays"}))
    assert here("enroll", net, folder, "--out", tmp_path / "g.parquet").status == 2
    arguments = ("evaluate", net, tmp_path / "faces", "--out", tmp_path / "scores")
    before = spec.read_text()
    chosen = json.loads(done(*arguments, "--json").stdout)["figures"]["euclidean"]["threshold"]
    assert spec.read_text() == before
    kept = json.loads(done(*arguments, "--keep-threshold", "--json").stdout)["kept"]
    assert kept["threshold"] == chosen["value"]
    assert "kept in colour.json: the threshold " in (tmp_path / "scores" / "scores.md").read_text()
    values = json.loads(spec.read_text())
    assert (values["mine"], values["threshold"]) == ("stays", chosen["value"])
    summary = read_spec(spec).validation
    assert summary is not None
    assert (summary.people, summary.unseen) == (20, True)
    assert enroll(net, folder, tmp_path / "g.parquet", far=0.5).basis.startswith(
        "50% of strangers get a name"
    )
    # chosen anew, not on pairs that are scored, and from a model on disk
    again = json.loads(done(*arguments, "--keep-threshold", "--json").stdout)["kept"]
    assert again == kept
    with pytest.raises(UsageError, match="--keep-threshold"):
        evaluate(net, tmp_path / "faces", None, keep_threshold=True, flip=True)


def test_no_threshold_is_kept_that_the_scored_or_trained_people_chose(weak: Path, tmp_path: Path) -> None:
    people_set(tmp_path / "faces", people=12, photos=4, splits="test=1.0")
    net = colour_net(tmp_path / "model", threshold=None, template="square", size_px=32)
    with pytest.raises(DataError, match="no val or train pairs besides those that are scored"):
        evaluate(net, tmp_path / "faces", None, keep_threshold=True)
    before = (weak / "spec.json").read_text()
    with pytest.raises(DataError, match="was trained on 12 of the 24 people"):
        evaluate(weak, weak.parent / "faces", None, keep_threshold=True)
    assert (weak / "spec.json").read_text() == before


def test_far_chooses_the_threshold_and_needs_rates(weak: Path, net: Path, tmp_path: Path) -> None:
    folder = people(tmp_path / "people")
    strict, loose = (enroll(weak, folder, tmp_path / "g.parquet", far=far) for far in (0.01, 0.4))
    assert strict.threshold is not None
    assert loose.threshold is not None
    further = loose.threshold > strict.threshold
    assert further == (strict.metric == "euclidean")
    assert identify(weak, strict, [folder], far=0.4).threshold == loose.threshold
    with pytest.raises(UsageError, match="--keep-threshold"):
        enroll(net, folder, tmp_path / "g.parquet", far=0.01)
    with pytest.raises(UsageError, match="choose one of them"):
        enroll(net, folder, tmp_path / "g.parquet", far=0.01, threshold=0.2)


# 25: one file per person; 5: names that look the same


def test_one_file_per_person_also_beside_folders(
    net: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "people"
    photo(folder / "anna.png", [COLOURS["anna"]])
    photo(folder / "bert.v2.png", [COLOURS["bert"]])
    photo(folder / "zoë" / "1.png", [COLOURS["zoë"]])
    photo(folder / "zoë.png", [COLOURS["zoë"]], seed=2)
    photo(folder / "Unknown.png", [GREY])
    with caplog.at_level(logging.WARNING):
        made = enroll(net, folder, tmp_path / "g.parquet")
    assert dict(zip(made.names, made.photos, strict=True)) == {
        "anna": ("anna.png",), "bert.v2": ("bert.v2.png",), "zoë": ("zoë.png", "zoë/1.png"),
    }  # fmt: skip
    assert [(one.photo, one.reason) for one in made.left_out] == [
        ("Unknown.png", "nobody is called so: rename the file")
    ]
    assert not caplog.text


@pytest.mark.parametrize("names", [("anna_1", "anna_2"), ("anna (1)", "anna (2)"), ("IMG_0001", "IMG_0002")])
def test_numbered_files_are_people_of_their_own_and_it_is_said(
    net: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, names: tuple[str, str]
) -> None:
    for name in names:
        photo(tmp_path / "people" / f"{name}.png", [COLOURS["anna"]])
    photo(tmp_path / "people" / "louis14.png", [COLOURS["bert"]])
    with caplog.at_level(logging.WARNING):
        made = enroll(net, tmp_path / "people", tmp_path / "g.parquet")
    assert set(made.names) == {*names, "louis14"}
    assert f"{names[0]}, {names[1]} lie in no folder and count as different people" in caplog.text
    assert "louis14" not in caplog.text


def test_one_person_under_names_that_look_the_same(
    net: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, composed, apart = tmp_path / "people", "zoë", unicodedata.normalize("NFD", "zoë")
    for number, name in enumerate([composed, apart, "anna", "anna ", "Anna", "bert\u200b"]):
        photo(folder / name / f"{number}.png", [COLOURS["zoë" if number < 2 else "anna"]])
    with caplog.at_level(logging.WARNING):
        made = enroll(net, folder, tmp_path / "g.parquet")
    assert made.names == ("Anna", "anna", "bert\u200b", "zoë")
    assert [len(some) for some in made.photos] == [1, 2, 1, 2]
    assert "'Anna' and 'anna'" in caplog.text
    exact = enroll(net, folder, tmp_path / "exact.parquet", names="exact")
    assert len(exact) == 6
    photo(tmp_path / "tests" / apart / "1.png", [COLOURS["zoë"]])
    found = identify(net, made, [tmp_path / "tests"], judge=True)
    assert found.figures is not None
    assert found.figures["right"] == 1


# 25: what identify tells


def group(file: Path) -> Path:
    """Two rows of faces, the lower one uneven."""
    places = [(20, 200), (140, 215), (260, 190), (30, 20), (150, 30)]
    faces = [MarkedFace((x, y, x + 70, y + 80)) for x, y in places]
    Image.fromarray(marked_image(380, 320, faces, 5)).save(file)
    return file


def test_faces_come_as_they_are_read_in_the_list_the_table_and_the_picture(net: Path, tmp_path: Path) -> None:
    enroll(net, people(tmp_path / "people"), tmp_path / "g.parquet")
    photo(tmp_path / "empty.png", [])
    table, out = tmp_path / "named.csv", tmp_path / "named"
    shots = [group(tmp_path / "group, one.png"), tmp_path / "empty.png"]
    found = identify(net, tmp_path / "g.parquet", shots, csv=str(table), out=str(out))
    boxes = [face.box for face in found.photos[0].faces]
    assert [round(box[0] / 120) for box in boxes] == [0, 1, 0, 1, 2]
    assert [box[1] < 100 for box in boxes] == [True, True, False, False, False]
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["photo", "face", "name", "distance", "threshold", "box"]
    assert [row["face"] for row in rows] == ["1", "2", "3", "4", "5", ""]
    for row, face in zip(rows, found.photos[0].faces, strict=False):
        assert row["photo"].endswith("group, one.png")
        assert float(row["distance"]) == pytest.approx(face.value, abs=1e-6)
        assert [float(edge) for edge in row["box"].split()] == pytest.approx(face.box)
        assert (row["name"], row["threshold"]) == (face.name or "", "0.1")
    assert (rows[-1]["status"], rows[-1]["name"]) == ("no_face", "")


@pytest.mark.parametrize(("name", "status"), [("table.txt", 2), ("people.csv", 1), ("photo.csv", 2)])
def test_a_table_goes_nowhere_else(net: Path, tmp_path: Path, name: str, status: int) -> None:
    enroll(net, people(tmp_path / "people"), tmp_path / "g.parquet")
    (tmp_path / "people.csv").mkdir()
    photo(tmp_path / "photo.csv", [GREY])
    before = (tmp_path / "photo.csv").read_bytes()
    refused = here("identify", net, tmp_path / "g.parquet", tmp_path / "photo.csv", "--csv", tmp_path / name)
    assert refused.status == status
    assert (tmp_path / "photo.csv").read_bytes() == before


def test_a_largest_face_is_judged_wherever_it_stands(net: Path, tmp_path: Path) -> None:
    enroll(net, people(tmp_path / "people"), tmp_path / "g.parquet")
    image = marked_image(320, 200, [MarkedFace((10, 20, 60, 80)), MarkedFace((140, 20, 300, 190))], 1)
    image[10:, :100], image[10:, 100:] = GREY, COLOURS["anna"]
    (tmp_path / "tests" / "anna").mkdir(parents=True)
    Image.fromarray(image).save(tmp_path / "tests" / "anna" / "1.png")
    found = identify(net, tmp_path / "g.parquet", [tmp_path / "tests"], judge=True)
    assert [face.name for face in found.photos[0].faces] == [None, "anna"]
    assert found.figures is not None
    assert found.figures["right"] == 1


def test_a_gallery_of_an_earlier_version_names_nobody_by_a_weak_model(
    weak: Path, net: Path, tmp_path: Path
) -> None:
    """It says nothing of strangers, so the model's validation decides; without one, that is said."""
    strangers = [photo(tmp_path / f"{i}.png", [colour]) for i, colour in enumerate(colours(6))]
    for model, names in ((weak, set()), (net, {"anna"})):
        made = enroll(model, people(tmp_path / "people"), tmp_path / "g.parquet")
        old = dataclasses.replace(made, basis="", doubt=None, threshold=2.0)
        found = identify(model, old, strangers)
        assert {face.name for one in found.photos for face in one.faces} - {None} >= names
        assert (found.doubt is None) == bool(names)
        if found.doubt is not None:
            assert not any(face.name for one in found.photos for face in one.faces)
        else:
            assert "how many strangers get a name is not known" in found.basis


def test_an_archive_is_no_folder_of_people(net: Path, tmp_path: Path) -> None:
    """Its photos were listed, and each was then missing."""
    packed = shutil.make_archive(str(tmp_path / "people"), "zip", people(tmp_path / "people"))
    with pytest.raises(SourceError, match="give a folder of photos"):
        enroll(net, packed, tmp_path / "g.parquet")


# 25: the order of arguments


def test_identify_takes_one_gallery(net: Path, tmp_path: Path) -> None:
    """The second was taken for a photo that could not be read."""
    galleries = [tmp_path / "g.parquet", tmp_path / "other.parquet"]
    for gallery in galleries:
        enroll(net, people(tmp_path / "people"), gallery)
    refused = here("identify", net, *galleries, photo(tmp_path / "a.png", [GREY]))
    assert refused.status == 2
    assert f"identify takes one gallery: leave out {galleries[1]}" in refused.error


def test_a_wrong_order_of_arguments_is_put_right(net: Path, tmp_path: Path) -> None:
    enroll(net, people(tmp_path / "people"), tmp_path / "g.parquet")
    prepare(tmp_path / "people", tmp_path / "faces", size=64, workers=1, detector=FakeDetector)
    gallery, shot = str(tmp_path / "g.parquet"), str(photo(tmp_path / "a b.png", [GREY]))
    faces, model, folder = str(tmp_path / "faces"), str(net), str(tmp_path / "people")
    for given, wanted in [
        (("identify", gallery, model, shot), f"facemodel identify {model} {gallery} '{shot}'"),
        (("identify", model, shot, gallery), f"facemodel identify {model} {gallery} '{shot}'"),
        (("identify", shot, gallery, model), f"facemodel identify {model} {gallery} '{shot}'"),
        (("enroll", folder, model, "--out", "g.parquet"), f"enroll {model} {folder} --out g.parquet"),
        (("embed", faces, model, "--out", "e.parquet"), f"embed {model} {faces} --out e.parquet"),
        (("evaluate", faces, model, "--out", "scores"), f"evaluate {model} {faces} --out scores"),
        (("mine", faces, model, "--out", "t.parquet"), f"mine {model} {faces} --out t.parquet"),
    ]:
        refused = here(*given)
        assert refused.status == 2
        assert refused.error.rstrip().endswith(wanted)
        assert " comes " in refused.error


def test_a_runs_folder_is_known_as_a_model(weak: Path, tmp_path: Path) -> None:
    refused = here("evaluate", weak.parent / "faces", weak, "--out", tmp_path / "scores")
    assert f"the model comes first: facemodel evaluate {weak} " in refused.error
    assert not (tmp_path / "scores").exists()


def test_galleries_keep_what_their_threshold_stands_for(net: Path, tmp_path: Path) -> None:
    made: Any = enroll(net, people(tmp_path / "people"), tmp_path / "g.parquet")
    read = read_gallery(tmp_path / "g.parquet")
    assert (read.basis, read.doubt) == (made.basis, made.doubt) == (made.basis, None)
    lines = done("identify", net, tmp_path / "g.parquet", tmp_path / "people" / "anna").stdout.splitlines()
    assert lines[-2].startswith("basis      the model's own, the best for pairs; how many strangers")
    assert lines[-1] == "threshold  distance at most 0.1"
