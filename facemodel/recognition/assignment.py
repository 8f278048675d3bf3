"""Which face of a photo is whom: one person at most once, and the names that fit best together."""

from __future__ import annotations

import numpy as np

from facedata.types import Float64Array, Int64Array

NOBODY = -1
"""The person of a face that stays unknown."""


def assign_people(alike: Float64Array, least: float | None) -> Int64Array:
    """Return each face's person so that nobody is named twice and the sum of likenesses is the largest.

    A face that stays unknown counts as ``least``. So a face whose nearest person is another face here gets
    its next best person who is alike enough, or stays unknown, whichever is better for all faces together.

    Kuhn, The Hungarian method for the assignment problem, 1955, by shortest augmenting paths.

    Args:
        alike: ``(faces, people)`` float64, higher the more alike, finite.
        least: the least likeness of a name; None if every face gets one as long as there are people left.

    Returns:
        ``(faces,)`` int64, the people's column numbers; :data:`NOBODY` for unknown.
    """
    faces = len(alike)
    if not alike.size:
        return np.full(faces, NOBODY, np.int64)
    # with n faces nobody needs more than their n best people: n - 1 of them can be taken
    best = np.argsort(-alike, axis=1, kind="stable")[:, :faces]
    columns = np.unique(best)
    gains = alike[:, columns] - (alike.min() - 1 if least is None else least)
    if least is not None:
        gains[alike[:, columns] < least] = -np.inf
    # one more column per face stands for unknown; it is worth a trifle less than a name that is just enough
    unknown = np.full((faces, faces), -1e-12 * max(1.0, float(np.abs(alike).max())))
    chosen = _cheapest_columns(-np.concatenate([gains, unknown], axis=1))
    return np.where(chosen < len(columns), columns[np.minimum(chosen, len(columns) - 1)], NOBODY)


def _cheapest_columns(cost: Float64Array) -> Int64Array:
    """Return a column for each row, all different, so that their costs' sum is the smallest.

    Args:
        cost: ``(n, m)``, m at least n; infinite where a row cannot have a column, but not in whole rows.
    """
    count, width = cost.shape
    row_price, column_price = np.zeros(count + 1), np.zeros(width + 1)
    row_of = np.zeros(width + 1, np.int64)  # from 1; 0 for none. Column 0 holds the row that looks for one
    came_from = np.zeros(width + 1, np.int64)
    for row in range(1, count + 1):
        row_of[0], column = row, 0
        nearest, reached = np.full(width + 1, np.inf), np.zeros(width + 1, np.bool_)
        while True:
            reached[column] = True
            at = row_of[column]
            reduced = np.append(np.inf, cost[at - 1]) - row_price[at] - column_price
            closer = ~reached & (reduced < nearest)
            nearest[closer], came_from[closer] = reduced[closer], column
            following = int(np.argmin(np.where(reached, np.inf, nearest)))
            step = nearest[following]
            row_price[row_of[reached]] += step
            column_price[reached] -= step
            nearest[~reached] -= step
            column = following
            if not row_of[column]:
                break
        while column:  # everybody on the path moves up by one
            row_of[column] = row_of[came_from[column]]
            column = int(came_from[column])
    columns = np.empty(count, np.int64)
    taken = np.flatnonzero(row_of[1:])
    columns[row_of[1 + taken] - 1] = taken
    return columns
