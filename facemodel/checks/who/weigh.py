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

from .groups import Groups, make_groups, split_people
from .likelihood import Likelihood, Nearness, fisher_z, fit_best, normalise
from .names import Links, give_names, join_groups
from .nearest_groups import Nearest, find_nearest
from .reference import Reference, choose_reference, own_length, similarity_of_rows

_ROUNDS = 3
_MEASURED = 40
"""The most photos of one person that the estimates look at."""

_OWN_NORMAL = 2.5
"""In the first round, photos under one name that are so near show one person, as few others do."""

_LEAST_SHARE, _MOST_SHARE = 0.002, 0.4
_LEAST_FITTED = 30
_TAIL_FROM = -2.5
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


@dataclass(eq=False)
class _Photos:
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
        self.name = self.person.copy()
        self.wrong, self.stranger = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        self.score = np.full(count, -np.inf)
        self.similar, self.own = np.full(count, np.nan), np.full(count, np.nan)
        self.to = np.full(count, -1, np.int64)
        self.by_majority = np.zeros(count, np.bool_)


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
    photos = _Photos(vectors, person, reference, near, device, _first_guess(vectors, person, reference, near))
    for number in range(_ROUNDS):
        _weigh_photos(photos, is_first=number == 0)
        photos.likelihood = _estimate_own(photos)
    united = _unite_names(photos, _group_people(photos))
    people = _group_people(photos)
    nearest = find_nearest(people, reference.usual, device=device)
    if len(people.size) >= 3:
        at, scale = fit_best(nearest.normal[:, 1])
        photos.likelihood = replace(photos.likelihood, best_at=at, best_scale=scale)
    odds = _same_odds(people, nearest, photos.likelihood)
    return WhoIsWho(
        person, photos.likelihood, near, photos.wrong, photos.stranger, photos.to, photos.score,
        photos.similar, photos.own, photos.by_majority, people, nearest, odds, united, photos.wrong_share,
        photos.stranger_share,
    )  # fmt: skip


def _group_people(photos: _Photos) -> Groups:
    """Return each person's photos as a group, without those that seem to show somebody else."""
    of_photo = np.where(photos.wrong | photos.stranger, -1, photos.person)
    return make_groups(photos.vectors, photos.person, of_photo, photos.reference)


def _unite_names(photos: _Photos, people: Groups) -> United:
    """Find names of which half the photos show somebody with another name, and the rest nobody else clearly.

    Then these photos are right, and the person has two names. Clearly somebody else: a hundred times
    likelier. A name to which other photos seem to belong is not one of these: photos were exchanged.
    """
    group_of = np.full(int(photos.person.max()) + 1, -1)
    group_of[people.person] = np.arange(len(people.size))
    is_missed = np.zeros(len(group_of), np.bool_)
    is_missed[photos.to[photos.to >= 0]] = True
    rows = np.flatnonzero(photos.wrong & (photos.to >= 0) & ~is_missed[photos.person])
    rest, other = group_of[photos.person[rows]], group_of[photos.to[rows]]
    rows, rest, other = (values[(rest >= 0) & (other >= 0)] for values in (rows, rest, other))
    similar = people.similarity(rest, other, photos.reference.usual)
    same = photos.likelihood.log_same(similar, people.size[rest], people.size[other])
    odds = same - photos.likelihood.log_other(similar, people.near.take(rest), people.near.take(other))
    kept = np.bincount(people.of_photo[people.of_photo >= 0], minlength=len(people.size))[rest]
    leaving = np.bincount(photos.person[rows], minlength=len(group_of))[photos.person[rows]]
    found = rows[(odds > -_CLEARLY) & (leaving >= kept)]
    photos.wrong[found] = False
    pairs, which = np.unique(
        np.stack([photos.person[found], photos.to[found]], 1), axis=0, return_inverse=True
    )
    score = np.full(len(pairs), -np.inf)
    np.maximum.at(score, which.ravel(), photos.score[found])
    return United(pairs[:, 0], pairs[:, 1], score)


def _first_guess(
    vectors: Float32Array, person: Int64Array, reference: Reference, near: Nearness
) -> Likelihood:
    """Estimate the distributions before anything is known of wrong names."""
    usual = reference.usual
    similar = (similarity_of_rows(vectors, reference.pairs) - usual) / (1 - usual)
    normal = normalise(similar, *(near.take(reference.pairs[:, side]) for side in (0, 1)))
    middle = float(np.median(normal))
    pairs = _own_pairs(person, np.ones(len(person), np.bool_))
    own = (similarity_of_rows(vectors, pairs) - usual) / (1 - usual)
    sure = own[normalise(own, *(near.take(pairs[:, side]) for side in (0, 1))) > _OWN_NORMAL]
    sure = sure if len(sure) else own
    agreement = float(np.clip(np.median(sure), 0.05, 0.99))
    deviation = float(np.median(np.abs(fisher_z(sure) - fisher_z(np.array(agreement)))))
    return Likelihood(
        usual=usual,
        agreement=agreement,
        spread=max(1.4826 * deviation, 0.02),
        other_mean=middle,
        other_deviation=max(1.4826 * float(np.median(np.abs(normal - middle))), 1e-3),
    )


