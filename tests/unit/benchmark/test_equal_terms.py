"""Runs at equal terms: as many photos for every recipe, and kept under a name that says what shaped them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from facedata.sets.prepared import PreparedSet
from facemodel import recipe_choice
from facemodel.recipes import FINETUNE, fit_config, recipe_names
from tests.benchmark import equal_terms
from tests.benchmark.equal_terms import (
    EPOCHS,
    PHOTOS_PER_ROW,
    Terms,
    TestPairs,
    key_of,
    options_of,
    run_terms,
)
from tests.benchmark.recipe_figures import RankedPairs
from tests.support.people_set import people_set

TINY = {"backbone": "timm:test_resnet", "weights": "none", "size": 32}
RECIPES = [name for name in recipe_names() if name != FINETUNE]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(
        tmp_path_factory.mktemp("set"), people=16, photos=3, splits="train=0.6,val=0.2,test=0.2"
    )


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("photos", [40_000, 20_000])
def test_every_recipe_sees_as_many_photos(recipe: str, photos: int) -> None:
    config = fit_config(options_of(Terms(recipe, "scratch", 0, photos)))
    seen = (config.rows_per_epoch or 0) * PHOTOS_PER_ROW[config.batches] * EPOCHS
    assert photos * 0.995 <= seen <= photos
    assert (config.backbone, config.size, config.epochs) == ("resnet18", 32, EPOCHS)
    assert config.warmup_epochs < 1


def test_a_small_batch_keeps_its_rate_per_photo() -> None:
    config = fit_config(options_of(Terms("lfw-classifier", "scratch", 0, 40_000)))
    assert config.batch == 32
    assert config.lr == pytest.approx(0.04)


def test_the_name_of_a_run_says_what_shaped_it(faces: PreparedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Terms("default", "scratch", 0, 40_000)
    changes: dict[str, Any] = {
        "recipe": "laptop",
        "init": "imagenet",
        "seed": 1,
        "photos": 20_000,
        "precision": "bf16",
    }
    keys = {key_of(dataclasses.replace(usual, **{name: value}), faces) for name, value in changes.items()}
    assert len(keys - {key_of(usual, faces)}) == len(changes)
    before = key_of(usual, faces)
    monkeypatch.setattr(recipe_choice, "FEW_PEOPLE", 2)  # another choice is another run
    assert key_of(usual, faces) != before


def test_a_run_is_kept_and_judged_on_people_never_seen(
    faces: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(equal_terms.INITS, "scratch", TINY)
    monkeypatch.setattr(equal_terms, "EPOCHS", 2)
    terms = Terms("default", "scratch", 0, 120)
    found, pairs = run_terms(terms, faces, tmp_path), TestPairs.of(faces)
    assert len(found.curve) == 3
    assert len(found.likeness) == len(pairs.manifest) * (len(pairs.manifest) - 1) // 2
    figures = RankedPairs.of(found.likeness, pairs.same).figures(np.ones(len(pairs.same)))
    assert figures[0] == pytest.approx(roc_auc_score(pairs.same, found.likeness), abs=1e-12)
    monkeypatch.setattr(equal_terms, "fit", None)  # a second time nothing trains
    again = run_terms(terms, faces, tmp_path)
    assert np.array_equal(again.likeness, found.likeness)
    assert [file.suffix for file in tmp_path.iterdir()] == [".npz"]
