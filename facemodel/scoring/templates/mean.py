"""The embedding of a template: the mean over its media of the means over their photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import Float32Array, Float64Array, Int64Array

from ..distances import unit_length


@dataclass(frozen=True, eq=False)
class Templates:
    """Templates with their photos, and the pairs of them.

    Attributes:
        names: of the templates, as the file has them.
        template: ``(k,)`` int64, ascending: whose a photo is, as an index of ``names``; each has one or more.
        media: ``(k,)`` int64, the medium that it is from, ascending within a template.
        rows: ``(k,)`` int64, its crop, as a row number of the set's.
        left: ``(n,)`` int64 indices of ``names``, of the pairs.
        right: ``(n,)`` int64.
    """

    names: tuple[str, ...]
    template: Int64Array
    media: Int64Array
    rows: Int64Array
    left: Int64Array
    right: Int64Array


def mean_templates(embeddings: Float32Array, templates: Templates, by_direction: bool) -> Float32Array:
    """Return the templates' embeddings, ``(len(names), dim)`` float32.

    Args:
        embeddings: ``(k, dim)`` float32, of the photos in the order of ``templates.rows``.
        templates: whose they are.
        by_direction: photos count the same whatever their embeddings' length, and the mean has length one;
            else they are taken as they are.
    """
    rows = embeddings.astype(np.float64)
    rows = unit_length(rows) if by_direction else rows
    is_first = np.ones(len(rows), np.bool_)
    is_first[1:] = (np.diff(templates.template) != 0) | (np.diff(templates.media) != 0)
    of_media = _mean_groups(rows, np.flatnonzero(is_first))
    owner = templates.template[is_first]
    means = _mean_groups(of_media, np.searchsorted(owner, np.arange(len(templates.names))))
    return np.asarray(unit_length(means) if by_direction else means, np.float32)


def _mean_groups(rows: Float64Array, starts: Int64Array) -> Float64Array:
    """Return the mean of each group of neighbouring rows, of which the first ones are given."""
    counts = np.diff(np.append(starts, len(rows)))
    return np.asarray(np.add.reduceat(rows, starts, axis=0) / counts[:, None])
