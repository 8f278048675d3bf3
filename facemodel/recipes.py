"""The recipes: options of ``fit`` that go together, kept as TOML files beside this one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from facedata.errors import UsageError
from facedata.options import make, nearest, read_toml, resolve_options

from .config import FitConfig

LAPTOP = "laptop"
"""The recipe for computers without a GPU."""

FINETUNE = "finetune"
"""The recipe that starts from a finished model."""

FOLDER = Path(__file__).with_name("recipes")


@dataclass(frozen=True)
class Recipe:
    """A recipe.

    Attributes:
        name: what ``--recipe`` takes.
        summary: the first line of its file, without the name.
        text: its file, with where the recipe comes from and why each value is what it is.
        config: the options it stands for.
        given: the names of the options in its file.
    """

    name: str
    summary: str
    text: str = field(repr=False)
    config: FitConfig = field(repr=False)
    given: tuple[str, ...] = field(repr=False)


def recipe_names() -> list[str]:
    """Return the recipes' names: ``default`` first, then alphabetically.

    >>> recipe_names()[:2]
    ['default', 'anchors']
    """
    names = sorted(file.stem for file in FOLDER.glob("*.toml"))
    return sorted(names, key=lambda name: name != "default")


def list_recipes() -> list[Recipe]:
    """Return all recipes, in the order of :func:`recipe_names`."""
    return [load_recipe(name) for name in recipe_names()]


def load_recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        UsageError: there is no recipe of that name.

    >>> load_recipe("anchors").config.margin
    0.9
    """
    if name not in recipe_names():
        near = nearest(name, recipe_names()) or f"; there are: {', '.join(recipe_names())}"
        raise UsageError(f"there is no recipe {name!r}{near}")
    file = FOLDER / f"{name}.toml"
    text, given = file.read_text(encoding="utf-8"), read_toml(file)
    summary = text.partition("\n")[0].lstrip("# ").partition(":")[2].strip()
    return Recipe(name, summary, text, make(FitConfig, {**given, "recipe": name}), tuple(given))


def name_start(words: Sequence[str]) -> list[str]:
    """Return the words after ``fit`` with ``--recipe finetune MODEL``, the short form, written in full.

    A set is no model, and stays what it is. A name that is no recipe's may be a slip for this one, which
    :func:`load_recipe` says.

    >>> name_start(["faces", "--recipe", "finetune", "sface", "--out", "run"])
    ['faces', '--recipe', 'finetune', '--start', 'sface', '--out', 'run']
    """
    full, others = list(words), {*recipe_names()} - {FINETUNE}
    for at, (before, word) in enumerate(pairwise(["", *words])):
        name = word if before == "--recipe" else word.partition("--recipe=")[2]
        named = name and name not in others
        if named and not any(one.partition("=")[0] == "--start" for one in full):
            from facedata.tables.schema import DATASET  # it imports pyarrow

            follows = full[at + 1 : at + 2]
            if follows and not follows[0].startswith("-") and not (Path(follows[0]) / DATASET).is_file():
                full.insert(at + 1, "--start")
            return full
    return full


def take_out(adapt: str, given: Collection[str]) -> str:
    """Return the names in ``adapt`` without those of options that the user gave: they are not chosen.

    >>> take_out("loss, lr, batch", {"lr": 0.1, "epochs": 3})
    'loss,batch'
    """
    names = [name.strip() for name in adapt.split(",")]
    return ",".join(name for name in names if name and name.replace("-", "_") not in given)


def fit_config(values: Mapping[str, Any], config: FitConfig | None = None) -> FitConfig:
    """Make the options of ``fit`` from the values the user gave.

    The recipe's own warm-up keeps its share of a run that is too short for it; a warm-up that the user gave
    stays as it is. An option that the user gave is no longer one that ``adapt`` chooses.

    Args:
        values: options by name.
        config: the options that ``values`` win over; None for those of the recipe that ``values`` name.

    Raises:
        UsageError: an unknown name or recipe, a value out of range, or values that contradict each other.

    >>> fit_config({"recipe": "anchors", "epochs": 3}).margin
    0.9
    >>> fit_config({"recipe": "default", "epochs": 1}).warmup_epochs
    0.05
    """
    name = values.get("recipe", config.recipe if config else None)
    if not isinstance(name, str | None):
        raise UsageError(f"--recipe is {name!r}; it takes a recipe's name")
    recipe = FitConfig() if name is None else load_recipe(name).config
    base = config or recipe
    if "adapt" not in values:
        values = {**values, "adapt": take_out(base.adapt, values)}
    made = resolve_options(FitConfig, base, dict(values))
    if "warmup_epochs" not in values and recipe.warmup_epochs == made.warmup_epochs >= made.epochs:
        made = replace(made, warmup_epochs=made.warmup_epochs * made.epochs / base.epochs)
    return made
