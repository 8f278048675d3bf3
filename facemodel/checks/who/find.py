"""Who is who: findings about photos and people, by the embeddings of a set's crops."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa

from facedata.checks.findings import Finding
from facedata.types import Float32Array, Int64Array

from ...config import CheckConfig
from ..official_pairs import OfficialPairs, official_pair_findings
from .people_findings import people_findings
from .photo_findings import photo_findings
from .reference import similarity_of_rows
from .strength import list_thresholds, measure_strength
from .weigh import find_who_is_who

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
    order = np.array(sorted(range(len(texts)), key=lambda at: texts[at].encode()), np.int64)
    person: Int64Array = np.argsort(order)[coded.indices.to_numpy()]
    names = [texts[at] for at in order.tolist()]
    photos = np.bincount(person, minlength=len(names))
    company, reason = int(photos[photos > 1].sum()), ""
    if len(photos) < 2:
        reason = "the set has one person, so there is nobody to compare with"
    elif company < _LEAST_IN_COMPANY:
        have = f"only {company} of the photos are of people who have" if company else "nobody here has"
        reason = f"{have} several photos, so nothing is known of what one person's photos have in common"
    if reason:
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
    usual, likelihood = who.likelihood.usual, who.likelihood
    similar = (similarity_of_rows(vectors, np.stack([pairs.left, pairs.right], 1)) - usual) / (1 - usual)
    sides = who.photo_near.take(pairs.left), who.photo_near.take(pairs.right)
    odds = likelihood.log_same(similar, 1, 1) - likelihood.log_other(similar, *sides)
    return [*findings, *official_pair_findings(pairs, crops, odds, least)], summary