def _own_pairs(person: Int64Array, counted: BoolArray) -> Int64Array:
    """Return pairs of photos under one name, ``(p, 2)``: each photo with the next ones of its name.

    All pairs of people with up to eleven photos; of others each photo's pairs with ten.
    """
    rows = np.flatnonzero(counted)
    order = rows[np.argsort(person[rows], kind="stable")]
    pairs = []
    for step in range(1, 11):
        same = person[order[step:]] == person[order[:-step]]
        pairs.append(np.stack([order[:-step][same], order[step:][same]], 1))
    return np.concatenate(pairs)


def _weigh_photos(photos: _Photos, is_first: bool) -> None:
    """Find the photos under a wrong name, and strangers, by what is known of the distributions so far."""
    groups = make_groups(
        photos.vectors, photos.person,
        split_people(photos.vectors, photos.person, photos.near, photos.likelihood), photos.reference,
    )  # fmt: skip
    main = _main_groups(photos, groups, is_first)
    is_main = main[groups.person] == np.arange(len(groups.size))
    nearest = find_nearest(groups, photos.reference.usual, device=photos.device)
    photos.likelihood = _estimate_best(photos.likelihood, groups, nearest, is_main)
    similar, own_odds = _compare_with_own(photos, groups, main)
    own_odds[is_main] = 0
    is_minority = groups.size < groups.size[main[groups.person]]
    links = _link(photos, groups, nearest, is_minority, own_odds)
    joined = join_groups(groups, links, photos.likelihood)
    names = give_names(groups, joined, main)
    photos.name = names[groups.of_photo]
    _decide(photos, groups, main, joined, names, links, nearest, similar, own_odds)


def _main_groups(photos: _Photos, groups: Groups, is_first: bool) -> Int64Array:
    """Return the group that most likely has each name: its largest, or that of most photos that kept it."""
    kept = np.zeros(len(groups.size))
    if not is_first:
        np.add.at(kept, groups.of_photo, photos.name == photos.person)
    order = np.lexsort((np.arange(len(groups.size)), -groups.size, -kept, groups.person))
    first = np.r_[True, np.diff(groups.person[order]) != 0]
    main = np.empty(int(groups.person.max()) + 1, np.int64)
    main[groups.person[order[first]]] = order[first]
    return main


def _estimate_best(
    likelihood: Likelihood, groups: Groups, nearest: Nearest, is_main: BoolArray
) -> Likelihood:
    """Estimate how similar the most similar other people are, from main groups of several photos, if many."""
    if nearest.groups.shape[1] < 2:
        return likelihood
    normal = np.where(is_main[nearest.groups] & (nearest.groups >= 0), nearest.normal, -np.inf)
    rows = np.flatnonzero(is_main & (groups.size > 1))
    rows = rows if len(rows) >= _LEAST_FITTED else np.flatnonzero(is_main)
    second = -np.sort(-normal[rows], axis=1)[:, 1]
    second = second[np.isfinite(second)]
    if len(second) < 2:
        return likelihood
    at, scale = fit_best(second)
    return replace(likelihood, best_at=at, best_scale=scale)


def _compare_with_own(photos: _Photos, groups: Groups, main: Int64Array) -> tuple[Float64Array, Float64Array]:
    """Return each group's similarity to its name's main group, and the log odds that they are one person."""
    mine, theirs = np.arange(len(groups.size)), main[groups.person]
    similar = groups.similarity(mine, theirs, photos.reference.usual)
    same = photos.likelihood.log_same(similar, groups.size, groups.size[theirs])
    return similar, same - photos.likelihood.log_other(similar, groups.near, groups.near.take(theirs))


def _same_odds(groups: Groups, nearest: Nearest, likelihood: Likelihood) -> Float64Array:
    """Return the log odds that each group and its nearest show one person; -inf where there is none."""
    odds = np.full(nearest.groups.shape, -np.inf)
    rows, columns = np.nonzero(nearest.groups >= 0)
    other, similar = nearest.groups[rows, columns], nearest.similarity[rows, columns]
    same = likelihood.log_same(similar, groups.size[rows], groups.size[other])
    odds[rows, columns] = same - likelihood.log_best(similar, groups.near.take(rows), groups.near.take(other))
    return odds


def _link(
    photos: _Photos, groups: Groups, nearest: Nearest, is_minority: BoolArray, own_odds: Float64Array
) -> Links:
    """Return pairs of groups that seem to show one person.

    A group that does not agree with its name needs less evidence, the less it agrees, and the more wrong
    names there are in this set; if neither agrees with its name, both names must be wrong.
    """
    odds = _same_odds(groups, nearest, photos.likelihood)
    rows, columns = np.nonzero(np.isfinite(odds))
    other = nearest.groups[rows, columns]
    prior = np.log(photos.wrong_share / (1 - photos.wrong_share))
    wrong_names = np.maximum(is_minority[rows].astype(np.int64) + is_minority[other], 1)
    score = odds[rows, columns] + prior * wrong_names - own_odds[rows] - own_odds[other]
    good = (score > 0) & (odds[rows, columns] > -2)
    left, right = np.minimum(rows, other)[good], np.maximum(rows, other)[good]
    order = np.lexsort((right, left, -score[good]))
    left, right, score = left[order], right[order], score[good][order]
    _, first = np.unique(np.stack([left, right]), axis=1, return_index=True)
    first.sort()
    return Links(left[first], right[first], score[first])


