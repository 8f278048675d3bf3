"""Whether a model is strong enough for a set: how many wrong names it would find, how many invent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from facedata.types import Float32Array

from .estimates import compare_with_rest, own_pairs
from .likelihood import normalise
from .reference import similarity_of_rows
from .weigh import WhoIsWho

_NEVER = -0.9
"""No photo is so far from its people: then nothing tells a stranger from a poor photo in this set."""

_WEAK = 0.5
"""A model that would find less than half of the photos under wrong names says nothing worth reading."""

_OF_100 = 2.326
"""So many standard deviations above the mean lies one of a hundred."""


def measure_strength(who: WhoIsWho, vectors: Float32Array) -> dict[str, Any]:
    """Estimate what share of wrong names the model finds in this set, and what it reports by mistake.

    Each photo is compared with its own people's others as if these had another name: it would be found if
    that outweighs the most similar other people, and a name that it does not agree with.

    Returns:
        ``found_share``, ``false_photos`` expected, ``agreement``, ``most_similar_other``, ``alike_share``,
        ``is_weak``, and ``lines`` that say so.
    """
    counted = ~(who.wrong | who.stranger)
    similar, others = compare_with_rest(vectors, who.person, counted, who.likelihood.usual)
    near, centres = who.photo_near.usual(), who.people.near.usual()
    sides = (near, centres)
    odds = who.likelihood.log_same(similar, 1, others) - who.likelihood.log_best(similar, *sides)
    nobody = np.zeros(1)
    foreign = who.likelihood.log_same(nobody, 1, 2) - who.likelihood.log_other(nobody, *sides)
    prior = np.log(who.wrong_share / (1 - who.wrong_share))
    found = float((odds + prior - foreign > 0).mean())
    reported = who.wrong | who.stranger
    false_photos = float((1 / (1 + np.exp(np.clip(who.score[reported], -50, 50)))).sum())
    # of a network that tells nobody apart the scale is so small that it would be above 1
    most_similar = min(float(who.likelihood.best_at * centres.deviation[0] + centres.mean[0]), 1.0)
    own = f"two photos of one person have a similarity of {who.likelihood.agreement:.2f}"
    lines = [
        f"{own}, a person and the most similar other {most_similar:.2f} (0: any two people, 1: the same)",
        f"of photos under a wrong name it would find {found:.0%}, as their own people's photos tell",
    ]
    alike, expected = _alike_share(who, vectors)
    is_weak = found < _WEAK or alike < _WEAK * expected
    if alike < _WEAK * expected:
        lines.append(
            f"{alike:.0%} of the pairs of photos under one name are more alike than 99 in 100 pairs of two "
            f"people; if what it says of names were right, it would be about {expected:.0%}"
        )
    if is_weak:
        lines.append(
            "it is too weak for this set: it does not tell most photos of one person from those of similar "
            "people, so nothing is reported about who is who"
        )
    return {
        "found_share": round(found, 4),
        "false_photos": round(false_photos, 2),
        "agreement": round(who.likelihood.agreement, 4),
        "most_similar_other": round(most_similar, 4),
        "alike_share": round(alike, 4),
        "is_weak": is_weak,
        "lines": lines,
    }


def _alike_share(who: WhoIsWho, vectors: Float32Array) -> tuple[float, float]:
    """Return how many pairs under one name are more alike than 99% of two people's, and how many should be.

    A model that tells nobody from anybody finds, among so many people, somebody more similar to nearly every
    photo. Its own verdicts hide that: what agrees by chance is what is left. So all pairs are counted; both
    photos of a pair are right as often as it says.
    """
    pairs = own_pairs(who.person, np.ones(len(who.person), np.bool_))
    usual, likelihood = who.likelihood.usual, who.likelihood
    similar = (similarity_of_rows(vectors, pairs) - usual) / (1 - usual)
    normal = normalise(similar, *(who.photo_near.take(pairs[:, side]) for side in (0, 1)))
    alike = (normal > likelihood.other_mean + _OF_100 * likelihood.other_deviation).mean()
    right = ~(who.wrong | who.stranger)[np.unique(pairs)]
    return float(alike), float(right.mean() ** 2)


def list_thresholds(who: WhoIsWho, least: float) -> list[dict[str, Any]]:
    """Return the similarities from which people are reported, and how often that happens by chance.

    Args:
        who: what the evidence says.
        least: the log odds from which two names are reported as one person.
    """
    near = who.people.near.usual()
    found = []
    for count in (1, 4):
        value = who.likelihood.similarity_at(least, (count, count), (near, near))
        normal = (value - near.mean) / near.deviation
        by_chance = len(who.people) / 2 * float(who.likelihood.chance(normal)[0])
        photos = "1 photo" if count == 1 else f"{count} photos"
        text = f"similarity from which two names with {photos} each are reported as one person; by chance "
        text += f"{by_chance:.2g} such pairs are expected"
        found.append({"value": round(value, 4), "text": text, "by_chance": round(by_chance, 4)})
    prior = float(np.log(who.stranger_share / (1 - who.stranger_share)))
    sides = who.photo_near.usual(), near
    value = who.likelihood.similarity_at(prior, (1, 3), sides, of_any=True)
    text = "similarity to three photos of its own name below which a photo is far from its people"
    if value > _NEVER:
        found.append({"value": round(value, 4), "text": text})
    return found


def learnt_lines(trained: frozenset[str], names: Iterable[str], *, is_same_set: bool) -> list[str]:
    """Return what to say of a model that was trained on the people it doubts; nothing if it was not.

    Args:
        trained: the people it was trained on, by name; empty if that is not known.
        names: the set's people.
        is_same_set: whether it was trained on this very set.
    """
    everybody = frozenset(names)
    learnt = len(trained & everybody)
    if not learnt and not is_same_set:
        return []
    whom = f"{learnt:,} of these {len(everybody):,} people" if learnt else "this very set"
    line = (
        f"it was trained on {whom} and has learnt the names as they are, wrong ones too: it finds fewer of "
    )
    return [line + "them than a model that was trained on other people, and estimates itself too well"]
