"""Who is who: findings about photos and people, by the embeddings of a set's crops."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa

from facedata.checks.findings import Finding
from facedata.types import Float32Array, Float64Array, Int64Array

from ...config import CheckConfig
from ..official_pairs import OfficialPairs, official_pair_findings
from .people_findings import people_findings
from .photo_findings import photo_findings
from .reference import similarity_of_rows
from .strength import list_thresholds, measure_strength
from .weigh import WhoIsWho, find_who_is_who

_LEAST_IN_COMPANY = 10
"""With fewer photos of people with several, nothing is known of what one person's photos have in common."""


def find_people_findings(
    vectors: Float32Array, crops: pa.Table, config: CheckConfig, *, pairs: OfficialPairs, device: str = "cpu"
) -> tuple[list[Finding], dict[str, Any]]:
    """Return the findings about people, and for summary.json what they rest on.

    Args:
        vectors: ``(n, dim)`` float32 of length one; may be memory-mapped.
        crops: ``id``, ``photo``, ``identity`` and ``split`` of each.
        config: the options.
        pairs: the set's official pairs, as rows of these.
        device: where to multiply, as torch names it.
    """
    coded = crops.column("identity").combine_chunks().dictionary_encode()
    texts = coded.dictionary.to_pylist()
    order = np.argsort(np.array([name.encode() for name in texts], dtype=object), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    person: Int64Array = rank[coded.indices.to_numpy()]
    names = [texts[at] for at in order.tolist()]
    photos = np.bincount(person, minlength=len(names))
    if reason := _too_few(photos):
        return [], {"strength": {"lines": [reason], "is_weak": True}}
    who = find_who_is_who(vectors, person, device)
    strength, least = measure_strength(who, vectors), float(np.log(config.odds))
    summary = {
        "likelihood": {name: round(value, 6) for name, value in dataclasses.asdict(who.likelihood).items()},
        "wrong_share": round(who.wrong_share, 6),
        "stranger_share": round(who.stranger_share, 6),
        "odds": config.odds,
        "doubt": config.doubt,
        "thresholds": list_thresholds(who, least),
        "strength": strength,
    }
    if strength["is_weak"]:
        return [], summary
    findings = photo_findings(who, crops, names, config.doubt)
    findings += people_findings(who, vectors, crops, names, least)
    findings += official_pair_findings(pairs, crops, _pair_odds(who, vectors, pairs), least)
    return findings, summary


def _too_few(photos: Int64Array) -> str:
    """Return why nothing can be said of so many photos a person; empty if it can."""
    if len(photos) < 2:
        return "the set has one person, so there is nobody to compare with"
    if (company := int(photos[photos > 1].sum())) < _LEAST_IN_COMPANY:
        return (
            f"{company or 'no'} photos are of people with several, too few to know what one person's photos "
            "have in common"
        )
    return ""


def _pair_odds(who: WhoIsWho, vectors: Float32Array, pairs: OfficialPairs) -> Float64Array:
    """Return the log odds that the photos of each pair show one person, ``(p,)`` float64."""
    usual = who.likelihood.usual
    similar = (similarity_of_rows(vectors, np.stack([pairs.left, pairs.right], 1)) - usual) / (1 - usual)
    sides = who.photo_near.take(pairs.left), who.photo_near.take(pairs.right)
    return who.likelihood.log_same(similar, 1, 1) - who.likelihood.log_other(similar, *sides)
