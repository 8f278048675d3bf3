"""Every recipe runs as it is, with a tiny network, and lowers the fixed validation loss.

`finetune`, which starts from a finished model, is in test_finetune.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata.sets.prepared import PreparedSet
from facemodel import fit
from facemodel.models.saved import load_objective
from facemodel.recipes import FINETUNE, recipe_names
from tests.support.history import read_csv
from tests.support.people_set import people_set

TINY: dict[str, Any] = {
    "backbone": "timm:test_resnet", "weights": "none", "size": 32, "device": "cpu", "workers": 1,
    "precision": "fp32", "val_pairs": 100, "batch": 12, "hidden": "", "epochs": 3, "val_share": 0.3,
}  # fmt: skip
TRIPLETS, PAIRS = {"rows_per_epoch": 120}, {"rows_per_epoch": 240}
CHANGES: dict[str, dict[str, Any]] = {
    "default": {"lr": 3e-3, "epochs": 4},
    "anchors": TRIPLETS,
    "celeba-triplet": TRIPLETS,
    "celeba-pairs": PAIRS,
    "passport-triplet": {**TRIPLETS, "lr": 3e-3},
    "passport-pairs": PAIRS,
    "laptop": {"lr": 3e-3, "epochs": 4},
    # its own rate suits a pretrained network: this one is thrown about by it
    "lfw-classifier": {"lr": 1e-3, "epochs": 5, "batch": 8},
    "lfw-embedding": {"lr": 2e-3, "epochs": 5},
}


@pytest.fixture(scope="module")
def by_person(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    reference = [f"p{number:02d}/0.jpg" for number in range(24)]
    return people_set(tmp_path_factory.mktemp("set"), people=24, reference=reference)


@pytest.fixture(scope="module")
def by_photo(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=6, photos=20, split_by="photo")


def test_the_changes_name_every_recipe() -> None:
    assert {*CHANGES, FINETUNE} == set(recipe_names())


@pytest.mark.parametrize("name", CHANGES)
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
