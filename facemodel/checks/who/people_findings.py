"""Findings about people: two names for one person, and people who look alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.types import Float32Array, Float64Array, Int64Array

from .weigh import WhoIsWho

_MERGED = float(np.log(9))
"""Two names are proposed as one person from a probability of nine in ten."""

_TWIN = 0.9
"""Photos so similar may be one picture: it proves a wrong name, not one person."""

_ALIKE = 1.0
"""People are said to look alike where less than one such pair is expected by chance in the whole set."""


class _Pair(NamedTuple):
    """Two people: groups of ``who.people``; ``goes`` has fewer photos."""

    goes: int
    stays: int
    log_odds: float
    similarity: float
    is_whole: bool


def people_findings(
    who: WhoIsWho, vectors: Float32Array, crops: pa.Table, names: list[str], least: float
) -> list[Finding]:
    """Return double names, also those across two splits, and look-alikes.

    Args:
        who: what the evidence says.
        vectors: ``(n, dim)`` float32 of length one.
        crops: ``id``, ``photo``, ``identity`` and ``split`` of each.
        names: the people's names, by code.
        least: the log odds from which two names are reported as one person.
    """
    people = _People(who, vectors, crops, names, least)
    found = []
    for pair in _near_pairs(who, least):
        found += people.double_name(pair) if pair.log_odds >= least else [people.look_alikes(pair)]
    return found


def _near_pairs(who: WhoIsWho, least: float) -> list[_Pair]:
    """Return the pairs of people to report, each once, with the better of both directions.

    People look alike where both have several photos, and they are nearer than chance has it in a set of this
    size.
    """
    people, near = who.people, who.nearest
    alike = (people.size > 1)[:, None] & (people.size > 1)[near.groups]
    alike &= len(people) / 2 * who.likelihood.chance(near.normal) < _ALIKE
    rows, columns = np.nonzero(np.isfinite(who.same_odds) & ((who.same_odds >= least) | alike))
    united, united_odds = _united_groups(who)
    sides = np.stack([np.r_[rows, united[0]], np.r_[near.groups[rows, columns], united[1]]])
    odds = np.r_[who.same_odds[rows, columns], united_odds]
    united_similar = people.similarity(united[0], united[1], who.likelihood.usual)
    similar = np.r_[near.similarity[rows, columns], united_similar]
    is_whole = np.arange(len(odds)) < len(rows)
    goes, stays = np.take_along_axis(sides, np.lexsort((-sides, people.size[sides]), axis=0), 0)
    order = np.lexsort((~is_whole, -odds, stays, goes))
    same_as_before = (np.diff(goes[order]) == 0) & (np.diff(stays[order]) == 0)
    first = order[np.r_[True, ~same_as_before][: len(order)]]
    first = first[is_whole[first] | (odds[first] >= least)]
    first = first[np.lexsort((stays[first], goes[first], -odds[first]))]
    values = [column[first].tolist() for column in (goes, stays, odds, similar, is_whole)]
    return [_Pair(*pair) for pair in zip(*values, strict=True)]


def _united_groups(who: WhoIsWho) -> tuple[Int64Array, Float64Array]:
    """Return the united names that are still there as pairs of groups, ``(2, p)``, and their log odds."""
    place = np.full(int(who.person.max()) + 1, -1)
    place[who.people.person] = np.arange(len(who.people))
    pairs = np.stack([place[who.united.person], place[who.united.to]])
    here = (pairs >= 0).all(0)
    return pairs[:, here], who.united.score[here]


@dataclass(frozen=True, eq=False)
class _People:
    """What the findings about two people are made of."""

    who: WhoIsWho
    vectors: Float32Array
    crops: pa.Table
    names: list[str]
    least: float

    @cached_property
    def _share_of_doubles(self) -> float:
        """Which share of the people has a second name, estimated by expectation and maximisation."""
        who, count = self.who, len(self.who.people)
        odds, (united, score) = who.same_odds.copy(), _united_groups(who)
        mine = united.min(0) * count + united.max(0)
        keys = np.unique(mine)
        if len(keys):  # those whose other evidence is better do not count
            best_of = np.full(len(keys), -np.inf)
            np.maximum.at(best_of, np.searchsorted(keys, mine), score)
            row = np.arange(count)[:, None]
            key = np.minimum(row, who.nearest.groups) * count + np.maximum(row, who.nearest.groups)
            at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
            odds[(keys[at] == key) & (best_of[at] > odds)] = -np.inf
        best = odds.max(1, initial=-np.inf)
        np.maximum.at(best, who.nearest.groups, odds)
        share = 0.01
        for _ in range(50):
            log_odds = np.clip(best + np.log(share / (1 - share)), -50, 50)
            share = float(np.clip((1 / (1 + np.exp(-log_odds))).mean(), 1 / (count + 1), 0.2))
        return share

    @cached_property
    def _rows(self) -> tuple[Int64Array, Int64Array]:
        """The photos in the order of the people's groups, and where each group begins."""
        order = np.argsort(self.who.people.of_photo, kind="stable")
        return order, np.searchsorted(self.who.people.of_photo[order], np.arange(len(self.who.people) + 1))

    @cached_property
    def _splits(self) -> tuple[list[str], Int64Array, Int64Array]:
        """The splits' names, and the first and last split that each person's crops are in; -1 for none."""
        coded = self.crops.column("split").combine_chunks().dictionary_encode()
        split = coded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        first, last = np.full(len(self.names), len(split)), np.full(len(self.names), -1)
        known = split >= 0
        np.minimum.at(first, self.who.person[known], split[known])
        np.maximum.at(last, self.who.person[known], split[known])
        return coded.dictionary.to_pylist(), first, last

    def double_name(self, pair: _Pair) -> list[Finding]:
        """Return the finding that two names are one person, and, where their splits differ, a second one."""
        goes, stays = self._names_of(pair)
        sizes = self._sizes_of(pair)
        left, right, is_twin = self._nearest_photos(pair)
        share = self._share_of_doubles
        is_sure = pair.is_whole and pair.log_odds + np.log(share / (1 - share)) >= _MERGED
        times = (
            f"{float(f'{np.exp(pair.log_odds):.2g}'):,.0f} times"
            if pair.log_odds <= np.log(1e6)
            else "over a million times"
        )
        counts = ["1 photo" if count == 1 else f"{count:,} photos" for count in sizes]
        text = (
            f"{goes} ({counts[0]}) and {stays} ({counts[1]}) look like one person: "
            f"{times} likelier than the most similar two (similarity {pair.similarity:.2f})"
        )
        if is_twin:
            text += "; it may be one picture under two names, which does not make them one person"
        elif max(sizes) == 1:
            text += "; with one photo each they may also be relatives or look-alikes"
        names, first, last = self._splits
        codes = self.who.people.person[[pair.goes, pair.stays]]
        one, other = first[codes].tolist()
        crosses = bool((first[codes] == last[codes]).all()) and one != other
        sides = self.who.people.near.take([pair.goes]), self.who.people.near.take([pair.stays])
        about = {
            "score": float(1 / (1 + np.exp(-np.clip(pair.log_odds - self.least, -50, 50)))),
            "left": self.crops.column("id")[left].as_py(),
            "right": self.crops.column("id")[right].as_py(),
            "identity": goes,
            "to_identity": stays,
            "value": pair.similarity,
            "threshold": self.who.likelihood.similarity_at(self.least, sizes, sides),
        }
        severity = Severity.ERROR if crosses else Severity.SUSPECT
        proposal = Proposal.MERGE if is_sure and max(sizes) > 1 and not is_twin else None
        text += _shared_words(goes, stays) + "."
        found = [Finding(Kind.DOUBLE_NAME, severity, why=text, proposal=proposal, **about)]
        if crosses:
            text = (
                f"{goes} is in {names[one]} and {stays} in {names[other]}, and they look like one person: "
                f"{times} likelier than the most similar two."
            )
            found.append(Finding(Kind.PERSON_IN_TWO_SPLITS, severity, why=text, **about))
        return found

    def look_alikes(self, pair: _Pair) -> Finding:
        """Return the finding that two people are easily mistaken."""
        goes, stays = self._names_of(pair)
        left, right, _ = self._nearest_photos(pair)
        usual = float(self.who.likelihood.expected(*self._sizes_of(pair)))
        text = (
            f"{goes} and {stays} look alike (similarity {pair.similarity:.2f}), but are two: the "
            f"photos of each agree, and one person's would have about {usual:.2f}"
        )
        return Finding(
            Kind.LOOK_ALIKES, Severity.NOTE, min(max(pair.similarity / usual, 0.0), 1.0),
            text + _shared_words(goes, stays) + ".",
            left=self.crops.column("id")[left].as_py(), right=self.crops.column("id")[right].as_py(),
            identity=goes, to_identity=stays, value=pair.similarity, threshold=usual,
        )  # fmt: skip

    def _names_of(self, pair: _Pair) -> tuple[str, str]:
        person = self.who.people.person
        return self.names[person[pair.goes]], self.names[person[pair.stays]]

    def _sizes_of(self, pair: _Pair) -> tuple[int, int]:
        return int(self.who.people.size[pair.goes]), int(self.who.people.size[pair.stays])

    def _nearest_photos(self, pair: _Pair) -> tuple[int, int, bool]:
        """Return the rows of the photos most like the other person, and whether these may be one picture."""
        order, starts = self._rows
        rows = [order[starts[group] : starts[group + 1]] for group in (pair.goes, pair.stays)]
        means = self.who.people.mean(np.array([pair.stays, pair.goes])).astype(np.float64)
        alike = [self.vectors[mine] @ mean for mine, mean in zip(rows, means, strict=True)]
        left, right = (int(mine[np.argmax(near)]) for mine, near in zip(rows, alike, strict=True))
        some = [mine[np.argsort(-near, kind="stable")[:64]] for mine, near in zip(rows, alike, strict=True)]
        usual = self.who.likelihood.usual
        cosines = self.vectors[some[0]].astype(np.float64) @ self.vectors[some[1]].astype(np.float64).T
        twins = ((cosines - usual) / (1 - usual) >= _TWIN).any(1)
        return left, right, bool(twins.all())


def _shared_words(one: str, other: str) -> str:
    """Return which words two names share, for the reader only: nothing is decided by it."""
    words = [re.findall(r"\w{2,}", name.replace("_", " ")) for name in (one, other)]
    shared = " and ".join(word for word in words[0] if word in words[1])
    return f"; both names have {shared}" if shared else ""
