"""What an evaluation scores: which pairs, by which metrics, at which thresholds, with notes of caution."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest, PreparedSet
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingPeople
from ..config import EvaluateConfig
from ..errors import DataError
from ..spec import InputSpec
from .discard.columns import Quality, read_qualities
from .overlap.shared_crops import SharedCrops, read_shared
from .pairs import PairRows, choosing_rows, tested_pairs
from .templates.mean import Templates
from .thresholds import HEAD, HEAD_THRESHOLD, has_seen, own_threshold
from .weak_points.photo_groups import PhotoGroups, group_photos


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
        left_out: pairs of a file that cannot be scored, as the file names their photos.
        shared: the crops that the training set has too; None where no certificate was named.
        groups: of the crops, by each column that the figures are asked for.
        qualities: of the crops, by each column that the worst are to be discarded by.
        templates: what is compared, where it is not single photos; ``tested`` then has their first ones.
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
    left_out: tuple[tuple[str, str], ...] = ()
    shared: SharedCrops | None = None
    groups: tuple[PhotoGroups, ...] = ()
    qualities: tuple[Quality, ...] = ()
    templates: Templates | None = None

    @property
    def shared_pairs(self) -> BoolArray | None:
        """Which of the tested pairs have a shared crop, ``(n,)`` bool; None where it is not known."""
        if self.shared is None:
            return None
        return self.shared.is_shared[self.tested.left] | self.shared.is_shared[self.tested.right]

    @property
    def ids(self) -> tuple[Int64Array, Int64Array]:
        """The ids of the tested pairs' crops."""
        return self.classes.ids[self.tested.left], self.classes.ids[self.tested.right]

    @property
    def identities(self) -> tuple[pa.DictionaryArray, pa.DictionaryArray]:
        """The people on the tested pairs' crops, each name stored once, and no other names."""
        both = self.people.person[np.concatenate([self.tested.left, self.tested.right])]
        person, codes = np.unique(both, return_inverse=True)
        names = pa.array([self.people.names[one] for one in person.tolist()], pa.string())
        left, right = np.split(codes.astype(np.int32), 2)
        return pa.DictionaryArray.from_arrays(left, names), pa.DictionaryArray.from_arrays(right, names)

    @property
    def rows(self) -> Int64Array:
        """All crops that are needed, once each, in ascending order."""
        sides = [side for pairs in (self.tested, self.choosing) for side in (pairs.left, pairs.right)]
        sides += [] if self.templates is None else [self.templates.rows]
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
        DataError: there are no pairs, or they contradict the set; or none can choose a threshold to keep.
        UsageError: the set has no such split or column, or the certificate of an overlap is about other sets.
    """
    shared = None
    if config.without_overlap is not None:
        shared = read_shared(config.without_overlap, classes, spec)
    people, listed, prepared = TrainingPeople.of(classes), tested_pairs(classes, config), classes.prepared
    tested = listed.rows
    in_split = pc.fill_null(pc.equal(classes.table.column("split"), config.split), False)
    split_rows: Int64Array = np.flatnonzero(in_split.to_numpy())
    rows = np.concatenate([split_rows, tested.left, tested.right])
    names = {people.names[code] for code in np.unique(people.person[rows]).tolist()}
    choosers = len(names & judged)
    own: dict[str, float | None] = {"euclidean": None, "cosine": None}
    sees_split = has_seen(spec, prepared.fingerprint, config.split)
    if not choosers and not sees_split and not config.keep_threshold:
        own = {metric: own_threshold(spec, metric) for metric in own}
    notes = list(listed.notes)
    if config.flip and any(value is not None for value in own.values()):
        notes.append("the model's own threshold was chosen without mirror images, which --flip uses here")
    if choosers and not config.keep_threshold:
        notes.append(
            f"the model's own threshold was chosen on photos of {choosers:,} of the people tested here, so "
            "it is not used"
        )
    repeats = tested.repeats() if listed.templates is None else 0
    if repeats:
        notes.append(f"{repeats:,} of the {len(tested):,} pairs are listed again, and count again")
    if config.split == "train" and spec.is_trained_on(prepared):
        notes.append("the model was trained on these very photos: it does worse on others")
    if config.split != "train" and spec.is_trained_on(prepared) and not tells_people:
        notes.append(
            "the network was trained on this set, but an exported file does not say on which people: some of "
            "those tested here may be among them (evaluate the run itself to know)"
        )
    if known := names & trained:
        notes.append(
            f"the model was trained on photos of {len(known):,} of the {len(names):,} people tested here: it "
            "does worse on people it has never seen"
        )
    if has_pair_head:
        own[HEAD] = HEAD_THRESHOLD
    needs_choice = None in own.values()
    choosing, split = choosing_rows(classes, config) if needs_choice else (PairRows.none(), None)
    if config.keep_threshold:
        _check_choosing(people, choosing, trained, prepared)
    ends = np.unique(np.concatenate([tested.left, tested.right]))
    groups = tuple(group_photos(classes, column, ends) for column in config.by)
    metric = config.metric or (HEAD if has_pair_head else spec.metric)
    return ScoringPlan(
        classes, people, split_rows, tested, metric, own, choosing, split, tuple(notes), listed.left_out,
        shared, groups, read_qualities(classes, config.discard), listed.templates,
    )  # fmt: skip


def _check_choosing(
    people: TrainingPeople, choosing: PairRows, trained: Set[str], prepared: PreparedSet
) -> None:
    """Check that the pairs that are to choose a threshold to keep can do so.

    Raises:
        DataError: there are none, or the model was trained on their people.
    """
    if not len(choosing):
        raise DataError(
            f"--keep-threshold: {prepared} has no val or train pairs besides those that are scored, and the "
            "threshold must not be chosen on these; divide the set with `facedata split`"
        )
    rows = np.unique(np.concatenate([choosing.left, choosing.right]))
    names = {people.names[code] for code in np.unique(people.person[rows]).tolist()}
    if known := names & trained:
        raise DataError(
            f"--keep-threshold: the model was trained on {len(known):,} of the {len(names):,} people whose "
            "pairs would choose the threshold, and knows them too well: use a set of other people"
        )
