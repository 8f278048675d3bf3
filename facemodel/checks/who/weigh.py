"""Who is who in a set: whose photo each one seems to be, and which names seem to be one person.

In three rounds: each person's photos are split into groups that agree; groups under two names are joined
where the evidence for one person outweighs what is usual between the most similar people of this set; each
name goes to one of the joined groups; photos that lose their name are set aside, and what one person's photos
have in common is estimated anew without them. Then whole people are compared, each with all photos left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from .agreement import Photos, split_people
from .estimates import estimate_best, estimate_own, first_guess
from .groups import Groups, make_groups
from .likelihood import Likelihood, Nearness, fit_best
from .names import Links, give_names, join_groups
from .nearest_groups import Nearest, find_nearest
from .reference import Reference, choose_reference

_ROUNDS = 3
_LEAST_SHARE, _MOST_SHARE = 0.002, 0.4
_CLEARLY = float(np.log(100))


class United(NamedTuple):
    """Names half of whose photos show a person with another name, as far as can be told all of them.

    Attributes:
        person: ``(p,)`` int64.
        to: ``(p,)`` int64, the other name.
        score: ``(p,)`` float64, log odds for these photos.
    """

    person: Int64Array
    to: Int64Array
    score: Float64Array


@dataclass(frozen=True, eq=False)
class WhoIsWho:
    """What the evidence says of each photo and each pair of names.

    Attributes:
        person: ``(n,)`` int64, the people's codes.
        likelihood: the estimated distributions.
        photo_near: how near the nearest others are to the photos.
        wrong: ``(n,)`` bool, the photo shows somebody else than its name says.
        stranger: ``(n,)`` bool, it is far from its own people, and nobody else's.
        to: ``(n,)`` int64, the person it seems to show, or -1.
        score: ``(n,)`` float64, log odds that it has a wrong name.
        similar: ``(n,)`` float64, its similarity to that person, for a stranger to its own people.
        own: ``(n,)`` float64, its similarity to its own people; NaN where there are none.
        by_majority: ``(n,)`` bool, whether more of its people's photos agree without it.
        people: the people, each with the photos that are left: one group a person.
        nearest: the people nearest to each, as groups of ``people``.
        same_odds: ``(k, count)`` float64: log odds that these are one person, against the most similar other.
        united: double names that whole people, compared, may not show.
        wrong_share: estimated share of photos under a wrong name.
        stranger_share: estimated share of strangers.
    """

    person: Int64Array
    likelihood: Likelihood
    photo_near: Nearness
    wrong: BoolArray
    stranger: BoolArray
    to: Int64Array
    score: Float64Array
    similar: Float64Array
    own: Float64Array
    by_majority: BoolArray
    people: Groups
    nearest: Nearest
    same_odds: Float64Array
    united: United
    wrong_share: float
    stranger_share: float


@dataclass(frozen=True, eq=False)
class _Round:
    """The groups of one round, and what the evidence says of each.

    ``main`` is the group that most likely has each person's name; ``similar`` is each group's similarity to
    its name's main group, and ``own_odds`` are the log odds that the two are one person.
    """

    groups: Groups
    nearest: Nearest
    main: Int64Array
    is_main: BoolArray
    similar: Float64Array
    own_odds: Float64Array


@dataclass(eq=False)
class _Belief:
    """The photos, and what is believed of them so far."""

    vectors: Float32Array
    person: Int64Array
    reference: Reference
    near: Nearness
    device: str
    likelihood: Likelihood
    wrong_share: float = 0.05
    stranger_share: float = 0.002

    def __post_init__(self) -> None:
        count = len(self.person)
        self.name: Int64Array | None = None
        self.wrong, self.stranger = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        self.score = np.full(count, -np.inf)
        self.similar, self.own = np.full(count, np.nan), np.full(count, np.nan)
        self.to = np.full(count, -1, np.int64)
        self.by_majority = np.zeros(count, np.bool_)

    def weigh_photos(self) -> None:
        """Find the photos under a wrong name, and strangers, by what is known of the distributions so far."""
        of_photo = split_people(Photos(self.vectors, self.near, self.likelihood), self.person)
        groups = make_groups(self.vectors, self.person, of_photo, self.reference)
        main = self._main_groups(groups)
        each, theirs = np.arange(len(groups)), main[groups.person]
        is_main = theirs == each
        nearest = find_nearest(groups, self.reference.usual, device=self.device)
        self.likelihood = estimate_best(self.likelihood, groups, nearest, is_main)
        similar = groups.similarity(each, theirs, self.reference.usual)
        own_odds = self.likelihood.log_same(similar, groups.size, groups.size[theirs])
        own_odds -= self.likelihood.log_other(similar, groups.near, groups.near.take(theirs))
        own_odds[is_main] = 0
        found = _Round(groups, nearest, main, is_main, similar, own_odds)
        links = self._link(found)
        joined = join_groups(groups, links, self.likelihood)
        names = give_names(groups, joined, main)
        self.name = names[groups.of_photo]
        self._decide_wrong(found, joined, names, links)

    def people(self) -> Groups:
        """Return each person's photos as a group, without those that seem to show somebody else."""
        of_photo = np.where(self.wrong | self.stranger, -1, self.person)
        return make_groups(self.vectors, self.person, of_photo, self.reference)

    def _main_groups(self, groups: Groups) -> Int64Array:
        """Return the group that likely has each name: the majority, else that of most photos that kept it."""
        kept = np.zeros(len(groups))
        if self.name is not None:
            np.add.at(kept, groups.of_photo, self.name == self.person)
        is_minority = 2 * groups.size <= np.bincount(groups.person, weights=groups.size)[groups.person]
        order = np.lexsort((np.arange(len(groups)), -groups.size, -kept, is_minority, groups.person))
        first = np.r_[True, np.diff(groups.person[order]) != 0]
        main = np.empty(int(groups.person.max()) + 1, np.int64)
        main[groups.person[order[first]]] = order[first]
        return main

    def _link(self, found: _Round) -> Links:
        """Return pairs of groups that seem to show one person.

        A group that does not agree with its name needs less evidence, the less it agrees, and the more wrong
        names there are in this set; if neither agrees with its name, both names must be wrong.
        """
        groups, nearest = found.groups, found.nearest
        is_minority = groups.size < groups.size[found.main[groups.person]]
        odds = same_odds(groups, nearest, self.likelihood)
        rows, columns = np.nonzero(np.isfinite(odds))
        other = nearest.groups[rows, columns]
        prior = np.log(self.wrong_share / (1 - self.wrong_share))
        wrong_names = np.maximum(is_minority[rows].astype(np.int64) + is_minority[other], 1)
        score = odds[rows, columns] + prior * wrong_names - found.own_odds[rows] - found.own_odds[other]
        good = (score > 0) & (odds[rows, columns] > -2)
        left, right = np.minimum(rows, other)[good], np.maximum(rows, other)[good]
        order = np.lexsort((right, left, -score[good]))
        left, right, score = left[order], right[order], score[good][order]
        first = np.sort(np.unique(left * len(groups) + right, return_index=True)[1])
        return Links(left[first], right[first], score[first])

    def _decide_wrong(self, found: _Round, joined: Int64Array, names: Int64Array, links: Links) -> None:
        """Set each photo's verdict, then the estimated shares of wrong names and strangers."""
        groups, count = found.groups, len(found.groups)
        photos_of = np.bincount(groups.person, weights=groups.size)
        in_joined = np.bincount(joined, minlength=count)[joined] > 1
        has_name = names == groups.person
        keeps_name = np.zeros(len(photos_of), np.bool_)
        keeps_name[groups.person[has_name]] = True
        # a name whose photos mostly lie with another name's is a double name, and its photos are not wrong
        which = np.unique(groups.person * count + joined, return_inverse=True)[1]
        inside = np.bincount(which, weights=groups.size)[which]
        is_wrong = in_joined & ~has_name & (2 * inside <= photos_of[groups.person])
        is_wrong &= (names >= 0) | keeps_name[groups.person]
        score = np.full(count, -np.inf)
        for side in (links.left, links.right):
            np.maximum.at(score, side, links.score)
        near = groups.similarity(np.arange(count), found.main[np.maximum(names, 0)], self.reference.usual)
        at = groups.of_photo
        self.wrong, self.score = is_wrong[at], np.where(is_wrong, score, -np.inf)[at]
        self.to = np.where(is_wrong & (names >= 0), names, -1)[at]
        nearest = np.where(names >= 0, near, found.nearest.similarity[:, 0])
        self.similar = np.where(is_wrong, nearest, found.similar)[at]
        self.own = np.where(found.is_main, np.nan, found.similar)[at]
        self.by_majority = (groups.size[found.main[groups.person]] > groups.size)[at]
        self._decide_strangers(found, ~found.is_main & ~is_wrong & ~in_joined)

    def _decide_strangers(self, found: _Round, alone: BoolArray) -> None:
        """Find the groups that are far from their name among those that are nobody else's, ``(k,)`` bool."""
        prior = np.log(self.stranger_share / (1 - self.stranger_share))
        is_stranger = alone & (found.own_odds < prior)
        doubt = 1 / (1 + np.exp(np.clip(found.own_odds[alone] - prior, -50, 50)))
        share = (doubt * found.groups.size[alone]).sum() / len(self.person)
        at = found.groups.of_photo
        self.stranger = is_stranger[at]
        self.score = np.where(self.stranger, prior - found.own_odds[at], self.score)
        self.wrong_share = float(np.clip((self.wrong | self.stranger).mean(), _LEAST_SHARE, _MOST_SHARE))
        self.stranger_share = float(np.clip(share, 5e-4, 0.2))

    def unite_names(self, people: Groups) -> United:
        """Find names of which half the photos show somebody with another name, and the rest nobody clearly.

        Then these photos are right, and the person has two names. Clearly somebody else: a hundred times
        likelier. A name to which other photos seem to belong is not one of these: photos were exchanged.
        """
        group_of = np.full(int(self.person.max()) + 1, -1)
        group_of[people.person] = np.arange(len(people))
        is_missed = np.zeros(len(group_of), np.bool_)
        is_missed[self.to[self.to >= 0]] = True
        rows = np.flatnonzero(self.wrong & (self.to >= 0) & ~is_missed[self.person])
        rest, other = group_of[self.person[rows]], group_of[self.to[rows]]
        rows, rest, other = (values[(rest >= 0) & (other >= 0)] for values in (rows, rest, other))
        similar = people.similarity(rest, other, self.reference.usual)
        same = self.likelihood.log_same(similar, people.size[rest], people.size[other])
        odds = same - self.likelihood.log_other(similar, people.near.take(rest), people.near.take(other))
        kept = np.bincount(people.of_photo[people.of_photo >= 0], minlength=len(people))[rest]
        leaving = np.bincount(self.person[rows], minlength=len(group_of))[self.person[rows]]
        found = rows[(odds > -_CLEARLY) & (leaving >= kept)]
        self.wrong[found] = False
        pairs, which = np.unique(
            np.stack([self.person[found], self.to[found]], 1), axis=0, return_inverse=True
        )
        score = np.full(len(pairs), -np.inf)
        np.maximum.at(score, which.ravel(), self.score[found])
        return United(pairs[:, 0], pairs[:, 1], score)


