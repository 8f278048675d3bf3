"""How often photos are named correctly: by the nearest of one anchor photo per person, or by a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..errors import ScoreError
from .distances import is_same, likeness, nearest
from .open_set import Probes, open_set_figures


@dataclass(frozen=True, eq=False)
class Roles:
    """The role of each crop of a split.

    Attributes:
        anchors: ``(people,)`` int64, rows of the one crop that represents each person with two or more.
        probes: ``(m,)`` int64, rows of those people's other crops, which are to be named.
        strangers: ``(k,)`` int64, rows of the crops of people with only one, which should get no name.
    """

    anchors: Int64Array
    probes: Int64Array
    strangers: Int64Array


def deal_roles(person: Int64Array, reference: BoolArray, seed: int) -> Roles:
    """Choose each person's anchor: a reference photo if there is one, else a photo at random.

    Args:
        person: ``(n,)`` int64, the person on each crop.
        reference: ``(n,)`` bool, which are reference photos.
        seed: the same crops and seed give the same anchors.
    """
    lot = np.random.default_rng(seed).random(len(person))
    order = np.lexsort((lot, ~reference, person))  # by person; reference photos first, then at random
    starts = np.flatnonzero(np.diff(person[order], prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    first = np.zeros(len(person), np.bool_)
    first[order[starts[counts > 1]]] = True
    alone = np.zeros(len(person), np.bool_)
    alone[order[starts[counts == 1]]] = True
    return Roles(np.flatnonzero(first), np.flatnonzero(~first & ~alone), np.flatnonzero(alone))


def name_by_anchors(
    embeddings: Float32Array,
    person: Int64Array,
    reference: BoolArray,
    metric: str,
    threshold: float | None,
    seed: int,
) -> dict[str, Any]:
    """Choose each person's anchor, and return :func:`naming_figures`; see :func:`deal_roles`."""
    return naming_figures(embeddings, person, deal_roles(person, reference, seed), metric, threshold)


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
    ``let_in`` counts strangers who got a name. ``over_people`` has the same shares as means over people, so
    that no person dominates. Without a threshold only ``rank1`` is given.

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
    probes = Probes(-likeness(near, metric), person[roles.anchors][who] == whose, -likeness(strange, metric))
    figures = {"people": len(roles.anchors), **open_set_figures(probes, threshold, metric)}
    inside = is_same(near, threshold, metric)
    figures["over_people"] = {
        "rank1": _mean_over_people(whose, probes.right),
        "right": _mean_over_people(whose, inside & probes.right),
        "wrong": _mean_over_people(whose, inside & ~probes.right),
        "unknown": _mean_over_people(whose, ~inside),
    }
    if threshold is None:  # then every photo gets a name: these figures would mean nothing
        for some in (figures, figures["over_people"]):
            some.update(dict.fromkeys({"right", "wrong", "unknown", "let_in", "let_in_rate"} & set(some)))
    return figures


def _mean_over_people(whose: Int64Array, which: BoolArray) -> float:
    """Return the mean of each person's share."""
    _, codes, counts = np.unique(whose, return_inverse=True, return_counts=True)
    shares: Float64Array = np.bincount(codes, weights=which) / counts
    return float(shares.mean())


def class_figures(chosen: Int64Array, label: Int64Array, classes: tuple[str, ...]) -> dict[str, Any]:
    """Count how often a classifier names photos of its own people correctly, also for each of them.

    Args:
        chosen: ``(n,)`` int64, the class with the largest logit.
        label: ``(n,)`` int64, the right class.
        classes: the identity of each class.

    Raises:
        ScoreError: there is no photo.
    """
    if not len(label):
        raise ScoreError("no photo shows a person whom the classifier knows")
    photos = np.bincount(label, minlength=len(classes))
    right = np.bincount(label[chosen == label], minlength=len(classes))
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
