"""What a recipe leaves open is chosen by the set; what the user gave is not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from facedata.errors import UsageError
from facemodel.config import ADAPTABLE, FitConfig
from facemodel.recipe_choice import FEW_PEOPLE, SetFacts, adapt_options, adopt_choice
from facemodel.recipes import fit_config, load_recipe, take_out
from facemodel.unused_options import unused_lines
from tests.support.people_set import people_set

FEW, MANY = SetFacts(people=700, photos_each=2.0), SetFacts(people=FEW_PEOPLE, photos_each=20.0)
RECIPES = ("default", "laptop")


@pytest.mark.parametrize("recipe", RECIPES)
def test_few_people_are_compared_within_batches(recipe: str) -> None:
    chosen, line = adapt_options(fit_config({"recipe": recipe, "weights": "none"}), FEW)
    assert (chosen.loss, chosen.miner, chosen.batch, chosen.photos_per_person, chosen.freeze) == (
        "multi-similarity", "semihard", 64, 2, "none",
    )  # fmt: skip
    assert line.startswith("chosen for 700 people with 2 photos each in the middle, from scratch: ")
    assert "--loss multi-similarity --miner semihard" in line


@pytest.mark.parametrize("recipe", RECIPES)
def test_many_people_keep_the_values_in_the_file(recipe: str) -> None:
    config = fit_config({"recipe": recipe, "weights": "auto"})
    chosen, line = adapt_options(config, MANY)
    assert chosen == dataclasses.replace(config, adapt="")
    assert line == (
        "for 5,000 people with 20 photos each in the middle, from pretrained weights, the recipe stays as it "
        "is: --loss cosface"
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_pretrained_weights_ask_for_another_loss_and_stay_for_the_most_part(recipe: str) -> None:
    for weights in ("auto", "some.safetensors"):
        chosen, line = adapt_options(fit_config({"recipe": recipe, "weights": weights}), FEW)
        assert (chosen.loss, chosen.miner, chosen.margin, chosen.distance, chosen.freeze) == (
            "triplet", "none", 0.2, "cosine", "last:3",
        )  # fmt: skip
        assert "--freeze last:3" in line


@pytest.mark.parametrize("given", [{"start": "sface"}, {"loss": "cosface"}, {"closed": True}], ids=str)
def test_all_trains_where_freezing_was_not_measured(given: dict[str, Any]) -> None:
    assert adapt_options(fit_config({"recipe": "default", **given}), FEW)[0].freeze == "none"


@pytest.mark.parametrize(
    "given",
    [
        {"loss": "arcface", "margin": 28.6}, {"margin": 0.2}, {"scale": 16.0}, {"closed": True},
        {"sub_centres": 3}, {"loss": "triplet", "miner": "hard"},
    ],
    ids=str,
)  # fmt: skip
def test_a_loss_that_the_user_chose_or_needs_stays(given: dict[str, Any]) -> None:
    config = fit_config({"recipe": "default", **given})
    chosen, line = adapt_options(config, FEW)
    assert chosen == dataclasses.replace(config, adapt="", photos_per_person=2)
    stays = "; --loss cosface stays, since an option that you gave is for it"
    assert line.endswith(stays) == ("loss" not in given), "of a loss that is given nothing need be said"


def test_the_loss_is_named_where_an_option_keeps_it_and_nothing_else_is_chosen() -> None:
    for given in ({"sub_centres": 3}, {"interclass_filter": 0.4}, {"closed": True}):
        several = SetFacts(people=700, photos_each=20.0)
        _, line = adapt_options(fit_config({"recipe": "default", "weights": "none", **given}), several)
        assert line == (
            "for 700 people with 20 photos each in the middle, from scratch, the recipe stays as it is: "
            "--loss cosface, since an option that you gave is for it"
        )
        assert adapt_options(fit_config({"recipe": "default", **given}), MANY)[1].endswith("--loss cosface")


@pytest.mark.parametrize(
    "given",
    [{"lr": 1e-4}, {"batch": 48}, {"photos_per_person": 40}, {"miner": "hard"}, {"freeze": "none"}],
    ids=str,
)
def test_what_the_user_gave_wins(given: dict[str, Any]) -> None:
    chosen, line = adapt_options(fit_config({"recipe": "default", **given}), FEW)
    assert chosen.loss == "triplet"
    for name, value in given.items():
        assert getattr(chosen, name) == value
        assert f"--{name.replace('_', '-')} " not in line


def test_what_was_chosen_is_never_called_unused() -> None:
    for facts in (FEW, MANY):
        assert not unused_lines(adapt_options(fit_config({"recipe": "default"}), facts)[0])


def test_nothing_is_chosen_without_adapt() -> None:
    config = load_recipe("anchors").config
    assert adapt_options(config, FEW) == (config, "")


def test_facts_count_the_people_who_train(tmp_path: Path) -> None:
    faces = people_set(tmp_path / "faces", people=8, photos=3, splits="train=0.5,test=0.5")
    assert SetFacts.of(faces) == SetFacts(people=4, photos_each=3.0)


def test_a_resumed_run_keeps_what_it_chose_and_one_from_before_adapt_what_it_had() -> None:
    config = fit_config({"recipe": "default"})
    chosen, _ = adapt_options(config, FEW)
    assert adopt_choice(config, chosen.settings()) == chosen
    old = dataclasses.replace(config, adapt="").settings()
    del old["adapt"]
    assert adopt_choice(config, old) == dataclasses.replace(config, adapt="")
    given = fit_config({"recipe": "default", "lr": 0.5})
    assert adopt_choice(given, chosen.settings()).lr == 0.5  # and it is then refused as another setting


def test_names_are_taken_out_as_they_are_written() -> None:
    assert take_out("photos-per-person, lr,", {"photos_per_person": 3}) == "lr"
    assert (
        fit_config({"recipe": "default", "adapt": "lr", "lr": 0.1}).adapt == "lr"
    )  # as in a file of one's own
    assert fit_config({"recipe": "default", "adapt": ""}).adapt == ""
    assert FitConfig(adapt="photos-per-person").adapt_names == ("photos_per_person",)
    with pytest.raises(UsageError, match=f"--adapt epochs: it takes {', '.join(ADAPTABLE)}"):
        FitConfig(adapt="epochs, lr")