def _decide(
    photos: _Photos, groups: Groups, main: Int64Array, joined: Int64Array, names: Int64Array, links: Links,
    nearest: Nearest, similar: Float64Array, own_odds: Float64Array,
) -> None:  # fmt: skip
    """Set each photo's verdict, and the estimated shares of wrong names and strangers."""
    count, people = len(groups.size), int(groups.person.max()) + 1
    photos_of = np.bincount(groups.person, weights=groups.size, minlength=people)
    in_joined = np.bincount(joined, minlength=count)[joined] > 1
    has_name = names == groups.person
    keeps_name = np.zeros(people, np.bool_)
    keeps_name[groups.person[has_name]] = True
    # a name whose photos mostly lie with another name's is a double name, and its photos are not wrong
    key = groups.person * count + joined
    which = np.unique(key, return_inverse=True)[1]
    inside = np.bincount(which, weights=groups.size)[which]
    is_wrong = in_joined & ~has_name & (2 * inside <= photos_of[groups.person])
    is_wrong &= (names >= 0) | keeps_name[groups.person]
    is_main = main[groups.person] == np.arange(count)
    prior = np.log(photos.stranger_share / (1 - photos.stranger_share))
    alone = ~is_main & ~is_wrong & ~(has_name & in_joined)
    is_stranger = alone & (own_odds < prior)
    doubt = 1 / (1 + np.exp(np.clip(own_odds[alone] - prior, -50, 50)))
    shares = (doubt * groups.size[alone]).sum() / len(photos.person)
    score = np.where(is_stranger, prior - own_odds, -np.inf)
    best = np.full(count, -np.inf)
    for side in (links.left, links.right):
        np.maximum.at(best, side, links.score)
    score = np.where(is_wrong, best, score)
    to_main = main[np.maximum(names, 0)]
    near = groups.similarity(np.arange(count), to_main, photos.reference.usual)
    at = groups.of_photo
    photos.wrong, photos.stranger = is_wrong[at], is_stranger[at]
    photos.to = np.where(is_wrong & (names >= 0), names, -1)[at]
    photos.score = score[at]
    photos.similar = np.where(is_wrong, np.where(names >= 0, near, nearest.similarity[:, 0]), similar)[at]
    photos.own = np.where(is_main, np.nan, similar)[at]
    photos.by_majority = (groups.size[main[groups.person]] > groups.size)[at]
    photos.wrong_share = float(np.clip((photos.wrong | photos.stranger).mean(), _LEAST_SHARE, _MOST_SHARE))
    photos.stranger_share = float(np.clip(shares, 1e-3, 0.2))


def _estimate_own(photos: _Photos) -> Likelihood:
    """Estimate anew what one person's photos have in common, from those not under a wrong name."""
    usual, good = photos.reference.usual, ~(photos.wrong | photos.stranger)
    pairs = _own_pairs(photos.person, good)
    if not len(pairs):
        return photos.likelihood
    own = (similarity_of_rows(photos.vectors, pairs) - usual) / (1 - usual)
    likelihood = replace(photos.likelihood, agreement=float(np.clip(np.median(own), 0.05, 0.99)))
    similar, others = compare_with_rest(photos.vectors, photos.person, good, usual)
    apart = fisher_z(similar) - fisher_z(likelihood.expected(1, others))
    spread = max(1.4826 * float(np.median(np.abs(apart - np.median(apart)))), 0.02)
    tail = float(np.clip((apart < _TAIL_FROM * spread).mean() * 1.5, 0.02, 0.3))
    return replace(likelihood, spread=spread, tail=tail)


def compare_with_rest(
    vectors: Float32Array, person: Int64Array, counted: BoolArray, usual: float
) -> tuple[Float64Array, Int64Array]:
    """Compare photos with the mean of their people's other photos, at most 40 of a person.

    Returns:
        Similarities, ``(m,)`` float64, and how many others each was compared with, ``(m,)`` int64.
    """
    rows = np.flatnonzero(counted)
    order = rows[np.argsort(person[rows], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(person[order]) != 0, True])
    similar, others = [], []
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if stop - start > 1:
            mine = np.asarray(vectors[order[start : min(stop, start + _MEASURED)]], np.float64)
            rest = (mine.sum(0) - mine) / (len(mine) - 1)
            scale = np.sqrt(own_length(rest, usual) * (1 - usual))
            similar.append((np.einsum("ij,ij->i", mine, rest) - usual) / scale)
            others.append(np.full(len(mine), len(mine) - 1))
    if not similar:
        return np.empty(0), np.empty(0, np.int64)
    return np.concatenate(similar), np.concatenate(others)
