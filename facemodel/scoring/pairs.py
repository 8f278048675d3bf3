"""The pairs that are scored, and the others that choose a threshold, as rows of the set's crops."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest, PairManifest
from facedata.errors import NotASetError, UsageError
from facedata.sampling.own_pairs import find_records, match_pairs
from facedata.sampling.pair_file import read_pair_file
from facedata.sampling.tables import split_names
from facedata.tables.parquet import read_footer
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingPeople
from ..config import EvaluateConfig
from ..errors import DataError
from .intervals import largest_share
from .templates.match import match_templates
from .templates.mean import Templates
from .thresholds import CHOOSING_SPLITS, MOST_CHOOSING_PAIRS

_NAMED = 3
"""How many photos a note names."""


@dataclass(frozen=True, eq=False)
class PairRows:
    """Pairs of crops.

    Attributes:
        left: ``(n,)`` int64, row numbers of the set's crops.
        right: ``(n,)`` int64.
        same: ``(n,)`` bool.
        folds: ``(n,)`` int64, 0-based; None if the pairs have none.
    """

    left: Int64Array
    right: Int64Array
    same: BoolArray
    folds: Int64Array | None = None

    @classmethod
    def none(cls) -> PairRows:
        """Return an empty list of pairs."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))

    @classmethod
    def of(cls, pairs: PairManifest) -> PairRows:
        """Read a manifest's columns."""
        left, right = (pairs.crops.find(side) for side in (pairs.left, pairs.right))
        fold = pairs.table.column("fold")
        folds = None if fold.null_count or not len(pairs) else fold.to_numpy().astype(np.int64)
        return cls(left, right, pairs.same, folds)

    def __len__(self) -> int:
        return len(self.same)

    def sample(self, most: int, seed: int) -> PairRows:
        """Return at most ``most`` of them, drawn at random, in their original order."""
        if len(self) <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False))
        return PairRows(self.left[rows], self.right[rows], self.same[rows])

    def repeats(self) -> int:
        """Return how many of them repeat another one, in either direction."""
        ends = np.sort(np.column_stack([self.left, self.right]), axis=1)
        return len(self) - len(np.unique(ends[:, 0] * (ends.max(initial=0) + 1) + ends[:, 1]))

    def has_both_kinds(self) -> bool:
        """Tell whether there are genuine and impostor pairs."""
        return bool(self.same.any() and not self.same.all())

    def counts(self, person: Int64Array) -> dict[str, Any]:
        """Return how many there are, of how many people, and the share of the person with the most."""
        left, right = person[self.left], person[self.right]
        return {
            "genuine": int(self.same.sum()),
            "impostors": int((~self.same).sum()),
            "people": len(np.unique(np.concatenate([left, right]))),
            "largest_share": largest_share(left, self.same),
        }


@dataclass(frozen=True, eq=False)
class ListedPairs:
    """The pairs that are scored.

    Attributes:
        rows: the pairs.
        left_out: of a file's pairs those with a photo that is not in the set or was not kept, as the file
            names them.
        notes: what a reader of the figures should know, a sentence each.
        templates: what is compared, where it is not single photos: ``rows`` then has their first ones.
    """

    rows: PairRows
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    templates: Templates | None = None


def tested_pairs(classes: ClassManifest, config: EvaluateConfig) -> ListedPairs:
    """Return the pairs of the split that are scored: those of ``--pairs FILE``, else the set's own.

    With ``--templates FILE`` the pairs are of templates.

    Raises:
        DataError: there are none, or pairs of the file contradict the set or are of a photo with itself.
        UsageError: the set has no such split, or the file is of a kind that is not read.
        SourceError: the file cannot be read as pairs; with the line.
        OtherSetError: the file belongs to another set.
    """
    prepared = classes.prepared
    if config.pairs is not None and config.templates is not None:
        found = match_templates(classes, Path(config.templates), Path(config.pairs), config.split)
        rows = PairRows(found.left, found.right, found.same)
        return ListedPairs(rows, found.left_out, found.notes, found.templates)
    if config.pairs is not None and not _is_manifest(Path(config.pairs)):
        return _read_pairs(classes, Path(config.pairs), config.split)
    if config.pairs is None and not prepared.has("pairs"):
        raise DataError(f"{prepared} has no pairs: make some with `facedata pairs {prepared}`")
    source = config.pairs or prepared
    pairs = PairManifest.open(source, split=config.split, of=prepared if config.pairs else None)
    if not len(pairs):
        raise DataError(
            f"{source} has no pair of the split {config.split}: it needs two people there, one with two "
            "photos; make pairs with `facedata pairs`, or name another --split"
        )
    rows = PairRows.of(pairs)
    if config.pairs is not None:  # it may be made by hand
        person = TrainingPeople.of(classes).person
        wrong = int(np.count_nonzero((person[rows.left] == person[rows.right]) != rows.same))
        own = int(np.count_nonzero(rows.left == rows.right))
        for count, what in (
            (wrong, "contradict the set on whether their two photos show one person"),
            (own, "are of a photo with itself"),
        ):
            if count:
                raise DataError(f"{count:,} of the {len(rows):,} pairs of {source} {what}")
    return ListedPairs(rows)


