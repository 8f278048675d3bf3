"""Probabilities, templates and discards through evaluate: what is scored, written, shown and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from facedata import ClassManifest
from facedata.config import SplitConfig
from facedata.errors import SourceError, UsageError
from facemodel.cards.evaluation import read_evaluation
from facemodel.commands.evaluate import evaluate
from facemodel.errors import DataError
from facemodel.scoring.open_set import summarise_validation
from tests.support.colour_embedder import ColourEmbedder
from tests.support.small_set import make_set


def picture(path: str, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Each person has a colour, and each photo another shade of it: some people are alike."""
    rng = np.random.default_rng([int(path[1:3]), 7])
    shade = np.random.default_rng(number).normal(0, 22, 3)
    return np.full((24, 24, 3), np.clip(rng.uniform(60, 200, 3) + shade, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "faces"
    people = {f"p{number:02d}": 6 for number in range(60)}
    make_set(folder, people, split=SplitConfig(splits="test=0.5,train=0.1,val=0.4"), picture=picture)
    return folder


def spec_of(faces: Path, **changes: Any) -> ColourEmbedder:
    """A model that validated on the val people of the set, and was not trained on it."""
    model = ColourEmbedder(normalised=False, metric="euclidean")
    rows = list(ClassManifest.open(faces, split="val"))
    embeddings = np.concatenate([model.embed(row.image()[None]) for row in rows])
    person = np.unique([row.identity for row in rows], return_inverse=True)[1].astype(np.int64)
    known = summarise_validation(embeddings, person, "euclidean", unseen=True)
    return ColourEmbedder(normalised=False, metric="euclidean", threshold=0.3, validation=known)


def test_a_model_without_one_gets_it_from_the_val_pairs_photos(faces: Path, tmp_path: Path) -> None:
    found = evaluate(ColourEmbedder(), faces, tmp_path / "scores")["calibration"]
    assert (found["from"], found["metric"], found["prior"]) == ("val pairs", "euclidean", 0.5)
    assert 0 <= found["error"] < 0.12
    assert found["interval"][0] <= found["debiased"] <= found["interval"][1]
    assert sum(one["pairs"] for one in found["bins"]) == len(
        pq.read_table(tmp_path / "scores/scores.parquet")
    )
    assert (tmp_path / "scores/calibration.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "scores/report.html").read_text()
    assert "share that shows one person" in page
    assert "calibration error" in (tmp_path / "scores/scores.md").read_text()


def test_its_own_comes_first_and_decides_alike(faces: Path) -> None:
    model = spec_of(faces)
    found = evaluate(model, faces, None)["calibration"]
    assert found["from"] == "model"
    assert model.spec.validation is not None
    assert model.spec.validation.calibration is not None
    assert found["sentence"] == model.spec.validation.calibration.describe()
    assert found["error"] == pytest.approx(
        evaluate(ColourEmbedder(), faces, None)["calibration"]["error"], abs=0.05
    )


def test_a_threshold_of_an_earlier_version_brings_no_probability(faces: Path) -> None:
    found = evaluate(ColourEmbedder(normalised=True, threshold=0.3), faces, None)["calibration"]
    assert found["error"] is None
    assert "keep-threshold" in found["sentence"]


def test_a_pair_head_is_judged_as_it_is(faces: Path) -> None:
    found = evaluate(ColourEmbedder(pairs=True), faces, None)["calibration"]
    assert (found["from"], found["metric"]) == ("head", "head")
    assert found["error"] > 0


def template_files(faces: Path, folder: Path) -> tuple[Path, Path, dict[str, list[Any]]]:
    """Two templates of each test person, of three photos of which two are one medium."""
    photos: dict[str, list[Any]] = {}
    for row in ClassManifest.open(faces, split="test"):
        photos.setdefault(row.identity, []).append(row)
    lines, pairs, templates = [], [], {}
    for number, (_, rows) in enumerate(photos.items()):
        for half in (0, 1):
            mine = templates[f"{2 * number + half}"] = rows[3 * half : 3 * half + 3]
            lines += [
                f"{row.photo} {2 * number + half} {row.id if at else mine[1].id}"
                for at, row in enumerate(mine)
            ]
        pairs.append(f"{2 * number} {2 * number + 1} 1")
        pairs.append(f"{2 * number} {(2 * number + 3) % (2 * len(photos))} 0")
    (folder / "tid_mid.txt").write_text("\n".join(lines) + "\n")
    (folder / "label.txt").write_text("\n".join(pairs) + "\n")
    return folder / "tid_mid.txt", folder / "label.txt", templates


def test_templates_are_compared_as_a_loop_does(faces: Path, tmp_path: Path) -> None:
    photos, pairs, templates = template_files(faces, tmp_path)
    model = ColourEmbedder(metric="cosine")
    found = evaluate(model, faces, tmp_path / "scores", templates=str(photos), pairs=str(pairs))
    table = pq.read_table(tmp_path / "scores/scores.parquet").to_pylist()

    def embed(name: str) -> Any:
        units = [model.embed(row.image()[None])[0].astype(np.float64) for row in templates[name]]
        units = [one / np.linalg.norm(one) for one in units]
        whole = (units[0] + units[1]) / 2 + units[2]  # the first two are one medium
        return whole / np.linalg.norm(whole)

    lines = [line.split() for line in pairs.read_text().splitlines()]
    assert len(table) == len(lines) == found["pairs"]["genuine"] + found["pairs"]["impostors"]
    for row, (left, right, same) in zip(table, lines, strict=True):
        assert (row["left_template"], row["right_template"], row["same"]) == (left, right, same == "1")
        assert row["left"] == templates[left][0].id
        assert row["cosine"] == pytest.approx(float(embed(left) @ embed(right)), abs=1e-5)
    assert any("3.0 photos on average" in note for note in found["notes"])


def test_templates_lose_photos_and_pairs_that_are_not_there(faces: Path, tmp_path: Path) -> None:
    photos, pairs, _ = template_files(faces, tmp_path)
    photos.write_text(photos.read_text() + "photos/lost.jpg 999 1\nphotos/lost.jpg 0 2\n")
    pairs.write_text(pairs.read_text() + "0 999 0\n")
    found = evaluate(ColourEmbedder(), faces, None, templates=str(photos), pairs=str(pairs))
    assert found["pairs_left_out"] == [["0", "999"]]
    assert any("photos/lost.jpg" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("more", "why", "error"),
    [
        ((None, "0 0 1"), "its two sides are one template", SourceError),
        ((None, "0 1 0"), "contradicts the set", SourceError),
        (("photos/p00/0.jpg 500 1\nphotos/p01/0.jpg 500 2\n", None), "photos of two people", SourceError),
    ],
)
def test_templates_that_contradict_the_set(
    faces: Path, tmp_path: Path, more: Any, why: str, error: Any
) -> None:
    photos, pairs, templates = template_files(faces, tmp_path)
    if more[0] is not None:
        first, other = (templates[name][0].photo for name in ("0", "2"))
        photos.write_text(photos.read_text() + f"{first} 500 1\n{other} 500 2\n")
    if more[1] is not None:
        pairs.write_text(pairs.read_text() + more[1] + "\n")
    with pytest.raises(error, match=why):
        evaluate(ColourEmbedder(), faces, None, templates=str(photos), pairs=str(pairs))


def test_templates_are_refused_with_options_about_photos(faces: Path, tmp_path: Path) -> None:
    photos, pairs, _ = template_files(faces, tmp_path)
    with pytest.raises(UsageError, match="name their --pairs too"):
        evaluate(ColourEmbedder(), faces, None, templates=str(photos))
    with pytest.raises(UsageError, match="--by is about pairs of photos"):
        evaluate(ColourEmbedder(), faces, None, templates=str(photos), pairs=str(pairs), by=("split",))
    photos.write_text("nowhere.jpg 0 1\n")
    with pytest.raises(DataError, match="none of its photos"):
        evaluate(ColourEmbedder(), faces, None, templates=str(photos), pairs=str(pairs))


def test_discards_by_columns_that_are_there(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--discard quality: .* run `facedata check"):
        evaluate(ColourEmbedder(), faces, None, discard=("quality",))
    with pytest.raises(UsageError, match="--discard split: it has to be a column of numbers"):
        evaluate(ColourEmbedder(), faces, None, discard=("split",))
    found = evaluate(spec_of(faces), faces, tmp_path / "scores", discard=("score",))
    (column,) = found["discard"]["columns"]
    assert column["column"] == "score"
    assert "no pair of one person has it" in column["refused"]  # of crops that no detector found
    assert not (tmp_path / "scores/discard.png").exists()
    card = read_evaluation(tmp_path / "scores", found["model"]["fingerprint"])
    assert any("Calibration error" in note for note in card.notes)
    assert json.loads((tmp_path / "scores/scores.json").read_text())["discard"] == found["discard"]
