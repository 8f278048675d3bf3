"""The embeddings of templates against a plain loop, as IJB's evaluations write it."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.scoring.templates.mean import Templates, mean_templates


@pytest.mark.parametrize("by_direction", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_loop_over_media(by_direction: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    template = np.sort(np.append(np.arange(7), rng.integers(7, size=33)))
    media = rng.integers(4, size=40) + 10 * template
    order = np.lexsort([media, template])
    template, media = template[order], media[order]
    rows = rng.normal(size=(40, 5)).astype(np.float32)
    none = np.empty(0, np.int64)
    found = mean_templates(
        rows, Templates(tuple("abcdefg"), template, media, np.arange(40), none, none), by_direction
    )
    for one in range(7):
        parts = []
        for medium in np.unique(media[template == one]):
            mine = rows[(template == one) & (media == medium)].astype(np.float64)
            if by_direction:
                mine = mine / np.linalg.norm(mine, axis=1, keepdims=True)
            parts.append(mine.mean(axis=0))
        wanted = np.mean(parts, axis=0)
        wanted = wanted / np.linalg.norm(wanted) if by_direction else wanted
        np.testing.assert_allclose(found[one], wanted, rtol=1e-5, atol=1e-6)
