"""The recipes: options of ``fit`` that go together, kept as TOML files beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facedata.errors import UsageError
from facedata.options import from_toml, make, read_toml

from .config import FitConfig

FOLDER = Path(__file__).with_name("recipes")


@dataclass(frozen=True)
class Recipe:
    """A recipe.

    Attributes:
        name: what ``--recipe`` takes.
        summary: the first line of its file, without the name.
        text: its file, which says where the recipe comes from and why each value is what it is.
        config: the options it stands for.
        given: the names of the options its file gives.
    """

    name: str
    summary: str
    text: str = field(repr=False)
    config: FitConfig = field(repr=False)
    given: tuple[str, ...] = field(repr=False)


def recipe_names() -> list[str]:
    """Return the recipes' names: ``default`` first, then in order.

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
        UsageError: there is none of that name.

    >>> load_recipe("anchors").config.margin
    0.9
    """
    if name not in recipe_names():
        raise UsageError(f"there is no recipe {name!r}; there are: {', '.join(recipe_names())}")
    file = FOLDER / f"{name}.toml"
    text = file.read_text(encoding="utf-8")
    config = from_toml(FitConfig, file, recipe=name)
    summary = text.partition("\n")[0].lstrip("# ").partition(":")[2].strip()
    given = tuple(line.partition("=")[0].strip() for line in text.splitlines() if "=" in _code(line))
    return Recipe(name, summary, text, config, given)


def fit_config(values: Mapping[str, Any]) -> FitConfig:
    """Make the options of ``fit`` from those given by name, over those of the recipe they name.

    Raises:
        UsageError: an unknown name or recipe, a value out of range, or values that contradict each other.

    >>> fit_config({"recipe": "anchors", "epochs": 3}).margin
    0.9
    """
    name = values.get("recipe")
    if name is None:
        return make(FitConfig, dict(values))
    if not isinstance(name, str):
        raise UsageError(f"--recipe is {name!r}; it takes a recipe's name")
    return make(FitConfig, {**asdict(load_recipe(name).config), **values})


def read_fit_config(file: Path | None, **typed: Any) -> FitConfig:
    """Make the options of ``fit`` from a TOML file and flags: flags win over the file, both over the recipe.

    Raises:
        UsageError: as for :func:`fit_config`; or the file cannot be read.
    """
    return fit_config({**(read_toml(file) if file else {}), **typed})


def _code(line: str) -> str:
    return line.partition("#")[0]
