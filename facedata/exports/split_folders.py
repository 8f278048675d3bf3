"""The names that splits have in an export: folders, files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..plan.crop_names import safe_names

NO_SPLIT = "unassigned"
"""The name of crops that are in no split."""

OWN_FILES = ("README.md", "README.before.md", "croissant.json", "facedata-export.json")
"""The files in every export, whose names no folder beside them may have."""


def name_splits(splits: Sequence[str | None]) -> dict[str | None, str]:
    """Return a name for each split that is safe on every file system; None stands for crops in no split.

    >>> name_splits(["train", "a/b", "Train", None])
    {'train': 'train', 'a/b': 'a%2Fb', 'Train': 'Train~e99c90db', None: 'unassigned'}
    """
    named = [split for split in splits if split is not None]
    # the names that are taken first, so that a split that is called so gives way
    taken = [*OWN_FILES, NO_SPLIT] if None in splits else list(OWN_FILES)
    names = safe_names([*taken, *named])[len(taken) :]
    found: dict[str | None, str] = dict(zip(named, names, strict=True))
    return {split: found[split] if split is not None else NO_SPLIT for split in splits}


def name_splits_in_words(splits: Sequence[str | None]) -> dict[str | None, str]:
    """Return a name for each split that has letters, digits and _ only; None stands for crops in no split.

    >>> name_splits_in_words(["train", "a/b", "a b", None])
    {'train': 'train', 'a/b': 'a_b', 'a b': 'a_b_2', None: 'unassigned'}
    """
    found: dict[str | None, str] = {None: NO_SPLIT} if None in splits else {}
    for split in filter(None, splits):
        plain = re.sub(r"\W", "_", split)
        plain = f"{plain}_" if plain == "all" else plain  # which means every split to `datasets`
        number, name = 2, plain
        while name.casefold() in (taken.casefold() for taken in found.values()):
            name, number = f"{plain}_{number}", number + 1
        found[split] = name
    return {split: found[split] for split in splits}


def changed_names(names: dict[str | None, str]) -> dict[str, str]:
    """Return what the note says of the splits' names: those that differ; empty for crops in no split."""
    return {name: split or "" for split, name in names.items() if name != split}
