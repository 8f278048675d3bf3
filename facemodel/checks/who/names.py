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
    joined = np.arange(len(groups.size))
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
        mean = weights @ groups.means[side].astype(np.float64)
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
    votes: dict[tuple[int, int], float] = defaultdict(float)
    is_largest = _is_largest(groups)
    for group, (owner, size) in enumerate(zip(groups.person.tolist(), groups.size.tolist(), strict=True)):
        lead = 0.25 * bool(is_largest[group]) + 1e-3 * (main[owner] == group)
        votes[int(joined[group]), owner] += size + lead
    of_people: dict[int, int] = {}
    for block in _connected(votes):
        of_people |= _assign(block, votes)
    return np.array([of_people.get(int(one), -1) for one in joined], np.int64)


def _is_largest(groups: Groups) -> Int64Array:
    """Return which groups are larger than every other one of their name."""
    most = np.zeros(int(groups.person.max()) + 1, np.int64)
    np.maximum.at(most, groups.person, groups.size)
    top = groups.size == most[groups.person]
    return np.asarray(top & (np.bincount(groups.person[top])[groups.person] == 1), np.int64)


def _connected(votes: dict[tuple[int, int], float]) -> list[list[tuple[int, int]]]:
    """Return the votes in blocks that have no joined group and no name in common."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def find(node: tuple[str, int]) -> tuple[str, int]:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    for joined, name in votes:
        parent[find(("joined", joined))] = find(("name", name))
    blocks: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for joined, name in votes:
        blocks[find(("name", name))].append((joined, name))
    return list(blocks.values())


def _assign(block: list[tuple[int, int]], votes: dict[tuple[int, int], float]) -> dict[int, int]:
    """Return the name of each joined group of a block that gets one."""
    if len(block) == 1:
        return {block[0][0]: block[0][1]}
    faces, names = sorted({one for one, _ in block}), sorted({name for _, name in block})
    if len(names) > _MOST_ASSIGNED or len(faces) > 4 * _MOST_ASSIGNED:
        given: dict[int, int] = {}
        taken: set[int] = set()
        for one, name in sorted(block, key=lambda pair: (-votes[pair], pair)):
            if one not in given and name not in taken:
                given[one] = name
                taken.add(name)
        return given
    weights = np.zeros((len(faces), len(names)))
    for one, name in block:
        weights[faces.index(one), names.index(name)] = votes[one, name]
    chosen = assign_people(weights, 0.5)
    return {faces[row]: names[column] for row, column in enumerate(chosen.tolist()) if column >= 0}
