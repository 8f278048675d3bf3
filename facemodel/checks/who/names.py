"""Which name each group has: groups that show one person are joined, and each name goes to one of them."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from facedata.types import Float64Array, Int64Array

from ...recognition.assignment import assign_people
from .groups import Groups
from .likelihood import Likelihood, Nearness

_MOST_ASSIGNED = 300
"""Of more connected names, each goes to the largest of its people: a model that joins so many is lost."""


class Links(NamedTuple):
    """Pairs of groups under two names that seem to show one person, the surest first.

    Attributes:
        left: ``(p,)`` int64.
        right: ``(p,)`` int64.
        score: ``(p,)`` float64, log odds.
    """

    left: Int64Array
    right: Int64Array
    score: Float64Array


def join_groups(groups: Groups, links: Links, likelihood: Likelihood) -> Int64Array:
    """Join linked groups, the surest first, as long as the joined ones agree as a whole.

    Args:
        groups: the groups.
        links: which seem to show one person.
        likelihood: what agreement is here.

    Returns:
        ``(k,)`` int64: for each group the lowest number among those it is joined with.
    """
    joined = np.arange(len(groups))
    members: dict[int, list[int]] = {}
    for left, right in zip(links.left.tolist(), links.right.tolist(), strict=True):
        one, other = sorted((int(joined[left]), int(joined[right])))
        if one == other:
            continue
        mine, theirs = members.get(one, [one]), members.get(other, [other])
        if len(mine) + len(theirs) > 2 and _whole_odds(groups, mine, theirs, likelihood) < 0:
            continue
        members[one] = mine + theirs
        members.pop(other, None)
        joined[theirs] = one
    return joined


def _whole_odds(groups: Groups, left: list[int], right: list[int], likelihood: Likelihood) -> float:
    """Return the log odds that two joined groups show one person."""
    means, lengths, sizes, near = [], [], [], []
    for side in (left, right):
        weights = groups.size[side] / groups.size[side].sum()
        mean = weights @ groups.mean(np.array(side)).astype(np.float64)
        means.append(mean)
        lengths.append(max(float(mean @ mean) - likelihood.usual, 1e-6))
        sizes.append(int(groups.size[side].sum()))
        sides = groups.near.take(np.array(side))
        near.append(Nearness(np.array([weights @ sides.mean]), np.array([weights @ sides.deviation])))
    similar = np.array([(means[0] @ means[1] - likelihood.usual) / np.sqrt(lengths[0] * lengths[1])])
    odds = likelihood.log_same(similar, sizes[0], sizes[1]) - likelihood.log_best(similar, near[0], near[1])
    return float(odds[0])


def give_names(groups: Groups, joined: Int64Array, main: Int64Array) -> Int64Array:
    """Give each name to one of the joined groups, so that as many photos as possible keep their name.

    Each photo is a vote of its joined group for the name that it has. Where two names have one photo each of
    two people, nothing says who is who, and the lower numbers win.

    Args:
        groups: the groups.
        joined: from :func:`join_groups`.
        main: ``(people,)`` int64, the group that most likely has each name; it counts a little more.

    Returns:
        ``(k,)`` int64: each group's name as a person's code; -1 if all the names it has go to others.
    """
    most = np.zeros(int(groups.person.max()) + 1, np.int64)
    np.maximum.at(most, groups.person, groups.size)
    is_largest = groups.size == most[groups.person]
    is_largest &= np.bincount(groups.person[is_largest])[groups.person] == 1
    is_main = main[groups.person] == np.arange(len(groups))
    key, which = np.unique(joined * len(most) + groups.person, return_inverse=True)
    weights = groups.size + 0.25 * is_largest + 1e-3 * is_main
    votes: Float64Array = np.bincount(which, weights=weights).astype(np.float64)
    face, name = key // len(most), key % len(most)
    names = np.full(len(groups), -1, np.int64)
    # nearly all joined groups have one name, and nobody else has it
    is_plain = (np.bincount(face)[face] == 1) & (np.bincount(name)[name] == 1)
    names[face[is_plain]] = name[is_plain]
    left = ~is_plain
    for block in _connected(face[left], name[left]):
        rows = np.flatnonzero(left)[block]
        given = _assign(face[rows], name[rows], votes[rows])
        names[list(given)] = list(given.values())
    return names[joined]


def _connected(faces: Int64Array, names: Int64Array) -> list[list[int]]:
    """Return the places of pairs in blocks that have no joined group and no name in common."""
    parent: dict[int, int] = {}

    def find(node: int) -> int:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    pairs = list(zip(faces.tolist(), (-1 - names).tolist(), strict=True))  # names as numbers below 0
    for face, name in pairs:
        parent[find(face)] = find(name)
    blocks: dict[int, list[int]] = defaultdict(list)
    for place, (_, name) in enumerate(pairs):
        blocks[find(name)].append(place)
    return list(blocks.values())


def _assign(faces: Int64Array, names: Int64Array, votes: Float64Array) -> dict[int, int]:
    """Return the name of each joined group of a block that gets one."""
    (rows, row), (columns, column) = (np.unique(side, return_inverse=True) for side in (faces, names))
    if len(columns) > _MOST_ASSIGNED or len(rows) > 4 * _MOST_ASSIGNED:
        given: dict[int, int] = {}
        taken: set[int] = set()
        order = np.lexsort((names, faces, -votes))
        for one, name in zip(faces[order].tolist(), names[order].tolist(), strict=True):
            if one not in given and name not in taken:
                given[one] = name
                taken.add(name)
        return given
    weights = np.zeros((len(rows), len(columns)))
    weights[row, column] = votes
    chosen = assign_people(weights, 0.5).tolist()
    return {int(rows[at]): int(columns[to]) for at, to in enumerate(chosen) if to >= 0}
