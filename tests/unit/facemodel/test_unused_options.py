"""Options that do nothing are reported; those of a recipe that another choice makes useless are not."""

from __future__ import annotations

import pytest

from facemodel.config import FitConfig
from facemodel.recipes import fit_config, list_recipes
from facemodel.unused_options import unused_lines


@pytest.mark.parametrize(
    ("values", "idle"),
    [
        ({"miner": "hard"}, ["miner"]),
        ({"miner": "hard", "batches": "people"}, []),
        ({"miner": "hard", "batches": "people", "loss": "arcface"}, ["miner"]),
        ({"hard_below": 0.5, "hard_candidates": 9}, ["hard-candidates", "hard-below"]),
        ({"hard_below": 0.5, "hard_candidates": 9, "negatives": "hard"}, ["hard-below"]),
        ({"negatives": "hard", "batches": "pairs", "loss": "bce"}, ["negatives"]),
        ({"margin": 0.3, "batches": "photos", "loss": "focal", "gamma": 1.0}, ["margin"]),
        ({"gamma": 1.0, "scale": 9.0, "momentum": 0.5}, ["scale", "gamma", "momentum"]),
        ({"class_weights": True, "batches": "people"}, ["class-weights"]),
        ({"strategy": "reference", "triplets": "mine.parquet"}, ["strategy"]),
        ({"step_epochs": 3, "schedule": "cosine"}, ["step-epochs"]),
        ({"freeze_random": True}, ["freeze-random"]),
        ({"start": "run", "dim": 64, "size": 96, "hidden": "9"}, ["hidden", "dim", "size"]),
        ({"start_weight": 1.0, "start_share": 0.5, "teacher_weight": 2.0},
         ["start-weight", "start-share", "teacher-weight"]),
        (
            {"start": "run", "start_weight": 1.0, "start_share": 0.5, "teacher": "x", "teacher_weight": 2.0},
            [],
        ),
        ({"recipe": "celeba-triplet", "batches": "pairs", "loss": "bce"}, []),
        ({"recipe": "celeba-triplet", "hard_lr": 0.5, "negatives": "random"}, ["hard-lr"]),
    ],
)  # fmt: skip
def test_only_options_the_user_typed_are_reported(values: dict[str, object], idle: list[str]) -> None:
    lines = unused_lines(fit_config(values))
    assert [line.partition(" ")[0] for line in lines] == [f"--{name}" for name in idle]


def test_no_default_and_no_recipe_has_unused_options() -> None:
    assert unused_lines(FitConfig()) == []
    assert [unused_lines(recipe.config) for recipe in list_recipes()] == [[]] * 10
    assert [unused_lines(_as_flags(recipe.config)) for recipe in list_recipes()] == [[]] * 10


def _as_flags(config: FitConfig) -> FitConfig:
    """The same values without the recipe's name: now each of them was asked for."""
    start = "run" if config.recipe == "finetune" else None  # the one recipe that cannot do without
    return FitConfig(**{**vars(config), "recipe": None, "start": start})
