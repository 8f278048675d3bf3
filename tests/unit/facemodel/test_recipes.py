"""The recipes: all ten, each says where it comes from, and flags override files, files override recipes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from facedata.errors import UsageError
from facedata.options import read_toml
from facemodel.config import FitConfig
from facemodel.recipes import FOLDER, fit_config, list_recipes, load_recipe, recipe_names
from tests.support.fit_files import read_fit_config

NAMES = {
    "celeba-triplet", "celeba-pairs", "passport-triplet", "passport-pairs", "anchors", "lfw-classifier",
    "lfw-embedding", "default", "laptop", "finetune",
}  # fmt: skip


def test_the_ten_recipes_are_there() -> None:
    assert set(recipe_names()) == NAMES
    assert [recipe.name for recipe in list_recipes()] == recipe_names()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_recipe_says_what_it_is_where_it_comes_from_and_why(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.text.startswith(f"# {name}: ")
    assert 20 < len(recipe.summary) < 110
    assert "facedata prepare" in recipe.text
    assert name in ("default", "laptop", "finetune") or "From system" in recipe.text
    given = read_toml(FOLDER / f"{name}.toml")
    assert set(recipe.given) == set(given)
    assert all(getattr(recipe.config, option) == value for option, value in given.items())
    assert recipe.config.recipe == name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_recipe_gives_no_option_that_its_loss_does_not_use(name: str) -> None:
    config, given = load_recipe(name).config, load_recipe(name).given
    if config.loss in ("bce", "cross-entropy", "focal"):
        assert not {"margin", "distance", "scale", "miner", "negatives"} & set(given)
    if config.loss != "focal":
        assert "gamma" not in given


def test_what_the_issue_says_of_the_recipes() -> None:
    assert load_recipe("celeba-triplet").config.margin == 1
    assert load_recipe("celeba-triplet").config.negatives == "random-then-hard"
    passport = load_recipe("passport-triplet").config
    assert (passport.backbone, passport.dim, passport.margin) == ("vgg16", 108, 0.3)
    assert passport.optimizer == "sgd"
    assert passport.strategy == "reference"
    assert passport.freeze == "backbone"
    assert load_recipe("passport-pairs").config.loss == "bce"
    anchors = load_recipe("anchors").config
    assert (anchors.margin, anchors.normalised, anchors.freeze) == (0.9, True, "last:2")
    classifier = load_recipe("lfw-classifier").config
    assert (classifier.closed, classifier.loss, classifier.schedule) == (True, "cross-entropy", "step")
    embedding = load_recipe("lfw-embedding").config
    assert (embedding.loss, embedding.class_weights, embedding.schedule) == ("focal", True, "restarts")
    default = load_recipe("default").config
    assert default.batches == "people"
    assert default.loss in ("arcface", "cosface")
    assert (default.precision, default.schedule) == ("auto", "cosine")
    assert default.warmup_epochs > 0


def test_flags_win_over_the_file_and_both_over_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "fit.toml"
    file.write_text('recipe = "anchors"\nbatch = 16\nepochs = 7\nhard-lr = 0.5\n')
    config = read_fit_config(file, epochs=2)
    assert (config.recipe, config.margin, config.batch, config.epochs) == ("anchors", 0.9, 16, 2)
    assert config.hard_lr == 0.5
    assert read_fit_config(None, epochs=2) == FitConfig(epochs=2)


def test_file_flags_and_python_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "fit.toml"
    file.write_text('recipe = "celeba-pairs"\nlr = 0.25\n')
    by_file = read_fit_config(file)
    assert by_file == read_fit_config(None, recipe="celeba-pairs", lr=0.25)
    assert by_file == fit_config({"recipe": "celeba-pairs", "lr": 0.25})


def test_the_config_as_run_gives_the_same_run_again(tmp_path: Path) -> None:
    config = fit_config({"recipe": "default", "lr": 0.125, "epochs": 3})
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert read_fit_config(tmp_path / "config.toml") == config


def test_what_is_no_recipe_or_option_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no recipe 'anchor'; did you mean anchors\?"):
        load_recipe("anchor")
    with pytest.raises(UsageError, match=r"no recipe 'lucky'; there are: default, anchors"):
        load_recipe("lucky")
    with pytest.raises(UsageError, match="it takes a recipe's name"):
        fit_config({"recipe": 3})
    with pytest.raises(UsageError, match="unknown option epoch"):
        fit_config({"recipe": "default", "epoch": 3})
    with pytest.raises(UsageError, match="cannot read the config file"):
        read_fit_config(tmp_path / "none.toml")


def test_every_option_has_a_help_text() -> None:
    assert all(field.metadata["text"] for field in dataclasses.fields(FitConfig))


def test_a_file_of_triplets_is_never_quietly_left_aside() -> None:
    with pytest.raises(UsageError, match="--triplets FILE trains with --batches triplets, not with people"):
        fit_config({"recipe": "default", "triplets": "hard.parquet"})
