"""Options that were given but have no effect: each is reported, since the user expects one."""

from __future__ import annotations

from collections.abc import Callable

from .config import FitConfig
from .loss_table import losses_that_use
from .recipes import load_recipe

_USES: dict[str, tuple[Callable[[FitConfig], bool], str]] = {
    "freeze_random": (lambda fit: fit.freeze != "none", "--freeze"),
    "margin": (lambda fit: "margin" in fit.loss_row.uses, "--loss {losses}"),
    "scale": (lambda fit: "scale" in fit.loss_row.uses, "--loss {losses}"),
    "gamma": (lambda fit: "gamma" in fit.loss_row.uses, "--loss {losses}"),
    "class_weights": (lambda fit: "class_weights" in fit.loss_row.uses, "--loss {losses}"),
    "miner": (
        lambda fit: fit.batches == "people" and "miner" in fit.loss_row.uses,
        "--batches people with --loss {losses}",
    ),
    "photos_per_person": (lambda fit: fit.batches == "people", "--batches people"),
    "strategy": (
        lambda fit: fit.batches in ("triplets", "pairs") and fit.triplets is None,
        "--batches triplets or pairs without --triplets FILE",
    ),
    "negatives": (lambda fit: fit.batches == "triplets", "--batches triplets"),
    **dict.fromkeys(
        ("hard_candidates", "hard_lr", "max_per_negative"),
        (
            lambda fit: fit.batches == "triplets" and fit.negatives != "random",
            "--batches triplets with --negatives hard or random-then-hard",
        ),
    ),
    "hard_below": (
        lambda fit: fit.batches == "triplets" and fit.negatives == "random-then-hard",
        "--batches triplets with --negatives random-then-hard",
    ),
    "momentum": (lambda fit: fit.optimizer == "sgd", "--optimizer sgd"),
    **dict.fromkeys(
        ("step_epochs", "step_factor"),
        (lambda fit: fit.schedule in ("step", "restarts"), "--schedule step or restarts"),
    ),
}
"""Option → whether a run uses it, and the options that it is for."""


def unused_lines(config: FitConfig) -> list[str]:
    """Return a line for each option that differs from its recipe's, or its default, and has no effect.

    >>> unused_lines(FitConfig(miner="hard"))
    ['--miner does nothing here: it is for --batches people with --loss triplet or multi-similarity']
    """
    base = load_recipe(config.recipe).config if config.recipe else FitConfig()
    return [
        f"--{name.replace('_', '-')} does nothing here: it is for "
        + words.format(losses=losses_that_use(name))
        for name, (is_used, words) in _USES.items()
        if getattr(config, name) != getattr(base, name) and not is_used(config)
    ]
