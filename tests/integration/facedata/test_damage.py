"""Sets as every source and command make them have no damage; a rerun mends the damage that is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facedata import crop_set, open_set, pairs_set, split_set, triplets_set
from facedata.errors import NothingKeptError
from facedata.testing import MarkedFace
from tests.support.damaged_sets import kinds, look, of_kind
from tests.support.inline_engine import inline
from tests.support.marked_photos import FACE, prepare_marked, write_marked
from tests.support.set_bytes import set_bytes
from tests.support.version_1 import make_version_1

PEOPLE = {"Ann": 4, "Bob": 3, "Cy": 3, "Di_O'Hara": 2, "Zoë Ö": 2, "Eve": 1}
TABLES = ("photos", "classes", "pairs", "triplets")
_OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "tar": {"store": "tar"},
    "by photo": {"split_by": "photo"},
    "three splits": {"splits": "train=0.4,val=0.3,test=0.3"},
    "no split is called train": {"splits": "a=0.5,b=0.5"},
    "stable": {"splits": "train=0.5,test=0.5", "stable": True},
    "few photos": {"min_photos": 3},
    "references": {"reference": "*_0001*"},
    "all pairs": {"pairs": "all", "triplets_per_photo": 0},
    "capped": {"max_per_person": 2, "seed": 4},
    "another template": {"template": "arcface112"},
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People as LFW has them; beside them photos that are not kept, and one that is there twice."""
    folder = tmp_path_factory.mktemp("source") / "lfw"
    for seed, (name, count) in enumerate(PEOPLE.items()):
        for number in range(1, count + 1):
            write_marked(folder / name / f"{name}_{number:04d}.jpg", seed=10 * seed + number)
    write_marked(folder / "Bob" / "Bob_0009.jpg", seed=99, faces=())
    write_marked(folder / "Bob" / "Bob_0008.jpg", seed=98, faces=(FACE, MarkedFace((2, 2, 20, 24), 0.0, 0.5)))
    shutil.copy(folder / "Ann" / "Ann_0001.jpg", folder / "Ann" / "again.jpg")
    (folder / "Cy" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "Cy" / "film.mp4").write_bytes(bytes(100))
    return folder


