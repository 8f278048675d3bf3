"""Options that were given but have no effect: each is reported, since the user expects one."""

from __future__ import annotations

from collections.abc import Callable

from .config import TAKEN_FROM_START, FitConfig
from .loss_table import losses_that_use
from .recipes import load_recipe

_STARTED = "start"  # the backbone's name once the run has taken over what its start decides


def _is_own(fit: FitConfig) -> bool:
    """Tell whether a run's network is its own, or the options are those of its start already."""
    return fit.start is None or fit.backbone == _STARTED


_USES: dict[str, tuple[Callable[[FitConfig], bool], str]] = {
    "freeze_random": (lambda fit: fit.freeze != "none", "--freeze"),
    **dict.fromkeys(TAKEN_FROM_START, (_is_own, "runs without --start MODEL")),
    **dict.fromkeys(("start_weight", "start_share"), (lambda fit: fit.start is not None, "--start MODEL")),
    "teacher": (lambda fit: fit.teacher_weight > 0, "--teacher-weight above 0"),
    "teacher_weight": (lambda fit: fit.teacher is not None, "--teacher MODEL"),
    "margin": (
        lambda fit: (
            "margin" in fit.loss_row.uses or (fit.miner == "semihard" and "miner" in fit.loss_row.uses)
        ),
        "--loss {losses}",
    ),
    "scale": (lambda fit: "scale" in fit.loss_row.uses, "--loss {losses}"),
    "margin_warmup_epochs": (lambda fit: "margin_warmup_epochs" in fit.loss_row.uses, "--loss {losses}"),
    "sub_centres": (lambda fit: "sub_centres" in fit.loss_row.uses, "--loss {losses}"),
    "sample_classes": (lambda fit: "sample_classes" in fit.loss_row.uses, "--loss {losses}"),
    "interclass_filter": (lambda fit: "interclass_filter" in fit.loss_row.uses, "--loss {losses}"),
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
        (
            "hard_candidates",
            "hard_lr",
            "per_negative",
            "hard_margin",
            "max_score",
            "range_min",
            "allow_suspects",
        ),
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
