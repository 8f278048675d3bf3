"""People under two names, planted in the labels of real photos that were embedded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from facedata.checks.findings import Finding, Kind, Proposal
from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.plain import plain_people
from tests.benchmark.check_rows.planted import Counts, plant_double_names
from tests.benchmark.check_rows.sets import Crops, Sets, published_pairs

SEEDS = 5
_LEAST_PHOTOS, _PLANTED_PEOPLE = 4, 200
_RECALL = 0.995

Pairs = set[tuple[int, int]]


def double_lines(sets: Sets, seeds: int = SEEDS) -> Iterator[Line]:
    """Yield the rows of people whose photos are under two names, half and half."""
    yield double_line("lfw", sets.lfw, seeds)
    yield double_line("lfw and celeba", sets.lfw + sets.celeba, seeds)


def double_line(where: str, crops: Crops, seeds: int) -> Line:
    """Plant and count, several times.

    Two names are found if a finding says that they are one person; a mistake is the proposal to merge two
    names that are not one person's.
    """
    found, merged, plain = Counts(), Counts(), Counts()
    others: dict[str, int] = {}
    planted = 0
    for seed in range(seeds):
        labels, owner = plant_double_names(crops.person, _LEAST_PHOTOS, seed, _PLANTED_PEOPLE)
        planted = len(owner)
        findings, _ = crops.check(labels)
        found += judge_pairs(double_names(findings), owner, crops, {})
        merged += judge_pairs(double_names(findings, proposed=True), owner, crops, others)
        plain += judge_pairs(plain_people(crops.vectors, labels), owner, crops, {})
    mistakes = found.planted - found.found + merged.false
    return Line(
        f"{where}: {planted} people with ≥ {_LEAST_PHOTOS} photos under two names",
        f"{found.recall:.4f} (with the proposal to merge {merged.recall:.4f}), {merged.false} others merged",
        f"≥ {_RECALL:g}, none merged that is two people, no more mistakes than the plain rule",
        found.recall >= _RECALL and not merged.false and mistakes <= plain.mistakes,
        f"{plain.recall:.4f}, {plain.false} others",
        f"{seeds} seeds: {found.found:,} of {found.planted:,}, of {len(crops.names):,} people; {found.false} "
        f"others named; mistakes {mistakes}, plain {plain.mistakes}",
        tuple(f"{where}, proposed as a merge {count} times: {text}" for text, count in others.items()),
    )  # fmt: skip


def double_names(findings: Iterable[Finding], proposed: bool = False) -> Pairs:
    """Return the labels that findings say are one person's, the lower one first.

    Args:
        findings: of labels called as :func:`tests.benchmark.check_rows.sets.called` calls them.
        proposed: only those that are proposed to be merged.
    """
    pairs = set()
    for one in findings:
        if one.kind is Kind.DOUBLE_NAME and (one.proposal is Proposal.MERGE or not proposed):
            codes = sorted(int(str(name)[1:]) for name in (one.identity, one.to_identity))
            pairs.add((codes[0], codes[1]))
    return pairs


def judge_pairs(pairs: Pairs, owner: dict[int, int], crops: Crops, others: dict[str, int]) -> Counts:
    """Count pairs of planted names; other people's that are not published are added up in ``others``."""
    published, found, false = published_pairs(), 0, 0
    for pair in pairs:
        names = frozenset(crops.names[owner.get(code, code)] for code in pair)
        if len(names) == 1:
            found += 1
        elif names not in published:
            false += 1
            text = " and ".join(sorted(names))
            others[text] = others.get(text, 0) + 1
    return Counts(found, len(owner), false, 0)