def find_who_is_who(vectors: Float32Array, person: Int64Array, device: str = "cpu") -> WhoIsWho:
    """Weigh who is who.

    Args:
        vectors: ``(n, dim)`` float32 of length one; may be memory-mapped.
        person: ``(n,)`` int64, codes from 0 without gaps; at least two people, and some with several photos.
        device: where to multiply, as torch names it.

    Raises:
        DeviceError: the device's memory is too small.
    """
    reference = choose_reference(vectors, person)
    near = reference.measure(vectors, person)
    likelihood = first_guess(vectors, person, reference, near)
    belief = _Belief(vectors, person, reference, near, device, likelihood)
    for _ in range(_ROUNDS):
        belief.weigh_photos()
        good = ~(belief.wrong | belief.stranger)
        belief.likelihood = estimate_own(belief.likelihood, vectors, person, good)
    people = belief.people()
    united = belief.unite_names(people)
    if len(united.person):  # their photos are right after all
        people = belief.people()
    nearest, likelihood = find_nearest(people, reference.usual, device=device), belief.likelihood
    if len(people) >= 3:
        at, scale = fit_best(nearest.normal[:, 1])
        likelihood = replace(likelihood, best_at=at, best_scale=scale)
    return WhoIsWho(
        person=person,
        likelihood=likelihood,
        photo_near=near,
        wrong=belief.wrong,
        stranger=belief.stranger,
        to=belief.to,
        score=belief.score,
        similar=belief.similar,
        own=belief.own,
        by_majority=belief.by_majority,
        people=people,
        nearest=nearest,
        same_odds=same_odds(people, nearest, likelihood),
        united=united,
        wrong_share=belief.wrong_share,
        stranger_share=belief.stranger_share,
    )


def same_odds(groups: Groups, nearest: Nearest, likelihood: Likelihood) -> Float64Array:
    """Return the log odds that each group and its nearest show one person; -inf where there is none."""
    odds = np.full(nearest.groups.shape, -np.inf)
    for column, (other, similar) in enumerate(zip(nearest.groups.T, nearest.similarity.T, strict=True)):
        rows = np.flatnonzero(other >= 0)
        other, similar = other[rows], similar[rows]
        same = likelihood.log_same(similar, groups.size[rows], groups.size[other])
        sides = groups.near.take(rows), groups.near.take(other)
        odds[rows, column] = same - likelihood.log_best(similar, *sides)
    return odds
