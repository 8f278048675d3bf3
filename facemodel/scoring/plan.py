"""What an evaluation scores: which pairs, by which metrics, at which thresholds, with notes of caution."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from facedata import ClassManifest
from facedata.types import Int64Array

from ..batches.people import TrainingPeople
from ..config import EvaluateConfig
from ..spec import InputSpec
from .pairs import PairRows, choosing_rows, tested_rows
from .thresholds import HEAD, HEAD_THRESHOLD, has_seen, own_threshold


@dataclass(frozen=True, eq=False)
class ScoringPlan:
    """What an evaluation scores.

    Attributes:
        classes: the set's crops; all rows are numbers in it.
        people: the people on them.
        split_rows: ``(n,)`` int64, the crops of the split.
        tested: the pairs to score.
        metric: the main one: the one asked for, or the model's own.
        own: for each metric, the model's own threshold; None if it has none that may decide these pairs.
        choosing: the pairs that choose the other thresholds.
        choosing_split: their split; None if there are none.
        notes: what a reader of the figures should know, a sentence each.
    """

    classes: ClassManifest
    people: TrainingPeople
    split_rows: Int64Array
    tested: PairRows
    metric: str
    own: dict[str, float | None]
    choosing: PairRows
    choosing_split: str | None
    notes: tuple[str, ...]

    @property
    def ids(self) -> tuple[Int64Array, Int64Array]:
        """The ids of the tested pairs' crops."""
        return self.classes.ids[self.tested.left], self.classes.ids[self.tested.right]

    @property
    def rows(self) -> Int64Array:
        """All crops that are needed, once each, in ascending order."""
        sides = [side for pairs in (self.tested, self.choosing) for side in (pairs.left, pairs.right)]
        return np.unique(np.concatenate([self.split_rows, *sides]))


def plan_scores(
    classes: ClassManifest,
    config: EvaluateConfig,
    spec: InputSpec,
    *,
    has_pair_head: bool,
    trained: Set[str] = frozenset(),
    judged: Set[str] = frozenset(),
    tells_people: bool = True,
) -> ScoringPlan:
    """Plan an evaluation.

    Args:
        classes: the set's crops.
        config: the options.
        spec: the model's.
        has_pair_head: the model compares pairs itself.
        trained: names of the people it was trained on.
        judged: names of the people who validated it and chose its threshold.
        tells_people: the model lists those people; exports do not.

    Raises:
        DataError: there are no pairs, or they contradict the set.
        UsageError: the set has no such split.
    """
    people, tested, prepared = TrainingPeople.of(classes), tested_rows(classes, config), classes.prepared
    in_split = pc.fill_null(pc.equal(classes.table.column("split"), config.split), False)
    split_rows: Int64Array = np.flatnonzero(in_split.to_numpy())
    rows = np.concatenate([split_rows, tested.left, tested.right])
    names = {people.names[code] for code in np.unique(people.person[rows]).tolist()}
    choosers = len(names & judged)
    own: dict[str, float | None] = {"euclidean": None, "cosine": None}
    if not choosers and not has_seen(spec, prepared.fingerprint, config.split):
        own = {metric: own_threshold(spec, metric) for metric in own}
    notes = []
    if config.flip and any(value is not None for value in own.values()):
        notes.append("the model's own threshold was chosen without mirror images, and these are with them")
    if choosers:
        notes.append(
            f"{choosers:,} of the people tested here chose the model's own threshold: it is left aside"
        )
    if repeats := tested.repeats():
        notes.append(f"{repeats:,} of the {len(tested):,} pairs are there twice, and count twice")
    if config.split == "train" and spec.is_trained_on(prepared):
        notes.append("the model was trained on these very photos: this is not how it fares on others")
    if config.split != "train" and spec.is_trained_on(prepared) and not tells_people:
        notes.append(
            "the network was trained on this set; its run tells on whom of the people tested here, "
            "this file does not"
        )
    if known := names & trained:
        notes.append(
            f"{len(known):,} of the {len(names):,} people tested here were trained on: these are no "
            "figures of people never seen"
        )
    if has_pair_head:
        own[HEAD] = HEAD_THRESHOLD
    needs_choice = None in own.values()
    choosing, split = choosing_rows(classes, config) if needs_choice else (PairRows.none(), None)
    metric = config.metric or (HEAD if has_pair_head else spec.metric)
    return ScoringPlan(classes, people, split_rows, tested, metric, own, choosing, split, tuple(notes))