def _is_manifest(path: Path) -> bool:
    """Tell whether a file is a table of facedata's own.

    Raises:
        UsageError: it is InsightFace's ``.bin``.
    """
    if path.suffix.lower() == ".bin":
        raise UsageError(
            f"--pairs {path}: InsightFace's .bin files hold photos of their own. Make a set of it "
            f"with `facedata prepare bin {path.name} --as-crops --template arcface112 --out DIR`, and "
            "name that set"
        )
    try:
        return bool(read_footer(path).kind)
    except NotASetError:  # no Parquet
        return False


def _read_pairs(classes: ClassManifest, path: Path, split: str) -> ListedPairs:
    """Read a user's own list of pairs, and keep those of the split."""
    listed, photos = read_pair_file(path), classes.prepared.table("photos", ["record", "photo", "path"])
    sides = [listed.table.column(name) for name in ("left", "right")]
    texts = pc.unique(pa.chunked_array([chunk for side in sides for chunk in side.chunks]))
    rows, several = find_records(texts, classes.table, photos)
    absent = [at for at in np.flatnonzero(rows < 0).tolist() if at not in several]
    gone = np.zeros(len(listed.table), np.bool_)
    if len(absent) < len(texts):  # else not even one is known: match_pairs says so, with the line
        names = texts.take(pa.array(absent, pa.int64()))
        gone = np.logical_or(*(pc.is_in(side, value_set=names).to_numpy() for side in sides))
    here = np.flatnonzero(~gone)
    left_out = [tuple(side[at].as_py() for side in sides) for at in np.flatnonzero(gone).tolist()]
    lost = [text for pair in left_out for text in pair if text in set(texts.take(absent).to_pylist())]
    kept = dataclasses.replace(
        listed, table=listed.table.take(pa.array(here)), lines=[listed.lines[at] for at in here.tolist()]
    )
    pairs, section = match_pairs(kept, classes.table, photos)
    for missing in section["missing"]:
        left_out.append((missing["left"], missing["right"]))
        lost += missing["missing"]
    notes = list(listed.notes)
    if left_out:
        photos_named = list(dict.fromkeys(lost))
        some = ", ".join(photos_named[:_NAMED])
        more = f" and {len(photos_named) - _NAMED:,} more" if len(photos_named) > _NAMED else ""
        notes.append(
            f"{len(left_out):,} of the {len(listed.table):,} pairs of the file are left out: they need "
            f"photos that are not in the set or were not kept ({some}{more})"
        )
    if section["other_split"]:
        notes.append(
            f"{section['other_split']:,} of the {len(listed.table):,} pairs of the file are left out: their "
            "photos are in two splits, or in another split than the file says"
        )
    mine = pairs.filter(pc.equal(pairs.column("split"), split))
    others = {name: one["rows"] for name, one in section["splits"].items() if name != split}
    counts = ", ".join(f"{count:,} of {name}" for name, count in others.items())
    if not len(mine):
        raise DataError(
            f"{path} has no pair of the split {split}"
            + (f", but {counts}: name another --split" if others else f": {'; '.join(notes)}")
        )
    if others:
        notes.append(f"only the file's pairs of the split {split} are scored: there are also {counts}")
    manifest = PairManifest(classes.prepared, mine, split, classes)
    return ListedPairs(PairRows.of(manifest), tuple(left_out), tuple(notes))


def choosing_rows(classes: ClassManifest, config: EvaluateConfig) -> tuple[PairRows, str | None]:
    """Return the set's val pairs, else its train pairs, and their split; never the split that is scored."""
    prepared = classes.prepared
    there = set(split_names(classes.table)) - {config.split}
    for split in CHOOSING_SPLITS:
        if split in there and prepared.has("pairs"):
            table = prepared.table("pairs")
            mine = table.filter(pc.equal(table.column("split"), split))
            pairs = PairRows.of(PairManifest(prepared, mine, split, classes))
            if pairs.has_both_kinds():
                return pairs.sample(MOST_CHOOSING_PAIRS, config.seed), split
    return PairRows.none(), None
