"""Options that were given and do nothing: each is said, since whoever gave it thinks that it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .config import FitConfig
from .recipes import load_recipe


@dataclass(frozen=True)
class _Use:
    """When some options do something, as a rule and in words."""

    options: tuple[str, ...]
    used: Callable[[FitConfig], bool]
    words: str


_USES = (
    _Use(("freeze_random",), lambda asked: asked.freeze != "none", "--freeze"),
    _Use(
        ("margin",),
        lambda asked: asked.loss in ("triplet", "arcface", "cosface"),
        "--loss triplet, arcface or cosface",
    ),
    _Use(("scale",), lambda asked: asked.loss in ("arcface", "cosface"), "--loss arcface or cosface"),
    _Use(("gamma",), lambda asked: asked.loss == "focal", "--loss focal"),
    _Use(("class_weights",), lambda asked: asked.batches == "photos", "--batches photos"),
    _Use(
        ("miner",),
        lambda asked: asked.batches == "people" and asked.loss in ("triplet", "multi-similarity"),
        "--batches people with --loss triplet or multi-similarity",
    ),
    _Use(("photos_per_person",), lambda asked: asked.batches == "people", "--batches people"),
    _Use(
        ("strategy",),
        lambda asked: asked.batches in ("triplets", "pairs") and asked.triplets is None,
        "--batches triplets or pairs without --triplets FILE",
    ),
    _Use(("negatives",), lambda asked: asked.batches == "triplets", "--batches triplets"),
    _Use(
        ("hard_candidates", "hard_lr"),
        lambda asked: asked.batches == "triplets" and asked.negatives != "random",
        "--batches triplets with --negatives hard or random-then-hard",
    ),
    _Use(
        ("hard_below",),
        lambda asked: asked.batches == "triplets" and asked.negatives == "random-then-hard",
        "--batches triplets with --negatives random-then-hard",
    ),
    _Use(("momentum",), lambda asked: asked.optimizer == "sgd", "--optimizer sgd"),
    _Use(
        ("step_epochs", "step_factor"),
        lambda asked: asked.schedule in ("step", "restarts"),
        "--schedule step or restarts",
    ),
)


def unused_lines(config: FitConfig) -> list[str]:
    """Return a line for each option that differs from its recipe's, or its default, and does nothing.

    >>> unused_lines(FitConfig(miner="hard"))
    ['--miner does nothing here: it is for --batches people with --loss triplet or multi-similarity']
    """
    base = load_recipe(config.recipe).config if config.recipe else FitConfig()
    return [
        f"--{name.replace('_', '-')} does nothing here: it is for {use.words}"
        for use in _USES
        for name in use.options
        if getattr(config, name) != getattr(base, name) and not use.used(config)
    ]
