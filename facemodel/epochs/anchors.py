"""The anchors that negatives are mined for, and their positives."""

from __future__ import annotations

import numpy as np

from facedata.sampling.pool import Pool
from facedata.sampling.quota import draw_below
from facedata.sampling.sample import sample_triplets
from facedata.types import Int64Array

from ..batches.people import TrainingPeople
from .hard_negatives import CANDIDATES_SEED
from .plan import as_data_errors


def draw_anchors(training: TrainingPeople, count: int | None, seed: int) -> tuple[Int64Array, Int64Array]:
    """Return anchors and their positives: ``count`` of them, or each crop that can be an anchor once.

    Args:
        training: the crops.
        count: how many; None for each crop once.
        seed: draws them.

    Raises:
        DataError: no person has two photos, or there is one person only.
    """
    with as_data_errors():
        drawn = sample_triplets(training.person, count or 1, np.random.default_rng([CANDIDATES_SEED, seed]))
    if count is not None:
        return drawn.anchor, drawn.positive
    pool, rng = Pool(training.person, len(training.names)), np.random.default_rng([CANDIDATES_SEED, seed])
    place = np.flatnonzero(pool.size[pool.owner] > 1)
    owner = pool.owner[place]
    size, start = pool.size[owner], pool.start[owner]
    other = start + (place - start + 1 + draw_below(size - 1, rng)) % size
    return pool.rows[place], pool.rows[other]
