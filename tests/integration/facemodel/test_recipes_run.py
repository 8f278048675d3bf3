"""Every recipe runs as it is, with a tiny network, and lowers the fixed validation loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata.sets.prepared import PreparedSet
from facemodel import fit
from facemodel.models.saved import load_objective
from facemodel.recipes import recipe_names
from facemodel.training.history import read_csv
from tests.people_set import people_set

TINY: dict[str, Any] = {
    "backbone": "timm:test_resnet", "weights": "none", "size": 32, "device": "cpu", "workers": 1,
    "precision": "fp32", "val_pairs": 300, "batch": 24, "hidden": "", "epochs": 5, "val_share": 0.3,
}  # fmt: skip
ROWS = {"rows_per_epoch": 360}
CHANGES: dict[str, dict[str, Any]] = {
    "default": {"lr": 2e-3},
    "anchors": ROWS,
    "celeba-triplet": ROWS,
    "celeba-pairs": ROWS,
    "passport-triplet": {**ROWS, "lr": 1e-2},
    "passport-pairs": ROWS,
    "lfw-classifier": {"epochs": 6, "batch": 8},
    "lfw-embedding": {"lr": 2e-3, "epochs": 8},
}


@pytest.fixture(scope="module")
def by_person(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    reference = [f"p{number:02d}/0.jpg" for number in range(40)]
    return people_set(tmp_path_factory.mktemp("set"), people=40, reference=reference)


@pytest.fixture(scope="module")
def by_photo(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=6, photos=20, split_by="photo")


def test_the_changes_name_every_recipe() -> None:
    assert set(CHANGES) == set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_lowers_the_fixed_validation_loss(
    name: str, by_person: PreparedSet, by_photo: PreparedSet, tmp_path: Path
) -> None:
    faces = by_photo if name == "lfw-classifier" else by_person
    fit(faces.path, tmp_path / "run", recipe=name, **{**TINY, **CHANGES[name]})
    rows = read_csv(tmp_path / "run" / "history.csv")
    before, best = rows[0].val_loss, min(row.val_loss or 9e9 for row in rows[1:])
    assert before is not None
    assert best < 0.98 * before
    objective = load_objective(tmp_path / "run")
    assert objective.model.name == "timm:test_resnet"


@pytest.mark.parametrize("name", ["anchors", "passport-triplet", "passport-pairs"])
def test_what_is_left_of_a_frozen_network_lowers_it_too(
    name: str, by_person: PreparedSet, tmp_path: Path
) -> None:
    options = {**TINY, **CHANGES[name], "freeze_random": True}
    fit(by_person.path, tmp_path / "run", recipe=name, **options)
    rows = read_csv(tmp_path / "run" / "history.csv")
    assert min(row.val_loss or 9e9 for row in rows[1:]) < (rows[0].val_loss or 0)
    assert load_objective(tmp_path / "run").model.frozen != "none"
