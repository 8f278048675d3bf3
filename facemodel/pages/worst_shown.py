"""The worst pairs and the hardest people as a page shows them: names, scores, and the crops as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from facedata.types import Int64Array

from ..scoring.pair_figures import ScoredPairs
from ..scoring.plan import ScoringPlan
from ..scoring.plots import SCORE_NAMES
from ..scoring.report import percent
from ..scoring.weak_points.hard_people import find_hard_people
from ..scoring.weak_points.worst_pairs import find_worst
from .pictures import read_pictures

_MOST_WORST = 24
_FEW_NEAREST = 6
"""Pairs that are shown where none is decided wrongly."""

_PAIR_PX, _STRIP_PX = 160, 80
_MOST_IN_STRIP = 8


@dataclass(frozen=True, eq=False)
class ScoresStory:
    """What the page of scores tells.

    Attributes:
        scores: all figures, as scores.json has them.
        scored: the pairs by metric.
        plan: which pairs they are, of which set.
    """

    scores: Mapping[str, Any]
    scored: Mapping[str, ScoredPairs]
    plan: ScoringPlan

    @property
    def main(self) -> ScoredPairs:
        """The pairs by the main metric."""
        return self.scored[self.scores["metric"]]

    @property
    def figures(self) -> Mapping[str, Any]:
        """The main metric's figures."""
        figures: Mapping[str, Any] = self.scores["figures"][self.scores["metric"]]
        return figures

    @property
    def threshold(self) -> float | None:
        """The main metric's threshold."""
        value: float | None = self.figures["threshold"]["value"]
        return value


class Side(NamedTuple):
    """One photo of a pair: who, which crop, and its picture's URL."""

    name: str
    path: str
    url: str


class ShownPair(NamedTuple):
    """A pair as the page shows it: its score as text, and both photos."""

    score: str
    sides: tuple[Side, Side]


class WorstPairs(NamedTuple):
    """The worst pairs of one kind.

    Attributes:
        key: the section's id.
        title: its heading.
        text: what they are, in a sentence.
        pairs: the worst first.
    """

    key: str
    title: str
    text: str
    pairs: list[ShownPair]


class ShownPerson(NamedTuple):
    """A person as the page shows them: the name, what went wrong in lines, and some crops as URLs."""

    name: str
    lines: list[str]
    crops: list[Side]


def show_worst(story: ScoresStory, workers: int | None = None) -> list[WorstPairs]:
    """Return the falsest accepts and the falsest rejects, at most 24 of each, with their pictures.

    Without a threshold those that stand out most; where none is decided wrongly, six that come nearest to it.

    Raises:
        DataError: a crop is gone or damaged.
    """
    main, threshold, tested = story.main, story.threshold, story.plan.tested
    ends, counts, found = (tested.left, tested.right), story.figures["confusion"], []
    for of_same, key, title, kind, verb in (
        (False, "accepts", "Falsest accepts", "two people", "accepted"),
        (True, "rejects", "Falsest rejects", "one person", "rejected"),
    ):
        total = int((main.same == of_same).sum())
        wrong = find_worst(main, ends, threshold, of_same, _MOST_WORST)
        nearest = "least alike" if of_same else "most alike"
        if threshold is None:
            text = f"There is no threshold: these of the {total:,} pairs of {kind} are {nearest}."
        elif len(wrong):
            errors = counts["false_rejects" if of_same else "false_accepts"]
            is_are, order = ("is", "") if errors == 1 else ("are", "; the worst come first")
            text = f"{errors:,} of the {total:,} pairs of {kind} {is_are} {verb}{order}."
        else:
            wrong = find_worst(main, ends, None, of_same, _FEW_NEAREST)
            text = f"None of the {total:,} pairs of {kind} is {verb}. These are {nearest}."
        found.append((key, title, text, wrong))
    rows = np.concatenate([side[wrong] for *_, wrong in found for side in ends])
    urls = read_pictures(story.plan.classes, rows.tolist(), _PAIR_PX, workers)
    worst = []
    for key, title, text, wrong in found:
        pairs = []
        for number in wrong.tolist():
            left, right = (_show_side(story.plan, int(side[number]), urls) for side in ends)
            pairs.append(ShownPair(f"{main.values[number]:.4f}", (left, right)))
        worst.append(WorstPairs(key, title, text, pairs))
    return worst


def show_people(story: ScoresStory, workers: int | None = None) -> list[ShownPerson]:
    """Return the people that are hardest, at most 20, each with a strip of the crops that were compared.

    Raises:
        DataError: a crop is gone or damaged.
    """
    plan, person = story.plan, story.plan.people.person
    hard = find_hard_people(story.main, story.threshold, plan.people.names)
    tested = np.unique(np.concatenate([plan.tested.left, plan.tested.right]))
    crops: list[Int64Array] = [tested[person[tested] == one.person][:_MOST_IN_STRIP] for one in hard]
    urls = read_pictures(plan.classes, np.concatenate(crops).tolist() if crops else [], _STRIP_PX, workers)
    people = []
    for one, rows in zip(hard, crops, strict=True):
        lines = []
        if one.share is not None:
            lines.append(f"{percent(one.share)} of {one.genuine + one.impostors:,} pairs wrong")
            lines.append(f"{one.false_rejects:,} of {one.genuine:,} pairs of this person rejected")
            lines.append(f"{one.false_accepts:,} of {one.impostors:,} pairs with others accepted")
        if one.mean_score is not None:
            score = f"mean {SCORE_NAMES[story.main.metric]} of this person's photos {one.mean_score:.4f}"
            lines.append(score)
        strip = [_show_side(plan, row, urls) for row in rows.tolist()]
        people.append(ShownPerson(plan.people.names[one.person], lines, strip))
    return people


def _show_side(plan: ScoringPlan, row: int, urls: Mapping[int, str]) -> Side:
    path = plan.classes.table.column("path")[row].as_py()
    return Side(plan.people.names[plan.people.person[row]], path, urls[row])
