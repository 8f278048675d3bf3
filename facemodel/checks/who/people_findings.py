"""Findings about people: two names for one person, and people who look alike."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.types import Float64Array, Int64Array

from .thresholds import similarity_at
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
    normal: float
    is_whole: bool


def people_findings(
    who: WhoIsWho, vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], crops: pa.Table,
    names: list[str], least: float,
) -> list[Finding]:  # fmt: skip
    """Return double names, also those across two splits, and look-alikes.

    Args:
        who: what the evidence says.
        vectors: ``(n, dim)`` float32 of length one.
        crops: ``id``, ``photo``, ``identity`` and ``split`` of each.
        names: the people's names, by code.
        least: the log odds from which two names are reported as one person.
    """
    pairs = _near_pairs(who)
    share = _share_of_doubles(who, pairs)
    splits = _splits_of(crops, who.person, len(names))
    found = []
    for pair in pairs:
        if pair.log_odds >= least:
            found += _double_name(who, vectors, crops, names, splits, pair, share, least)
        elif _is_alike(who, pair):
            found.append(_look_alikes(who, vectors, crops, names, pair, least))
    return found


def _near_pairs(who: WhoIsWho) -> list[_Pair]:
    """Return the pairs of people that are near each other, each once, with the better of both directions."""
    groups, best = who.people, dict[tuple[int, int], _Pair]()
    rows, columns = np.nonzero(np.isfinite(who.same_odds))
    place = {int(person): group for group, person in enumerate(groups.person.tolist())}

    def add(one: int, other: int, odds: float, similar: float, normal: float, is_whole: bool) -> None:
        ranked = sorted((one, other), key=lambda group: (groups.size[group], -group))
        pair = _Pair(ranked[0], ranked[1], odds, similar, normal, is_whole)
        key = (ranked[0], ranked[1])
        if key not in best or best[key].log_odds < odds:
            best[key] = pair

    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        near = who.nearest
        odds, similar, normal = (
            float(values[row, column]) for values in (who.same_odds, near.similarity, near.normal)
        )
        add(row, int(near.groups[row, column]), odds, similar, normal, True)
    for person, to, score in zip(*(side.tolist() for side in who.united), strict=True):
        if person in place and to in place:
            pair = np.array([place[person]]), np.array([place[to]])
            similar = float(groups.similarity(*pair, who.likelihood.usual)[0])
            add(place[person], place[to], score, similar, np.nan, False)
    return sorted(best.values(), key=lambda pair: (-pair.log_odds, pair.goes, pair.stays))


def _share_of_doubles(who: WhoIsWho, pairs: list[_Pair]) -> float:
    """Estimate which share of the people has a second name, by expectation and maximisation."""
    count = len(who.people.size)
    best = np.full(count, -np.inf)
    for pair in pairs:
        if pair.is_whole:
            best[[pair.goes, pair.stays]] = np.maximum(best[[pair.goes, pair.stays]], pair.log_odds)
    share = 0.01
    for _ in range(50):
        log_odds = np.clip(best + np.log(share / (1 - share)), -50, 50)
        share = float(np.clip((1 / (1 + np.exp(-log_odds))).mean(), 1 / (count + 1), 0.2))
    return share


def _is_alike(who: WhoIsWho, pair: _Pair) -> bool:
    """Return whether two people of several photos are nearer than chance has it in a set of this size."""
    several = min(who.people.size[pair.goes], who.people.size[pair.stays]) > 1
    expected = len(who.people.size) / 2 * float(who.likelihood.chance(np.array(pair.normal)))
    return bool(several and expected < _ALIKE)


def _double_name(
    who: WhoIsWho, vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], crops: pa.Table,
    names: list[str], splits: list[set[str]], pair: _Pair, share: float, least: float,
) -> list[Finding]:  # fmt: skip
    """Return the finding that two names are one person, and, where their splits differ, a second one."""
    goes, stays = (int(who.people.person[group]) for group in (pair.goes, pair.stays))
    sizes = [int(who.people.size[group]) for group in (pair.goes, pair.stays)]
    left, right, is_twin = _nearest_photos(who, vectors, pair)
    is_sure = pair.is_whole and pair.log_odds + np.log(share / (1 - share)) >= _MERGED
    proposal = Proposal.MERGE if is_sure and max(sizes) > 1 and not is_twin else None
    text = (
        f"{names[goes]} ({_photos(sizes[0])}) and {names[stays]} ({_photos(sizes[1])}) look like one person: "
        f"{_times(pair.log_odds)} likelier than the most similar two (similarity {pair.similarity:.2f})"
    )
    if is_twin:
        text += "; it may be one picture under two names, which does not make them one person"
    elif max(sizes) == 1:
        text += "; with one photo each they may also be relatives or look-alikes"
    if shared := _shared_words(names[goes], names[stays]):
        text += f"; both names have {shared}"
    divided = [splits[goes], splits[stays]]
    crosses = all(len(one) == 1 for one in divided) and divided[0] != divided[1]
    asked = similarity_at(
        who.likelihood, least, sizes[0], sizes[1],
        (who.people.near.take([pair.goes]), who.people.near.take([pair.stays])),
    )  # fmt: skip
    ids = crops.column("id")
    finding = Finding(
        Kind.DOUBLE_NAME, Severity.ERROR if crosses else Severity.SUSPECT,
        _score(pair.log_odds, least), text + ".", left=ids[left].as_py(), right=ids[right].as_py(),
        identity=names[goes], to_identity=names[stays], value=pair.similarity, threshold=asked,
        proposal=proposal,
    )  # fmt: skip
    if not crosses:
        return [finding]
    one, other = (next(iter(split)) for split in divided)
    text = (
        f"{names[goes]} is in {one} and {names[stays]} in {other}, and they look like one person: "
        f"{_times(pair.log_odds)} likelier than the most similar two."
    )
    across = Finding(
        Kind.PERSON_IN_TWO_SPLITS, Severity.ERROR, _score(pair.log_odds, least), text,
        left=finding.left, right=finding.right, identity=names[goes], to_identity=names[stays],
        value=pair.similarity, threshold=asked,
    )  # fmt: skip
    return [finding, across]


def _look_alikes(
    who: WhoIsWho, vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], crops: pa.Table,
    names: list[str], pair: _Pair, least: float,
) -> Finding:  # fmt: skip
    goes, stays = (int(who.people.person[group]) for group in (pair.goes, pair.stays))
    sizes = [int(who.people.size[group]) for group in (pair.goes, pair.stays)]
    left, right, _ = _nearest_photos(who, vectors, pair)
    usual = float(who.likelihood.expected(sizes[0], sizes[1]))
    text = (
        f"{names[goes]} and {names[stays]} look alike (similarity {pair.similarity:.2f}), but are two: the "
        f"photos of each agree, and one person's would have about {usual:.2f}"
    )
    if shared := _shared_words(names[goes], names[stays]):
        text += f"; both names have {shared}"
    return Finding(
        Kind.LOOK_ALIKES, Severity.NOTE, min(max(pair.similarity / usual, 0.0), 1.0), text + ".",
        left=crops.column("id")[left].as_py(), right=crops.column("id")[right].as_py(),
        identity=names[goes], to_identity=names[stays], value=pair.similarity, threshold=usual,
    )  # fmt: skip


def _nearest_photos(
    who: WhoIsWho, vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], pair: _Pair
) -> tuple[int, int, bool]:
    """Return the rows of the photos most like the other person, and whether these may be one picture."""
    rows: list[Int64Array] = [np.flatnonzero(who.people.of_photo == group) for group in pair[:2]]
    means = [who.people.means[group].astype(np.float64) for group in pair[:2]]
    alike: list[Float64Array] = [vectors[rows[side]].astype(np.float64) @ means[1 - side] for side in (0, 1)]
    left, right = (int(rows[side][np.argmax(alike[side])]) for side in (0, 1))
    some = [rows[side][np.argsort(-alike[side], kind="stable")[:64]] for side in (0, 1)]
    usual = who.likelihood.usual
    cosines = vectors[some[0]].astype(np.float64) @ vectors[some[1]].astype(np.float64).T
    twins = ((cosines - usual) / (1 - usual) >= _TWIN).any(1)
    return left, right, bool(twins.all())


def _splits_of(crops: pa.Table, person: Int64Array, count: int) -> list[set[str]]:
    splits: list[set[str]] = [set() for _ in range(count)]
    coded = crops.column("split").combine_chunks().dictionary_encode()
    indices = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    for code, split in np.unique(np.stack([person, indices], 1), axis=0).tolist():
        if split >= 0:
            splits[code].add(coded.dictionary[split].as_py())
    return splits


def _score(log_odds: float, least: float) -> float:
    """Return 0 to 1: half at the threshold's own odds, near 1 where there is no doubt."""
    return float(1 / (1 + np.exp(-np.clip(log_odds - least, -50, 50))))


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count:,} photos"


def _times(log_odds: float) -> str:
    return "over a million times" if log_odds > np.log(1e6) else f"{np.exp(log_odds):,.0f} times"


def _shared_words(one: str, other: str) -> str:
    """Return the words that two names share, for the reader only: nothing is decided by it."""
    words = [re.findall(r"\w{2,}", name.replace("_", " ")) for name in (one, other)]
    return " and ".join(word for word in words[0] if word in words[1])
