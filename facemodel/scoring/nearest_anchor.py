"""Naming photos by the nearest of one anchor photo a person: how often right, unknown, wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..errors import ScoreError
from .distances import likeness, nearest
from .open_set import Probes, open_set_figures


@dataclass(frozen=True, eq=False)
class Roles:
    """What part each crop of a split plays.

    Attributes:
        anchors: ``(people,)`` int64, rows of the one crop that stands for each person with two or more.
        probes: ``(m,)`` int64, rows of those people's other crops, which are to be named.
        strangers: ``(k,)`` int64, rows of the crops of people with only one: nobody should be found.
    """

    anchors: Int64Array
    probes: Int64Array
    strangers: Int64Array


def deal_roles(person: Int64Array, reference: BoolArray, seed: int) -> Roles:
    """Choose anchors: a reference photo where the person has one, else a photo by lot.

    Args:
        person: ``(n,)`` int64, whose crop each is.
        reference: ``(n,)`` bool, which are reference photos.
        seed: same crops and seed, same anchors.
    """
    lot = np.random.default_rng(seed).random(len(person))
    order = np.lexsort((lot, ~reference, person))  # by person; reference photos first, then by lot
    starts = np.flatnonzero(np.diff(person[order], prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    first = np.zeros(len(person), np.bool_)
    first[order[starts[counts > 1]]] = True
    alone = np.zeros(len(person), np.bool_)
    alone[order[starts[counts == 1]]] = True
    return Roles(np.flatnonzero(first), np.flatnonzero(~first & ~alone), np.flatnonzero(alone))


def naming_figures(
    embeddings: Float32Array,
    person: Int64Array,
    roles: Roles,
    metric: str,
    threshold: float | None,
) -> dict[str, Any]:
    """Name every probe by its nearest anchor and count.

    ``rank1`` is the share whose nearest anchor is the right person's, whatever the threshold. Of those near
    enough some are named ``right``, some ``wrong``; the others are ``unknown``: the three add up to one.
    ``let_in`` counts strangers who got a name. ``over_people`` has the same as means over people, so that
    nobody dominates. Without a threshold only ``rank1`` is known.

    Args:
        embeddings: ``(n, dim)`` float32.
        person: ``(n,)`` int64.
        roles: anchors, probes and strangers.
        metric: ``euclidean`` or ``cosine``.
        threshold: in the metric's own terms, or None.

    Raises:
        ScoreError: fewer than two people have two crops, or an embedding is NaN.
    """
    if len(roles.anchors) < 2:
        raise ScoreError(f"naming needs two people with two crops each, and there are {len(roles.anchors)}")
    anchors = embeddings[roles.anchors]
    who, near = nearest(embeddings[roles.probes], anchors, metric)
    _, strange = nearest(embeddings[roles.strangers], anchors, metric)
    whose = person[roles.probes]
    right = person[roles.anchors][who] == whose
    probes = Probes(-likeness(near, metric), right, -likeness(strange, metric))
    figures = {"people": len(roles.anchors), **open_set_figures(probes, threshold, metric)}
    figures["over_people"] = _over_people(whose, probes, figures["threshold"], metric)
    if threshold is None:  # no threshold names everybody; that is no choice of the model's
        for some in (figures, figures["over_people"]):
            some.update(dict.fromkeys({"right", "wrong", "unknown", "let_in", "let_in_rate"} & set(some)))
    return figures


def _over_people(
    whose: Int64Array, probes: Probes, threshold: float | None, metric: str
) -> dict[str, float | None]:
    limit = np.inf if threshold is None else float(-likeness(np.array([threshold]), metric)[0])
    inside = probes.near <= limit
    return {
        "rank1": _mean_over(whose, probes.right),
        "right": _mean_over(whose, inside & probes.right),
        "wrong": _mean_over(whose, inside & ~probes.right),
        "unknown": _mean_over(whose, ~inside),
    }


def _mean_over(whose: Int64Array, which: BoolArray) -> float:
    """Return the mean of each person's share."""
    _, codes, counts = np.unique(whose, return_inverse=True, return_counts=True)
    shares: Float64Array = np.bincount(codes, weights=which) / counts
    return float(shares.mean())


def class_figures(said: Int64Array, label: Int64Array, classes: tuple[str, ...]) -> dict[str, Any]:
    """Count how often a classifier names photos of its own people rightly, for each of them.

    Args:
        said: ``(n,)`` int64, the class with the largest logit.
        label: ``(n,)`` int64, the right class.
        classes: the identity of each class.

    Raises:
        ScoreError: there is no photo.
    """
    if not len(label):
        raise ScoreError("no photo shows a person whom the classifier knows")
    photos = np.bincount(label, minlength=len(classes))
    right = np.bincount(label[said == label], minlength=len(classes))
    seen = np.flatnonzero(photos)
    return {
        "photos": len(label),
        "classes": len(classes),
        "classes_seen": len(seen),
        "accuracy": float(right.sum() / len(label)),
        "accuracy_over_classes": float((right[seen] / photos[seen]).mean()),
        "per_class": [
            {"identity": classes[one], "photos": int(photos[one]), "right": int(right[one])} for one in seen
        ],
    }
