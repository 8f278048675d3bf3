"""What facemodel and facedata made with a person is found by what their own files say."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from facedata import ExportConfig, export_set
from facedata.errors import UsageError
from facedata.forgetting.made_files import MadeWith
from facedata.forgetting.made_with import find_made_with, made_with_lines
from facedata.sets.prepared import open_set
from facemodel import embed_set, evaluate, export_model, fit, forget_person, mine
from facemodel.recognition.gallery import Gallery
from tests.support.people_set import people_set
from tests.support.tiny_fit import FEW


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a set, and from it what there is; a second set and run beside it that know other people."""
    folder = tmp_path_factory.mktemp("world")
    faces = people_set(folder / "faces", people=8, photos=4)
    names = faces.table("classes").column("identity").to_pylist()
    fit(faces.path, folder / "run", **FEW)
    embed_set(folder / "run", faces.path, folder / "embeddings.parquet", workers=1)
    evaluate(folder / "run", faces.path, folder / "scores", workers=1)
    mine(folder / "run", faces.path, folder / "hard.parquet", workers=1)
    export_model(folder / "run", folder / "net.pt", to="torchscript")
    export_set(faces.path, folder / "elsewhere" / "folders", ExportConfig(to="imagefolder"))
    photos = tuple(("1.jpg",) for _ in range(8))
    gallery = Gallery(tuple(sorted({*names})), np.eye(8, dtype=np.float32), photos, "ab" * 32, "cosine", 0.5)
    gallery.write(folder / "gallery.parquet")
    shutil.copytree(folder / "faces", folder / "copy")
    (folder / "notes.json").write_text("[1, 2]")
    (folder / "torn.parquet").write_bytes(b"PAR1")
    return folder


def found(world: Path, name: str, **more: object) -> dict[str, MadeWith]:
    made = find_made_with(open_set(world / "faces"), [name], **more)  # type: ignore[arg-type]
    return {Path(one.path).relative_to(world).as_posix(): one for one in made}


def trained_and_tested(world: Path) -> tuple[str, str]:
    rows = open_set(world / "faces").table("classes").to_pylist()
    by_split = {row["split"]: row["identity"] for row in rows}
    return by_split["train"], by_split["test"]


def test_everything_is_found_beside_the_set_and_by_its_log(world: Path) -> None:
    trained, tested = trained_and_tested(world)
    made = found(world, trained)
    assert {path: (one.kind, one.is_sure) for path, one in made.items()} == {
        "run": ("run", True), "embeddings.parquet": ("embeddings", True), "scores": ("scores", False),
        "hard.parquet": ("table", True), "hard.suspects.parquet": ("table", False),
        "net.json": ("model", False), "gallery.parquet": ("gallery", True),
        "elsewhere/folders": ("export", True), "copy": ("set", True),
    }  # fmt: skip
    of_test = found(world, tested)
    assert (of_test["run"].is_sure, of_test["scores"].is_sure) == (False, True)
    lines = made_with_lines(made.values())
    for words in (
        ["facemodel", "forget", f"{world}/gallery.parquet", trained],
        ["facedata", "forget", f"{world}/copy", trained],
    ):
        assert any(f"`{shlex.join(words)}`" in line for line in lines)


def test_somebody_who_is_not_in_the_set_any_more_is_found_only_by_name(world: Path) -> None:
    trained, _ = trained_and_tested(world)
    gone = found(world, "somebody else")
    assert not gone
    before = (world / "gallery.parquet").read_bytes()
    try:
        forget_person(world / "gallery.parquet", trained)
        assert "gallery.parquet" not in found(world, trained)
    finally:
        (world / "gallery.parquet").write_bytes(before)


def test_places_that_are_named(world: Path, tmp_path: Path) -> None:
    trained, _ = trained_and_tested(world)
    far = tmp_path / "a" / "b" / "run"
    shutil.copytree(world / "run", far)
    made = find_made_with(open_set(world / "faces"), [trained], runs=[str(tmp_path)], galleries=[str(far)])
    assert [one.path for one in made].count(str(far)) == 1
    with pytest.raises(UsageError, match=r"--galleries .*none: there is no such file or folder"):
        find_made_with(open_set(world / "faces"), [trained], galleries=[str(tmp_path / "none")])


def test_an_export_that_is_gone_is_still_told(world: Path) -> None:
    trained, _ = trained_and_tested(world)
    moved = (world / "elsewhere").rename(world / "moved")
    try:
        one = found(world, trained)["elsewhere/folders"]
        assert not one.is_sure
        assert "is there no more" in one.why
    finally:
        moved.rename(world / "elsewhere")


@pytest.fixture
def spoiled(world: Path, tmp_path: Path) -> Path:
    """Return a folder with a set and files of every kind that hold what they should not."""
    folder = tmp_path / "world"
    shutil.copytree(world / "faces", folder / "faces")
    for name, text in {
        "run/spec.json": "[]", "scores/scores.json": "{", "export/facedata-export.json": '{"people": 3}',
        "net.json": '{"classes": 5}', "net.onnx": "", "set/dataset.json": "{}", "set/photos.parquet": "PAR1",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    with (folder / "faces" / "log.jsonl").open("a") as log:
        log.write('{"event": "export"}\n{"event": "export", "path": 3, "format": []}\nno JSON\n[]\n')
    return folder


def test_files_that_hold_what_they_should_not_say_nothing(spoiled: Path) -> None:
    trained, _ = trained_and_tested(spoiled)
    made = find_made_with(open_set(spoiled / "faces"), [trained])
    assert [one.path for one in made if one.path.startswith(str(spoiled))] == []
    json.dumps([vars(one) for one in made])
