"""``evaluate --pairs FILE``: a user's own list of pairs, in the forms that people have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import ClassManifest, prepare
from facedata.config import SplitConfig
from facedata.errors import FacedataError, SourceError, UsageError
from facedata.testing import FakeDetector
from facemodel.commands.evaluate import evaluate
from facemodel.errors import DataError
from tests.support.colour_embedder import ColourEmbedder
from tests.support.colour_people import photo
from tests.support.small_set import make_set

Pairs = list[tuple[str, str, bool]]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "faces"
    people = {f"p{number:02d}": 3 for number in range(30)}
    make_set(folder, people, split=SplitConfig(splits="test=0.6,train=0.2,val=0.2"))
    return folder


def some_pairs(folder: Path, split: str = "test") -> Pairs:
    """Three times as many pairs of two people as of one."""
    rows = list(ClassManifest.open(folder, split=split))
    rng, found = np.random.default_rng(0), Pairs()
    for one in rows[::2]:
        others = [row for row in rows if row.identity != one.identity]
        found += [
            (one.photo, others[int(at)].photo, False) for at in rng.choice(len(others), 3, replace=False)
        ]
        mate = next(row for row in rows if row.identity == one.identity and row.id != one.id)
        found.append((one.photo, mate.photo, True))
    return found


def as_csv(pairs: Pairs, file: Path, folder: Path) -> Path:
    file = file.with_suffix(".csv")
    file.write_text("path1,path2,label\n" + "".join(f"{a},{b},{int(same)}\n" for a, b, same in pairs))
    return file


def as_parquet(pairs: Pairs, file: Path, folder: Path) -> Path:
    left, right, same = zip(*pairs, strict=True)
    pq.write_table(pa.table({"left": left, "right": right, "same": same}), file.with_suffix(".parquet"))
    return file.with_suffix(".parquet")


def as_crops(pairs: Pairs, file: Path, folder: Path) -> Path:
    crop = {row.photo: row.path for row in ClassManifest.open(folder)}
    return as_csv([(crop[a], crop[b], same) for a, b, same in pairs], file, folder)


def as_ids(pairs: Pairs, file: Path, folder: Path) -> Path:
    ids = {row.photo: row.id for row in ClassManifest.open(folder)}
    return as_csv([(str(ids[a]), str(ids[b]), same) for a, b, same in pairs], file, folder)


@pytest.mark.parametrize("write", [as_csv, as_parquet, as_crops, as_ids])
def test_own_pairs_are_scored_as_they_are(
    faces: Path, tmp_path: Path, write: Callable[[Pairs, Path, Path], Path]
) -> None:
    pairs = some_pairs(faces)
    found = evaluate(
        ColourEmbedder(), faces, tmp_path / "scores", pairs=str(write(pairs, tmp_path / "own", faces))
    )
    assert (found["pairs"]["genuine"], found["pairs"]["impostors"]) == (27, 81)
    assert found["pairs_left_out"] == []
    ids = {row.photo: row.id for row in ClassManifest.open(faces)}
    scored = pq.read_table(tmp_path / "scores" / "scores.parquet").to_pylist()
    assert [(row["left"], row["right"], row["same"]) for row in scored] == [
        (ids[a], ids[b], same) for a, b, same in pairs
    ]
    # never on the pairs that are scored
    assert found["figures"]["euclidean"]["threshold"]["from"] == "val pairs"


def test_lfws_format(tmp_path: Path) -> None:
    for name, colour in (("Ann_Lee", (200, 40, 40)), ("Bo", (40, 200, 40))):
        for number in (1, 2, 3):
            photo(tmp_path / "photos" / name / f"{name}_{number:04d}.png", [colour], number)
    faces = tmp_path / "faces"
    prepare(tmp_path / "photos", faces, size=64, workers=1, detector=FakeDetector, splits="test=1.0")
    (tmp_path / "pairs.txt").write_text(
        "2\nAnn_Lee\t1\t2\nBo\t1\t3\nAnn_Lee\t1\tBo\t1\nBo\t2\tAnn_Lee\t2\nBo\t2\tAnn_Lee\t9\n"
    )
    found = evaluate(ColourEmbedder(), faces, None, pairs=str(tmp_path / "pairs.txt"))
    assert (found["pairs"]["genuine"], found["pairs"]["impostors"]) == (2, 2)
    assert found["pairs_left_out"] == [["Bo/Bo_0002", "Ann_Lee/Ann_Lee_0009"]]


def test_photos_that_are_not_in_the_set_are_counted_and_named(faces: Path, tmp_path: Path) -> None:
    pairs = some_pairs(faces)
    more = [("nobody/1.png", pairs[0][0], False), ("nobody/1.png", "nobody/2.png", True)]
    file = as_csv(pairs[:5] + more + pairs[5:], tmp_path / "own", faces)
    found = evaluate(ColourEmbedder(), faces, tmp_path / "scores", pairs=str(file))
    assert found["pairs"]["genuine"] + found["pairs"]["impostors"] == len(pairs)
    assert found["pairs_left_out"] == [list(pair[:2]) for pair in more]
    (note,) = [note for note in found["notes"] if "left out" in note]
    assert note.startswith(f"2 of the {len(pairs) + 2} pairs of the file are left out")
    assert "(nobody/1.png, nobody/2.png)" in note
    assert note in (tmp_path / "scores" / "scores.md").read_text()
    assert json.loads((tmp_path / "scores" / "scores.json").read_text())["pairs_left_out"]


def test_pairs_of_other_splits_are_not_scored_and_said(faces: Path, tmp_path: Path) -> None:
    mine, theirs = some_pairs(faces), some_pairs(faces, "train")
    mixed = [(mine[0][0], theirs[0][0], False)]
    file = as_csv(mine + theirs + mixed, tmp_path / "own", faces)
    found = evaluate(ColourEmbedder(), faces, None, pairs=str(file))
    assert found["pairs"]["genuine"] + found["pairs"]["impostors"] == len(mine)
    notes = " ".join(found["notes"])
    assert (
        f"only the file's pairs of the split test are scored: there are also {len(theirs)} of train" in notes
    )
    assert "1 of the" in notes
    assert "in two splits" in notes
    file = as_csv(theirs, tmp_path / "own", faces)
    with pytest.raises(
        DataError, match=f"no pair of the split test, but {len(theirs)} of train: name another"
    ):
        evaluate(ColourEmbedder(), faces, None, pairs=str(file))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda a, b: f"{a},{b},perhaps", SourceError, "line 2: 'perhaps'"),
        (lambda a, b: f"{a},{b},1", SourceError, "line 2: it contradicts the set"),
        (lambda a, b: f"{a},{a},1", SourceError, "line 2: its two photos are one and the same"),
    ],
)
def test_pairs_that_cannot_be_are_refused_with_the_line(
    faces: Path, tmp_path: Path, change: Callable[[str, str], str], error: type[FacedataError], text: str
) -> None:
    a, b, _ = next(pair for pair in some_pairs(faces) if not pair[2])
    (tmp_path / "own.csv").write_text(f"left,right,same\n{change(a, b)}\n")
    with pytest.raises(error, match=text):
        evaluate(ColourEmbedder(), faces, None, pairs=str(tmp_path / "own.csv"))


@pytest.mark.parametrize(("name", "error"), [("lfw.bin", UsageError), ("none.csv", SourceError)])
def test_what_is_not_read_says_so(faces: Path, tmp_path: Path, name: str, error: Any) -> None:
    with pytest.raises(error, match=name.replace(".", r"\.")):
        evaluate(ColourEmbedder(), faces, None, pairs=str(tmp_path / name))