@pytest.fixture(scope="module")
def plain(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of them, not to be changed."""
    out = tmp_path_factory.mktemp("sets") / "plain"
    prepare_marked(photos, out, size=64)
    return out


@pytest.fixture
def faces(plain: Path, tmp_path: Path) -> Path:
    """The same set, which may be changed."""
    return Path(shutil.copytree(plain, tmp_path / "faces"))


@pytest.mark.parametrize("options", _OPTIONS.values(), ids=_OPTIONS)
def test_a_folder_s_set_has_no_damage(options: dict[str, Any], photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set", **{"size": 64, **options})
    damage = look(tmp_path / "set")
    assert damage.findings == []
    assert damage.classes is not None
    assert damage.classes.num_rows > 10


def test_nor_has_one_of_schema_version_1(faces: Path) -> None:
    make_version_1(faces)
    assert open_set(faces).info["schema_version"] == 1
    assert look(faces).findings == []
    triplets_set(faces)
    assert look(faces).findings == []


_LFW = {
    "pairsDevTrain.txt": "1\nAnn\t1\t3\nAnn\t2\tBob\t1\n",
    "pairsDevTest.txt": "1\nCy\t1\t2\nCy\t1\tDi_O'Hara\t2\n",
    "pairs.txt": "2\t1\nAnn\t1\t2\nAnn\t2\tBob\t9\nCy\t1\t2\nCy\t2\tZoë Ö\t1\n",
}


@pytest.mark.parametrize("view", [1, 2])
def test_nor_has_lfw_however_it_is_divided(view: int, photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(photos, source / "lfw")
    (source / "protocol").mkdir()
    for name, lines in _LFW.items():
        (source / "protocol" / name).write_text(lines, encoding="utf-8")
    out = tmp_path / "set"
    counts = prepare_marked(source, out, kind="lfw", view=view, size=64).info["counts"]
    assert counts["pairs"]["strategy"] == "official"
    assert look(out).findings == []
    split_set(out, splits="train=0.5,test=0.5")  # now some official pairs lie across the splits
    assert look(out).findings == []
    pairs_set(out)
    assert look(out).findings == []
    (out / "protocol.parquet").unlink()
    assert any("protocol.parquet is not there" in one.why for one in look(out).findings)


def test_nor_has_celeba(photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    files = sorted(photos.rglob("*_000*.jpg"))
    people, partition = [], []
    for number, file in enumerate(files, 1):
        (source / "img_celeba").mkdir(parents=True, exist_ok=True)
        shutil.copy(file, source / "img_celeba" / f"{number:06d}.jpg")
        person = list(PEOPLE).index(file.parent.name)
        people.append(f"{number:06d}.jpg {person + 1}")
        partition.append(f"{number:06d}.jpg {person % 3}")
    (source / "identity_CelebA.txt").write_text("\n".join(people), encoding="utf-8")
    (source / "list_eval_partition.txt").write_text("\n".join(partition), encoding="utf-8")
    prepare_marked(source, tmp_path / "set", kind="celeba", split_by="official", size=64)
    damage = look(tmp_path / "set")
    assert damage.findings == []
    assert damage.classes is not None
    assert len(damage.classes.column("split").unique()) == 3


def test_an_official_split_of_each_person_s_photos_is_a_note(photos: Path, tmp_path: Path) -> None:
    for file in photos.rglob("*_000?.jpg"):
        home = "test" if file.stem.endswith("2") else "train"
        (tmp_path / "source" / home / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / "source" / home / file.parent.name)
    prepare_marked(tmp_path / "source", tmp_path / "set", split_from="^(train|test)/", size=64)
    (finding,) = look(tmp_path / "set").findings
    assert (finding.kind.value, finding.severity.value) == ("person_in_two_splits", "note")


def _pairs_from_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(
        "left,right,same\nAnn/Ann_0001.jpg,Ann/Ann_0002.jpg,1\nAnn/Ann_0001.jpg,Bob/Bob_0001.jpg,0\n",
        encoding="utf-8",
    )
    pairs_set(folder, from_file=tmp_path / "pairs.csv")


_REDRAWN: dict[str, Callable[[Path, Path], object]] = {
    "split by photo": lambda folder, _: split_set(folder, split_by="photo"),
    "split stable": lambda folder, _: split_set(folder, stable=True, seed=3),
    "pairs all": lambda folder, _: pairs_set(folder, strategy="all"),
    "pairs of one split": lambda folder, _: pairs_set(folder, split="test", strategy="all"),
    "pairs of a file": _pairs_from_a_file,
    "triplets": lambda folder, _: triplets_set(folder, count=7, uniform="people"),
}


@pytest.mark.parametrize("redraw", _REDRAWN.values(), ids=_REDRAWN)
def test_nor_has_a_set_that_was_drawn_again(
    redraw: Callable[[Path, Path], object], faces: Path, tmp_path: Path
) -> None:
    before = set_bytes(faces)
    redraw(faces, tmp_path)
    assert set_bytes(faces) != before
    assert look(faces).findings == []


def test_nor_has_a_set_with_other_crops(plain: Path, photos: Path, tmp_path: Path) -> None:
    with inline():
        crop_set(plain, tmp_path / "set", template="arcface112", source=photos)
    assert look(tmp_path / "set").findings == []


def test_nor_has_a_set_that_grew_and_shrank(photos: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(photos, tmp_path / "lfw"))
    prepare_marked(source, tmp_path / "set", size=64)
    write_marked(source / "Fay" / "Fay_0001.jpg", seed=200)
    write_marked(source / "Bob" / "Bob_0000.jpg", seed=201)
    (source / "Ann" / "Ann_0001.jpg").unlink()
    prepare_marked(source, tmp_path / "set", size=64)
    assert look(tmp_path / "set").findings == []


def test_nor_has_a_set_of_which_no_photo_was_kept(tmp_path: Path) -> None:
    write_marked(tmp_path / "source" / "ann" / "1.png", faces=())
    with pytest.raises(NothingKeptError):
        prepare_marked(tmp_path / "source", tmp_path / "set", size=64)
    damage = look(tmp_path / "set")
    assert damage.findings == []
    assert damage.classes is not None
    assert damage.classes.num_rows == 0


@pytest.mark.parametrize("kind", ["lfw", "folder"])
def test_nor_has_a_corrected_set(kind: str, photos: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(photos, tmp_path / "source" / "lfw")).parent
    for name, listed in _LFW.items():
        (source / name).write_text(listed, encoding="utf-8")
    corrections = tmp_path / "corrections.csv"
    lines = ["action,photo,identity,to_identity,note"]
    for action, photo, name, other in (
        ("drop", "Ann/Ann_0004.jpg", "", ""),
        ("move", "Ann/Ann_0003.jpg", "", "Bob"),
        ("move", "Cy/Cy_0001.jpg", "", "Ann"),
        ("merge", "", "Di_O'Hara", "Eve"),
        ("keep", "Bob/Bob_0001.jpg", "", ""),
        ("distinct", "", "Ann", "Bob"),
    ):
        lines.append(
            ",".join([action, f"lfw/{photo}" if photo and kind == "lfw" else photo, name, other, ""])
        )
    corrections.write_text("\n".join(lines), encoding="utf-8")
    prepare_marked(
        source if kind == "lfw" else source / "lfw",
        tmp_path / "set",
        kind=kind,
        corrections=(str(corrections),),
        size=64,
    )
    assert (tmp_path / "set" / "corrections.parquet").is_file()
    assert look(tmp_path / "set").findings == []
    (tmp_path / "set" / "corrections.parquet").unlink()
    assert any("corrections.parquet is not there" in one.why for one in look(tmp_path / "set").findings)


@pytest.mark.parametrize("kind", TABLES)
def test_a_rerun_mends_a_table_as_is_said(kind: str, faces: Path, photos: Path) -> None:
    before = set_bytes(faces)
    file = faces / f"{kind}.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    torn = of_kind(look(faces), "table_torn")
    assert torn
    assert all("run the command that made the set again" in one.why for one in torn)
    prepare_marked(photos, faces, size=64)
    assert kinds(faces) == set()
    assert set_bytes(faces) == before
