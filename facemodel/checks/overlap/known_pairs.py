"""What two sets themselves say: how similar different people are, and how similar the halves of one person.

Within a set two names are two people, but for a few mistakes. So all pairs of people within each set show how
similar other people are, and there are about as many of them as pairs across the sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from facedata.types import Float32Array, Float64Array, Int64Array

from ...machine.memory import catch_out_of_memory
from .crowd import Crowd, crowd_level
from .people_vectors import People, halve_people

HALVES = ((1, 1), (2, 1), (2, 2), (4, 4), (8, 8))
"""How many photos the two halves of a person have."""

_MOST_SAMPLED = 20_000
"""People of a set among whom all pairs are measured: 200 million pairs."""

_BINS, _RANGE = 8_000, 4.0
_ADVICE = "name --device cpu, or end what else uses the memory"
_BLOCK = {"cpu": 1 << 22, "cuda": 1 << 27}
"""Similarities held at a time."""


@dataclass(frozen=True, eq=False)
class OtherPeople:
    """How similar different people are.

    Attributes:
        pairs: how many pairs were measured.
        levels: ``(b,)`` float64, similarities above the crowd's, falling.
        above: ``(b,)`` int64, how many pairs are at least as similar.
        people: how many people they are of.
    """

    pairs: int
    levels: Float64Array
    above: Int64Array
    people: int


@dataclass(frozen=True, eq=False)
class OwnHalves:
    """How similar the halves of one person are, with so many photos each.

    Attributes:
        photos: of the two halves.
        values: ``(m,)`` float64, similarities above the crowd's, ascending.
    """

    photos: tuple[int, int]
    values: Float64Array

    @property
    def spread(self) -> float:
        """The standard deviation of the lower side without its outliers, from the median and a tenth."""
        return max(float(np.median(self.values) - np.quantile(self.values, 0.1)) / 1.2816, 1e-3)


def measure_others(sides: list[tuple[People, Float64Array]], device: str) -> OtherPeople:
    """Measure all pairs of people within each set, in blocks.

    Args:
        sides: of each set the people, and ``(p,)`` their level in the crowd.
        device: where to multiply, as torch names it.
    """
    counts, pairs, people = torch.zeros(_BINS, dtype=torch.float64), 0, 0
    for side, level in sides:
        step = max(1, -(-len(side) // _MOST_SAMPLED))
        vectors, half = side.vectors[::step], (level[::step] / 2).astype(np.float32)
        counts += count_pairs(vectors, half, device)
        pairs += len(vectors) * (len(vectors) - 1) // 2
        people += len(vectors)
    above = np.cumsum(counts.numpy()[::-1]).astype(np.int64)
    levels = np.linspace(_RANGE / 2, -_RANGE / 2, _BINS, endpoint=False) - _RANGE / _BINS
    return OtherPeople(pairs, levels, above, people)


def count_pairs(vectors: Float32Array, half: Float32Array, device: str) -> torch.Tensor:
    """Return how many pairs of rows fall into each bin of similarity, the lowest first.

    Args:
        vectors: ``(n, dim)`` float32 of length one.
        half: ``(n,)`` float32, half of each one's level in the crowd.
        device: where to multiply, as torch names it.
    """
    counts = torch.zeros(_BINS, dtype=torch.float64)
    width = 4_096
    height = max(1, _BLOCK[torch.device(device).type] // width)
    with catch_out_of_memory(_ADVICE):
        for start in range(0, len(vectors), height):
            rows = torch.from_numpy(vectors[start : start + height]).to(device)
            mine = torch.from_numpy(half[start : start + height]).to(device)
            for first in range(start - start % width, len(vectors), width):
                others = torch.from_numpy(vectors[first : first + width]).to(device)
                values = rows @ others.T - mine[:, None]
                values -= torch.from_numpy(half[first : first + width]).to(device)
                down = torch.arange(start, start + len(rows), device=device)[:, None]
                along = torch.arange(first, first + len(others), device=device)
                if first < start + len(rows):  # each pair once, and nobody with themselves
                    values = values[along > down]
                counts += torch.histc(values, _BINS, -_RANGE / 2, _RANGE / 2).double().cpu()
    return counts


def measure_halves(
    sides: list[tuple[Float32Array, Int64Array, People, Int64Array]], crowd: Crowd, device: str
) -> list[OwnHalves]:
    """Measure how similar the halves of one person are, for each number of photos in :data:`HALVES`.

    Args:
        sides: of each set the directions, each crop's person, the people, and their places in the crowd.
        crowd: the crowd.
        device: where to multiply, as torch names it.
    """
    measured = []
    for left, right in HALVES:
        values = [np.empty(0)]
        for directions, person, people, places in sides:
            halves = halve_people(directions, person, people, left, right)
            if not len(halves.places):
                continue
            own = places[halves.places]
            levels = [crowd_level(half, crowd, own, device) for half in (halves.left, halves.right)]
            dots = np.einsum("nd,nd->n", halves.left, halves.right, dtype=np.float64)
            values.append(dots - (levels[0] + levels[1]) / 2)
        measured.append(OwnHalves((left, right), np.sort(np.concatenate(values))))
    return measured
