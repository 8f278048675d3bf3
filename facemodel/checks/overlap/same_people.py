"""People who are in both of two sets, by their faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from facedata.checks.overlap.shared import SharedPeople
from facedata.types import Float32Array, Float64Array, Int64Array

from ...machine.memory import catch_out_of_memory
from .crowd import crowd_level, gather_crowd
from .evidence import Evidence, weigh
from .known_pairs import measure_halves, measure_others
from .people_vectors import People, gather_people

PROCEDURE = (
    "each person is the mean direction of their photos; a similarity counts above that of others who look "
    "alike, in both sets; the threshold is where a normal tail, fitted to the most similar different people "
    "within each set, expects expected_false among all pairs across the sets; missed is counted on people "
    "whose photos were dealt into two halves"
)
_BLOCK = {"cpu": 1 << 22, "cuda": 1 << 27}
"""Similarities held at a time."""

_SLACK = 1e-4
"""What a product in float32 may be wrong by; what is near the threshold is measured again in float64."""

_WEAK = 0.5
"""A model that misses more than this share of shared people is called too weak."""

_ADVICE = "name --device cpu, or end what else uses the memory"


@dataclass(frozen=True, eq=False)
class SetDirections:
    """What a model says of a set's crops.

    Attributes:
        directions: ``(n, dim)`` float32, embeddings of length one; may be memory-mapped.
        person: ``(n,)`` int64, each crop's person.
    """

    directions: Float32Array
    person: Int64Array


def find_shared_people(
    mine: SetDirections, theirs: SetDirections, device: str = "cpu", threshold: float | None = None
) -> tuple[SharedPeople, list[str]]:
    """Find the people who are in both sets, and say what the finding rests on.

    Args:
        mine: this set.
        theirs: the other one; the same model's.
        device: where to multiply, as torch names it.
        threshold: a similarity above the crowd's that is enough; None to estimate it.

    Returns:
        The pairs, by this set's people and then the other's, and notes, a sentence each.

    Raises:
        ScoreError: there are too few people, or the model cannot tell them apart at all.
        DeviceError: the device's memory is too small.
    """
    people = [gather_people(side.directions, side.person) for side in (mine, theirs)]
    crowd = gather_crowd(people[0], people[1])
    places = (crowd.mine, crowd.theirs)
    levels = [
        crowd_level(side.vectors, crowd, place, device) for side, place in zip(people, places, strict=True)
    ]
    others = measure_others(list(zip(people, levels, strict=True)), device)
    sides = [
        (side.directions, side.person, known, place)
        for side, known, place in zip((mine, theirs), people, places, strict=True)
    ]
    evidence = weigh(
        others, measure_halves(sides, crowd, device), (len(people[0]), len(people[1])), threshold
    )
    one, two, values = pairs_across(people, levels, evidence.threshold, device)
    photos = people[0].photos[one], people[1].photos[two]
    good = evidence.accepts(values, *photos)
    one, two, values = one[good], two[good], values[good]
    odds = evidence.log_odds(values, people[0].photos[one], people[1].photos[two])
    figures = _figures(evidence, people, threshold)
    numbers = people[0].numbers[one], people[1].numbers[two]
    return SharedPeople(*numbers, values, odds, figures), doubts_of(figures["missed"])


def pairs_across(
    people: list[People], levels: list[Float64Array], threshold: float, device: str
) -> tuple[Int64Array, Int64Array, Float64Array]:
    """Return all pairs across the sets from a similarity on: their places, and what was measured.

    Args:
        people: of the two sets.
        levels: ``(p,)`` of each set's people, their level in the crowd.
        threshold: least similarity above the crowd's.
        device: where to multiply, as torch names it.
    """
    mine, theirs = people
    halves = [level.astype(np.float32) / 2 for level in levels]
    width = 4_096
    height = max(1, _BLOCK[torch.device(device).type] // width)
    found: list[tuple[Int64Array, Int64Array]] = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    with catch_out_of_memory(_ADVICE):
        for start in range(0, len(mine), height):
            rows = torch.from_numpy(mine.vectors[start : start + height]).to(device)
            least = torch.from_numpy(halves[0][start : start + height]).to(device)[:, None] + (
                threshold - _SLACK
            )
            for first in range(0, len(theirs), width):
                others = torch.from_numpy(theirs.vectors[first : first + width]).to(device)
                above = torch.from_numpy(halves[1][first : first + width]).to(device)
                down, along = (rows @ others.T - above >= least).nonzero(as_tuple=True)
                found.append((down.cpu().numpy() + start, along.cpu().numpy() + first))
    one, two = (np.concatenate(side) for side in zip(*found, strict=True))
    order = np.lexsort((two, one))
    one, two = one[order], two[order]
    values = np.empty(len(one))
    for start in range(0, len(one), width):
        some = slice(start, start + width)
        values[some] = np.einsum(
            "nd,nd->n", mine.vectors[one[some]], theirs.vectors[two[some]], dtype=np.float64
        )
    values -= (levels[0][one] + levels[1][two]) / 2
    good = values >= threshold
    return one[good], two[good], values[good]


def _figures(evidence: Evidence, people: list[People], given: float | None) -> dict[str, Any]:
    missed = evidence.missed(people[0].photos, people[1].photos)
    return {
        "threshold": evidence.threshold,
        "threshold_from": "estimated" if given is None else "given",
        "expected_false": float(f"{evidence.expected_false:.2g}"),
        "compared": [len(side) for side in people],
        "missed": None if missed is None else round(missed, 4),
        "missed_by_photos": evidence.missed_by_photos(),
        "other_pairs": evidence.pairs,
        "procedure": PROCEDURE,
    }


def doubts_of(missed: float | None) -> list[str]:
    """Return what a reader should know of the share of shared people that are missed, None for unknown."""
    unknown = (
        "too few people have two photos to estimate how many shared people are missed by face: ten are "
        "needed in the two sets together"
    )
    if missed is None:
        return [unknown]
    weak = (
        f"the model is too weak for sets of this size: of people who are in both, it is expected to miss "
        f"{missed:.0%}, as it cannot tell the halves of one person from others who look alike"
    )
    return [weak] if missed > _WEAK else []
