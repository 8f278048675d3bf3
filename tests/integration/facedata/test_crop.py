"""`facedata crop`: byte-equal to `prepare`, nothing written when photos are lost, safe when killed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facedata import (
    ClassManifest,
    PreparedSet,
    crop_set,
    open_set,
    pairs_set,
    prepare,
    split_set,
    triplets_set,
)
from facedata.config import TEMPLATES
from facedata.crops.arcface112 import arcface112
from facedata.crops.cut import make_shape
from facedata.errors import OtherSettingsError, PhotosLostError, SetError, SourceError, UsageError
from facedata.sources.demo import DemoSource
from facedata.testing import FakeDetector, MarkedFace, marked_folder, marked_image
from facedata.types import Face, UInt8Image
from tests.support.facedata_command import done, here
from tests.support.inline_engine import inline
from tests.support.set_bytes import events, set_bytes
from tests.support.shared_data import SHARED, needs_shared

_WITH_WORKERS = {"test_real_photos_and_faces_equal_prepare"}


@pytest.fixture(autouse=True)
def _in_this_process(request: pytest.FixtureRequest) -> Iterator[None]:
    without_workers = request.node.originalname not in _WITH_WORKERS
    with inline() if without_workers else contextlib.nullcontext():
        yield


SOME = {"splits": "train=0.5,test=0.5", "workers": 1}


def made(source: Any, out: Path | str, detector: Any = FakeDetector, **options: Any) -> PreparedSet:
    return prepare(source, out, detector=detector, **{**SOME, **options})


def write(file: Path, faces: Sequence[MarkedFace], seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(marked_image(150, 130, faces, seed)).save(file, "PNG")


def mixed_folder(folder: Path) -> Path:
    """Kept photos, and one of each sort that is not: twins, a lone photo, nobody, damaged, excluded …"""
    marked_folder(folder, people=6, photos=5)
    shutil.copy(folder / "person-00/00.png", folder / "person-00/00-again.png")
    shutil.copy(folder / "person-01/01.png", folder / "person-02/01-too.png")
    write(folder / "lone/1.png", [MarkedFace((30, 20, 90, 100), 7.0)], 900)
    write(folder / "person-03/nobody.png", [], 901)
    write(folder / "person-03/unsure.png", [MarkedFace((30, 20, 90, 100), 7.0, 0.5)], 902)
    write(folder / "person-03/edge.png", [MarkedFace((-20, -10, 40, 60), 25.0)], 903)
    write(folder / "person-04/two.png", [MarkedFace((5, 5, 50, 60)), MarkedFace((70, 20, 140, 110))], 904)
    (folder / "person-04/broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "person-04/clip.mp4").write_bytes(b"")
    write(folder / "stray.png", [MarkedFace((30, 20, 90, 100))], 905)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed_folder(tmp_path_factory.mktemp("mixed") / "photos")


@pytest.fixture(scope="module")
def exclusion(mixed: Path) -> Path:
    file = mixed.parent / "exclude.txt"
    file.write_text("person-05/02.png\n")
    return file


@pytest.fixture(scope="module")
def prepared(mixed: Path, exclusion: Path) -> Callable[[str], Path]:
    """Return the set of a template, prepared once."""

    def of(template: str) -> Path:
        out = mixed.parent / f"prepared-{template}"
        if not out.exists():
            made(mixed, out, template=template, min_photos=2, exclude=str(exclusion), reference="*00*")
        return out

    return of


@pytest.mark.parametrize(("start", "to"), [*permutations(TEMPLATES, 2)])
def test_every_template_from_every_other_equals_prepare(
    prepared: Callable[[str], Path], tmp_path: Path, start: str, to: str
) -> None:
    cropped = crop_set(prepared(start), tmp_path / "out", template=to, workers=2)
    assert set_bytes(tmp_path / "out") == set_bytes(prepared(to))
    assert cropped.size_px == make_shape(to).size_px
    assert set(cropped.info["counts"]["status"]) >= {"kept", "duplicate", "too_few", "excluded", "no_face"}


def test_sizes_and_margins_equal_prepare(
    mixed: Path, exclusion: Path, prepared: Callable[[str], Path], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"template": "square", "size": 64, "margin": 0.25}
    crop_set(prepared("arcface112"), tmp_path / "cropped", workers=1, **options)
    rest = {"min_photos": 2, "exclude": str(exclusion), "reference": "*00*"}
    made(mixed, tmp_path / "prepared", **options, **rest)
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "prepared")


def test_ids_splits_and_rows_stay_and_matrices_are_the_templates(
    prepared: Callable[[str], Path], tmp_path: Path
) -> None:
    before = open_set(prepared("square"))
    after = crop_set(prepared("square"), tmp_path / "out", template="arcface112", workers=1)
    same = ["id", "path", "identity", "label", "role", "split", "photo"]
    assert after.table("classes", same).equals(before.table("classes", same))
    for kind in ("pairs", "triplets"):
        assert after.table(kind).to_pydict() == before.table(kind).to_pydict()
    assert after.fingerprint != before.fingerprint
    for row in after.table("photos").to_pylist():
        assert (row["matrix"] is None) == (row["landmarks"] is None)
        if row["matrix"] is not None:
            points = np.array(row["landmarks"], np.float32).reshape(5, 2)
            face = Face(np.array(row["box"], np.float32), 1.0, points)
            assert row["matrix"] == arcface112(face).matrix.ravel().tolist()


class CentreDetector(FakeDetector):
    """Finds one face about the middle of whatever it is shown, at any size."""

    def detect(self, images: Sequence[UInt8Image], rules: object = None) -> list[list[Face]]:
        """Return that face."""
        return [[self._face(image.shape[1], image.shape[0])] for image in images]

    def _face(self, width: int, height: int) -> Face:
        side = 0.4 * min(width, height)
        box = np.array([0.3 * width, 0.3 * height, 0.3 * width + side, 0.3 * height + 1.2 * side])
        points = np.array([(0.3, 0.45), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.7, 0.78)])
        return Face(box.astype(np.float32), 0.99, (box[:2] + side * points).astype(np.float32))


def a_table(folder: Path) -> Path:
    """A CSV of given boxes: two faces in one photo, another column, a photo that is not there."""
    lines = ["path,identity,box,split,consent"]
    for number in range(8):
        faces = [MarkedFace((5, 5, 55, 65), 5.0), MarkedFace((70, 20, 140, 110), -9.0)]
        write(folder / f"group/{number}.png", faces, number)
        for person, (box, _, _) in zip(("anna", "ben"), faces, strict=True):
            lines.append(f'group/{number}.png,{person},"{list(box)}",train,{"yes" if number % 2 else "no"}')
    lines += ['group/gone.png,anna,"[1,2,30,40]",train,no', 'group/0.png,cleo,"[70,20,140,110]",test,no']
    table = folder / "boxes.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def an_lfw(folder: Path) -> Path:
    """Four people with official pairs."""
    for person in range(4):
        for number in (1, 2, 3):
            name = f"P_{person}"
            face = MarkedFace((40, 25, 100 + number, 105), 4.0 * person)
            write(folder / name / f"{name}_{number:04d}.png", [face], 10 * person + number)
    for split, (one, other) in {"Train": (0, 1), "Test": (2, 3)}.items():
        lines = ["1", f"P_{one}\t1\t2", f"P_{one}\t3\tP_{other}\t2"]
        (folder / f"pairsDev{split}.txt").write_text("\n".join(lines) + "\n")
    return folder


def a_celeba_zip(folder: Path) -> Path:
    """Twelve photos of three people, with the partition."""
    folder.mkdir(parents=True)
    file = folder / "celeba.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(12):
            photo = folder / "one.png"
            write(photo, [MarkedFace((40, 25, 100, 105), 3.0 * number)], number)
            archive.write(photo, f"img_align_celeba/{number:06d}.png")
        names = [f"{number:06d}.png" for number in range(12)]
        archive.writestr("identity_CelebA.txt", "".join(f"{n} {i % 3}\n" for i, n in enumerate(names)))
        archive.writestr("list_eval_partition.txt", "".join(f"{n} {i % 3}\n" for i, n in enumerate(names)))
    return file


def two_roots(folder: Path) -> list[str]:
    marked_folder(folder / "one", people=3, photos=3)
    marked_folder(folder / "two, three", people=3, photos=3, seed=1)
    return [f"a={folder / 'one'}", f"b={folder / 'two, three'}"]


@pytest.mark.parametrize(
    ("kind", "make", "options"),
    [
        ("table", a_table, {"split_by": "official"}),
        ("table", lambda folder: [a_table(folder), folder], {}),
        ("lfw", an_lfw, {}),
        ("celeba", a_celeba_zip, {"split_by": "official"}),
        ("folder", two_roots, {"split_by": "photo"}),
        ("folder", two_roots, {"store": "tar"}),
    ],
    ids=["table", "table-and-folder", "lfw", "celeba-zip", "two-roots", "tars"],
)
def test_every_kind_of_source_equals_prepare(
    tmp_path: Path, kind: str, make: Callable[[Path], Any], options: dict[str, Any]
) -> None:
    source = make(tmp_path / "source")
    for template in ("square", "arcface112"):
        made(source, tmp_path / template, CentreDetector, kind=kind, template=template, **options)
    assert open_set(tmp_path / "square").info["counts"]["status"]["kept"] >= 12
    crop_set(tmp_path / "square", tmp_path / "cropped", template="arcface112", workers=1)
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "arcface112")
    crop_set(tmp_path / "cropped", tmp_path / "back", template="square", workers=1)
    assert set_bytes(tmp_path / "back") == set_bytes(tmp_path / "square")


def test_tables_of_several_row_groups_are_carried_over_byte_for_byte(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=60)
    for template in ("square", "arcface112"):
        made(tmp_path / "photos", tmp_path / template, template=template, size=32, triplets_per_photo=2_000)
    triplets = pd.read_parquet(tmp_path / "square/triplets.parquet", columns=["split"])
    assert triplets.split.value_counts().max() > 131_072  # of one split, more than a row group
    crop_set(tmp_path / "square", tmp_path / "cropped", template="arcface112", size=32, workers=1)
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "arcface112")


def test_what_was_divided_and_drawn_anew_stays_so(mixed: Path, tmp_path: Path) -> None:
    for template in ("square", "arcface112"):
        out = tmp_path / template
        made(mixed, out, template=template)
        split_set(out, splits="train=0.4,val=0.3,test=0.3", seed=5)
        pairs_set(out, strategy="all")
        triplets_set(out, count=77, seed=9)
    crop_set(tmp_path / "square", tmp_path / "cropped", template="arcface112", workers=1)
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "arcface112")


def test_a_rerun_of_prepare_finds_nothing_to_do(mixed: Path, tmp_path: Path) -> None:
    made(mixed, tmp_path / "square")
    crop_set(tmp_path / "square", tmp_path / "cropped", template="arcface112", workers=1)
    there = set_bytes(tmp_path / "cropped")
    before = len(events(tmp_path / "cropped"))
    made(mixed, tmp_path / "cropped", template="arcface112")
    assert set_bytes(tmp_path / "cropped") == there
    assert len(events(tmp_path / "cropped")) == before  # a run that has something to do says so there


def test_turned_grey_large_and_odd_photos_equal_prepare(tmp_path: Path) -> None:
    reader = DemoSource().scan().reader
    for number, photo in enumerate(["Amara/03.jpg", "Birgit/02.jpg", "Chidi/05.jpg"]):
        home = tmp_path / f"photos/{number}"
        home.mkdir(parents=True)
        (home / "as-it-is.jpg").write_bytes(reader(photo))
        picture = Image.open(home / "as-it-is.jpg").convert("RGB")
        large = picture.resize((1601 + 400 * number, 2003))  # large enough to be decoded at a smaller size
        turned = Image.Exif()
        turned[0x0112] = 6 + number % 2
        large.save(home / "large.jpg", quality=90, exif=turned)
        picture.convert("CMYK").save(home / "cmyk.jpg")
        large.convert("L").save(home / "grey.png")
        picture.convert("RGBA").save(home / "alpha.webp")
    for template in TEMPLATES:
        made(tmp_path / "photos", tmp_path / template, CentreDetector, template=template)
    for template in ("arcface112", "facenet160"):
        crop_set(tmp_path / "square", tmp_path / f"{template}-cropped", template=template, workers=1)
        assert set_bytes(tmp_path / f"{template}-cropped") == set_bytes(tmp_path / template)


@needs_shared
def test_real_photos_and_faces_equal_prepare(tmp_path: Path) -> None:
    photos = sorted((SHARED / "data/celeba/img_celeba").glob("*.jpg"), key=lambda file: file.stat().st_size)
    for number, photo in enumerate([*photos[::100], photos[-1]]):  # from small to the largest
        home = tmp_path / f"photos/{number % 3}"
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{number}.jpg").symlink_to(photo)
    for template in ("square", "arcface112"):
        prepare(tmp_path / "photos", tmp_path / template, template=template, workers=1)
    crop_set(tmp_path / "square", tmp_path / "cropped", template="arcface112", workers=1)
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "arcface112")
    assert open_set(tmp_path / "cropped").info["counts"]["status"]["kept"] >= 4


def test_a_set_at_a_url_equals_prepare(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="URLs need fsspec")
    marked_folder(tmp_path / "photos", people=4, photos=3)
    url, options = f"memory://{tmp_path.name}", {"store": "tar", "cache": str(tmp_path / "cache")}
    for template in ("square", "arcface112"):
        made(tmp_path / "photos", f"{url}/{template}", template=template, **options)
    for out in (f"{url}/cropped", tmp_path / "cropped"):
        crop_set(f"{url}/square", out, template="arcface112", cache=options["cache"])
        kinds = open_set(out).info["tables"]
        assert kinds == open_set(f"{url}/arcface112").info["tables"]  # the SHA-256 of each table's bytes
        assert {row.image().shape for row in ClassManifest.open(out)} == {(112, 112, 3)}
    marked_folder(tmp_path / "folders-photos", people=4, photos=2)
    made(tmp_path / "folders-photos", tmp_path / "folders")
    with pytest.raises(UsageError, match="tars"):
        crop_set(tmp_path / "folders", f"{url}/refused", template="arcface112")


# what stands in the way


def test_lost_photos_are_listed_and_no_set_is_written(mixed: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(mixed, tmp_path / "photos"))
    out = tmp_path / "cropped"
    done("prepare", "folder", photos, "--out", tmp_path / "faces", "--workers", 1)
    (photos / "person-02/03.png").unlink()
    write(photos / "person-03/01.png", [MarkedFace((30, 20, 90, 100))], 77)
    (photos / "person-03/nobody.png").unlink()  # no crop is cut from it
    arguments = ("crop", tmp_path / "faces", "--template", "arcface112", "--out", out, "--workers", 1)
    finished = here(*arguments)
    assert finished.status == 1
    assert finished.stdout.splitlines() == ["person-02/03.png: gone", "person-03/01.png: changed"]
    assert "2 of the set's photos are gone or changed, such as 'person-02/03.png' (gone)" in finished.stderr
    assert "--source" in finished.stderr
    assert not out.exists()
    in_json = here(*arguments, "--json").stdout
    assert json.loads(in_json)[1] == {"photo": "person-03/01.png", "reason": "changed"}


def test_photos_that_have_moved_are_found_with_source(mixed: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(mixed, tmp_path / "photos"))
    made(photos, tmp_path / "square")
    moved = photos.rename(tmp_path / "moved")
    with pytest.raises(SourceError, match=r"photos.*--source"):
        crop_set(tmp_path / "square", tmp_path / "cropped", template="arcface112", workers=1)
    assert not (tmp_path / "cropped").exists()
    crop = ("crop", tmp_path / "square", "--template", "arcface112", "--out", tmp_path / "cropped")
    done(*crop, "--source", moved, "--workers", 1)
    made(moved, tmp_path / "prepared", template="arcface112")
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "prepared")
    assert open_set(tmp_path / "cropped").info["source"]["root"] == str(moved)


def test_a_table_s_photos_may_move_without_it(tmp_path: Path) -> None:
    table = a_table(tmp_path / "source")
    made(table, tmp_path / "square", CentreDetector, kind="table")
    moved = (tmp_path / "source/group").rename(tmp_path / "elsewhere")
    (tmp_path / "new").mkdir()
    moved.rename(tmp_path / "new/group")
    with pytest.raises(SourceError, match=r"none of the 9 photos .*--source"):
        crop_set(tmp_path / "square", tmp_path / "cropped", template="arcface112", workers=1)
    source = str(tmp_path / "new")
    (tmp_path / "new/group/3.png").rename(tmp_path / "3.png")
    with pytest.raises(PhotosLostError) as lost:
        crop_set(tmp_path / "square", tmp_path / "cropped", source=source, template="arcface112", workers=1)
    assert lost.value.photos == [("group/3.png", "gone")] * 2  # Anna's face in it, and Ben's
    assert not (tmp_path / "cropped").exists()
    (tmp_path / "3.png").rename(tmp_path / "new/group/3.png")
    crop_set(tmp_path / "square", tmp_path / "cropped", source=source, template="arcface112", workers=1)
    made([table, source], tmp_path / "prepared", CentreDetector, kind="table", template="arcface112")
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "prepared")


RUN = """
import sys
from facedata import crop_set
if __name__ == "__main__":
    crop_set(sys.argv[1], sys.argv[2], template="arcface112", workers=1)
