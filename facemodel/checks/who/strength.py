"""Whether a model is strong enough for a set: how many wrong names it would find, how many invent."""

from __future__ import annotations

from typing import Any

import numpy as np

from facedata.types import Float32Array

from .estimates import compare_with_rest
from .weigh import WhoIsWho

_WEAK = 0.5
"""A model that would find less than half of the photos under wrong names says nothing worth reading."""


def measure_strength(who: WhoIsWho, vectors: Float32Array) -> dict[str, Any]:
    """Estimate what share of wrong names the model finds in this set, and what it reports by mistake.

    Each photo is compared with its own people's others as if these had another name: it would be found if
    that outweighs the most similar other people, and a name that it does not agree with.

    Returns:
        ``found_share``, ``false_photos`` and ``false_people`` expected, ``agreement``,
        ``most_similar_other``, ``is_weak``, and ``lines`` that say so.
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
    most_similar = float(who.likelihood.best_at * centres.deviation[0] + centres.mean[0])
    own = f"two photos of one person have a similarity of {who.likelihood.agreement:.2f}"
    lines = [
        f"{own}, a person and the most similar other {most_similar:.2f} (0: any two people, 1: the same)",
        f"of photos under a wrong name it would find {found:.0%}, as their own people's photos tell",
    ]
    is_weak = found < _WEAK
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
        "is_weak": is_weak,
        "lines": lines,
    }


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
    return [*found, {"value": round(value, 4), "text": text}]
