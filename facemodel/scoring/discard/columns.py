"""The qualities of a set's photos: columns of numbers, higher is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facedata import ClassManifest
from facedata.checks.quality.measure import QUALITY
from facedata.errors import UsageError
from facedata.types import Float64Array

from ..weak_points.photo_groups import as_numbers, read_column

ALL = "quality"
"""Stands for every column that `facedata check` measured."""


@dataclass(frozen=True, eq=False)
class Quality:
    """A quality of a set's crops.

    Attributes:
        column: its name.
        values: ``(crops,)`` float64, higher is better; NaN where it is not known.
    """

    column: str
    values: Float64Array


def read_qualities(classes: ClassManifest, columns: Sequence[str]) -> tuple[Quality, ...]:
    """Read the columns that ``--discard`` names, each once; of ``quality`` those with any number.

    Raises:
        UsageError: there is no such column, or it does not hold numbers.
    """
    names = {one: column for column in columns for one in (QUALITY.names[1:] if column == ALL else [column])}
    found = []
    for name, given in names.items():
        numbers = as_numbers(read_column(classes, name, f"--discard {given}"))
        if numbers is None:
            raise UsageError(f"--discard {name}: it has to be a column of numbers, where higher is better")
        if name in columns or np.isfinite(numbers).any():
            found.append(Quality(name, numbers))
    return tuple(found)