"""


def test_a_killed_run_is_no_set_and_a_rerun_finishes_it(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=30, photos=11)  # six shards
    for template in ("square", "arcface112"):
        made(tmp_path / "photos", tmp_path / template, template=template, workers=2)
    out = tmp_path / "cropped"
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path / "square"), str(out)], start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list((out / ".work/parts").glob("[!.]*")) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)  # with its worker, which would write one more part
    assert process.wait() == -signal.SIGKILL
    parts = {file: file.stat().st_mtime_ns for file in (out / ".work/parts").glob("[!.]*")}
    assert not (out / "dataset.json").exists()
    with pytest.raises(SetError, match="not finished: run the same `facedata crop`"):
        open_set(out)
    with pytest.raises(OtherSettingsError, match="cropped_from"):  # its parts are no rows of prepare's
        made(tmp_path / "photos", out, template="arcface112")
    with pytest.raises(OtherSettingsError, match=r"template: 'arcface112' before, 'facenet160' now"):
        crop_set(tmp_path / "square", out, template="facenet160", workers=1)
    half = min((out / "crops").rglob("*.jpg"))  # of the first part, which had been written down
    half.write_bytes(half.read_bytes()[:100])  # as a power cut may leave it
    crop_set(tmp_path / "square", out, template="arcface112", workers=2)
    assert set_bytes(out) == set_bytes(tmp_path / "arcface112")
    pending = [event["pending"] for event in events(out) if event["event"] == "start"]
    assert pending[0] == 330
    assert pending[1] == 330 - 64 * (len(parts) - 1)


def test_an_output_that_holds_something_else_is_refused(
    mixed: Path, prepared: Callable[[str], Path], tmp_path: Path
) -> None:
    faces = Path(shutil.copytree(prepared("square"), tmp_path / "faces"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/letter.txt").write_text("dear")
    with pytest.raises(SetError, match="holds no prepared set"):
        crop_set(faces, tmp_path / "other", template="arcface112", overwrite=True)
    for out in (faces, faces / "crops112"):
        with pytest.raises(UsageError, match="choose another --out"):
            crop_set(faces, out, template="arcface112", overwrite=True)
    with pytest.raises(UsageError, match="lies in the output"):
        crop_set(faces, tmp_path, template="arcface112", overwrite=True)
    assert set_bytes(faces) == set_bytes(prepared("square"))


def test_a_finished_set_is_left_alone_or_made_anew(
    mixed: Path, prepared: Callable[[str], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faces, out = Path(shutil.copytree(prepared("square"), tmp_path / "faces")), tmp_path / "cropped"
    crop_set(faces, out, template="arcface112", workers=1)
    there = set_bytes(out)
    with caplog.at_level("INFO", "facedata"):
        crop_set(faces, out, template="arcface112", workers=1)
    assert "nothing to do" in caplog.text
    with pytest.raises(OtherSettingsError, match=r"size: 112 before, 96 now"):
        crop_set(faces, out, template="arcface112", size=96, workers=1)
    split_set(faces, splits="train=0.3,test=0.7")
    with pytest.raises(SetError, match="another state of"):
        crop_set(faces, out, template="arcface112", workers=1)
    assert set_bytes(out) == there
    crop_set(faces, out, template="arcface112", overwrite=True, workers=1)
    assert open_set(out).table("classes", ["split"]).equals(open_set(faces).table("classes", ["split"]))
    victim = next((out / "crops").rglob("*.jpg"))
    victim.unlink()
    with pytest.raises(SetError, match="is damaged"):
        crop_set(faces, out, template="arcface112", workers=1)


@pytest.mark.parametrize("template", ["arcface112", "facenet160"])
@pytest.mark.parametrize("command", ["crop", "prepare"])
def test_a_margin_is_for_square_only(template: str, command: str, tmp_path: Path, mixed: Path) -> None:
    source = ["folder", mixed] if command == "prepare" else [mixed]
    finished = here(command, *source, "--template", template, "--margin", "0.1", "--out", tmp_path / "out")
    assert finished.status == 2
    assert f"--margin 0.1: the template {template} has a fixed margin" in finished.error
    assert not (tmp_path / "out").exists()


def test_a_set_that_is_no_set_is_refused(mixed: Path, tmp_path: Path) -> None:
    finished = here("crop", mixed, "--template", "arcface112", "--out", tmp_path / "out")
    assert finished.status == 1
    assert "holds no prepared set" in finished.error
    assert not (tmp_path / "out").exists()
