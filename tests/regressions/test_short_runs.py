"""A run shorter than its recipe's warm-up was refused, although the user had asked for no warm-up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata.errors import UsageError
from facedata.sets.prepared import PreparedSet
from facemodel import fit
from facemodel.config import FitConfig
from facemodel.recipes import fit_config, load_recipe
from facemodel.training.schedule import check_schedule
from tests.support.fit_files import read_fit_config
from tests.support.tiny_fit import TINY


@pytest.mark.parametrize(("epochs", "warmup"), [(1, 0.05), (2, 1.0), (20, 1.0)])
def test_a_recipe_s_warm_up_keeps_its_share_of_a_run_too_short_for_it(epochs: int, warmup: float) -> None:
    config = read_fit_config(None, recipe="default", epochs=epochs)
    check_schedule(config)
    assert config.warmup_epochs == warmup
    assert fit_config({}, config) == config  # as the command line hands it on
    assert fit_config({"epochs": epochs}, load_recipe("default").config) == config


@pytest.mark.parametrize("way", ["flag", "file", "keyword", "config"])
def test_a_warm_up_that_the_user_gave_is_refused(way: str, tmp_path: Path) -> None:
    (tmp_path / "fit.toml").write_text('recipe = "default"\nwarmup-epochs = 2.0\n')
    short: dict[str, Any] = {"recipe": "default", "epochs": 1}
    made = {
        "flag": lambda: read_fit_config(None, **short, warmup_epochs=1.0),
        "file": lambda: read_fit_config(tmp_path / "fit.toml", epochs=1),
        "keyword": lambda: fit_config({**short, "warmup_epochs": 1.0}),
        "config": lambda: fit_config({"epochs": 1}, FitConfig(recipe="default", warmup_epochs=2.0)),
    }
    with pytest.raises(UsageError, match="leaves nothing of --epochs 1"):
        check_schedule(fit_config({}, made[way]()))


def test_one_epoch_of_the_default_recipe_trains(faces: PreparedSet, tmp_path: Path) -> None:
    options = {**TINY, "recipe": "default", "epochs": 1, "precision": "fp32"}
    assert fit(faces.path, tmp_path / "run", **options).epochs == 1
