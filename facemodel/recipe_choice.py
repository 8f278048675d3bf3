"""What a recipe leaves open until the set is known: the options that ``--adapt`` names.

Pure functions of a few facts. What is chosen is measured (``make bench-recipes``): for few people a loss that
compares a batch's photos with each other tells unseen people apart better than a margin softmax.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from facedata import ClassManifest, PreparedSet

from .config import FitConfig
from .loss_table import LOSSES

FEW_PEOPLE = 5_000
"""With fewer people than this, photos are compared within batches; measured with 721 people only."""

_WITHIN_BATCHES: dict[str, Any] = {"margin": 0.2, "lr": 1e-3, "batch": 64}
_FROM_SCRATCH = {"loss": "multi-similarity", "miner": "semihard"}
_FROM_WEIGHTS = {"loss": "triplet", "miner": "none", "freeze": "last:3"}
_FEW_EACH, _PAIR, _SEVERAL = 4, 2, 4


@dataclass(frozen=True)
class SetFacts:
    """What the choice depends on.

    Attributes:
        people: how many people may train.
        photos_each: how many photos the person in the middle has, of those who have two at least.
    """

    people: int
    photos_each: float

    @classmethod
    def of(cls, prepared: PreparedSet) -> SetFacts:
        """Read them from a set's train split; without one there is nobody."""
        table = ClassManifest.open(prepared).table
        names = table.column("identity").filter(pc.equal(table.column("split"), "train"))
        counts = np.asarray(pc.value_counts(names).field("counts"))
        several = counts[counts > 1]
        return cls(len(counts), float(np.median(several)) if len(several) else 0.0)


def adapt_options(config: FitConfig, facts: SetFacts) -> tuple[FitConfig, str]:
    """Return the options with nothing left open, and a sentence on the choice; empty if none was open.

    Only what ``config.adapt`` names is changed. A classifier of the people (``--closed``), and options that
    only margin losses read, keep the recipe's own loss. Whether pretrained weights can be had is not known
    yet: a network that ``--weights`` lets start from some counts as if it did; where it can have none,
    ``fit`` freezes nothing.

    Args:
        config: of the run.
        facts: about its set.

    >>> config = FitConfig(adapt="photos_per_person", batches="people", photos_per_person=4)
    >>> adapt_options(config, SetFacts(people=721, photos_each=2.0))[0].photos_per_person
    2
    """
    names = config.adapt_names
    chosen: dict[str, Any] = {}
    if "photos_per_person" in names:
        chosen["photos_per_person"] = _PAIR if facts.photos_each < _FEW_EACH else _SEVERAL
    few = "loss" in names and facts.people < FEW_PEOPLE
    stays = few and _wants_margin_loss(config)
    if few and not stays:
        by_start = _FROM_SCRATCH if config.weights == "none" else _FROM_WEIGHTS
        chosen |= {name: value for name, value in (by_start | _WITHIN_BATCHES).items() if name in names}
        if config.start is not None:  # a finished model may have a single block
            chosen.pop("freeze", None)
        if "batch" in chosen:  # holds two people, whatever --photos-per-person was given
            each = chosen.get("photos_per_person", config.photos_per_person)
            chosen["batch"] = max(chosen["batch"], 2 * each)
    changed = {name: value for name, value in chosen.items() if value != getattr(config, name)}
    done = dataclasses.replace(config, **chosen, adapt="")
    if not names:
        return done, ""
    why = ", since an option that you gave is for it" if stays else ""
    return done, _describe(done, changed, facts, why)


def adopt_choice(config: FitConfig, recorded: Mapping[str, Any]) -> FitConfig:
    """Return the options with what a resumed run has chosen; an older run has its recipe's of that time.

    Args:
        config: as given now.
        recorded: the settings of the run that is resumed.
    """
    names = [name for name in config.adapt_names if name in recorded]
    if recorded.get("adapt", ""):  # it never began
        return config
    return dataclasses.replace(config, **{name: recorded[name] for name in names}, adapt="")


def _wants_margin_loss(config: FitConfig) -> bool:
    """Tell whether an option was given that only a margin softmax takes."""
    usual, within = FitConfig(), LOSSES[_FROM_WEIGHTS["loss"]].uses
    only_margin = [name for name in config.loss_row.uses if name not in (*within, "margin", "scale")]
    given = any(getattr(config, name) != getattr(usual, name) for name in only_margin)
    return config.closed or given or not {"margin", "scale"} <= set(config.adapt_names)


def _describe(done: FitConfig, changed: Mapping[str, Any], facts: SetFacts, why: str) -> str:
    """Say what was chosen, why, and how to choose otherwise.

    Args:
        done: the options with nothing left open.
        changed: what was chosen and is not as in the recipe.
        facts: about the set.
        why: the loss stays; empty if it was chosen.
    """
    start = "from scratch" if done.weights == "none" else "from pretrained weights"
    who = f"{facts.people:,} people with {facts.photos_each:g} photos each in the middle, {start}"
    what = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in changed.items())
    if not what:
        return f"for {who}, the recipe stays as it is: --loss {done.loss}{why}"
    stays = f"; --loss {done.loss} stays{why}" if why else ""
    return f"chosen for {who}: {what}; an option that you give wins{stays}"
