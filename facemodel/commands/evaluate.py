"""Score a model on a prepared set: embed every crop that is needed once, then only numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from facedata import ClassManifest, open_set
from facedata.files.remote import Place, place_of
from facedata.options import resolved
from facedata.types import Float32Array, Float64Array, Int64Array

from ..batches.people import TrainingSet
from ..batches.reader import CropReader, batches
from ..batches.sources import SetPath
from ..config import EvaluateConfig
from ..errors import DataError, ScoreError
from ..machine.memory import memory_watched
from ..models.embed_crops import cut, embed_rows
from ..models.known_people import KnownPeople, read_people
from ..recognition.photos import opened
from ..scoring.distances import compare
from ..scoring.nearest_anchor import class_figures, deal_roles, naming_figures
from ..scoring.pair_figures import ScoredPairs, pair_figures
from ..scoring.pairs import PairRows, choosing_rows, tested_rows
from ..scoring.plots import need_matplotlib
from ..scoring.report import write_scores
from ..scoring.thresholds import HEAD, HEAD_THRESHOLD, MODEL, Threshold, chosen, has_seen, own_threshold
from .outputs import folder_out

if TYPE_CHECKING:
    from ..models.embedder import Embedder

OnProgress = Callable[[int, int], None]


def evaluate(
    model: str | os.PathLike[str] | Embedder,
    set_path: SetPath,
    out: str | os.PathLike[str] | None,
    config: EvaluateConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Compute every figure of a model on the pairs and photos of a split.

    The threshold is the model's own; where it has none for the metric, or may have been chosen on this very
    split, it is the best one for the set's val pairs, else its train pairs; where there are none, each fold's
    pairs are decided at the threshold of the other folds. ``threshold`` in the result says which.

    Args:
        model: a run folder, a ``.onnx`` with its spec beside it, or an open model.
        set_path: a prepared set's folder or URL.
        out: folder for ``scores.json``, ``scores.md``, ``scores.parquet`` (each pair's scores), ``roc.png``
            and ``scores.png``; None to write nothing.
        config: the options; ``changes`` win over it.
        on_progress: called after each batch with how many crops are embedded, and of how many.
        **changes: single options by name.

    Returns:
        The contents of ``scores.json``: ``pairs`` (counts), ``metric`` (the model's, or the one asked for),
        ``figures`` by metric (see :func:`.pair_figures.pair_figures`), ``naming``, ``classes``,
        ``notes``.

    Raises:
        SpecError: the set's crops were made with another template than the model's.
        DataError: no pairs in the split, or crops gone or changed.
        ScoreError: the pairs are of one kind, or the model gives NaN.
        UsageError: no such split, or impossible options.
        MissingExtraError: matplotlib is not installed, and pictures are wanted.
    """
    config = resolved(EvaluateConfig, config, changes)
    if out is not None:
        out = folder_out(out)
        need_matplotlib()
    embedder = opened(model, config.device, config.workers)
    prepared = open_set(place_of(set_path))
    embedder.spec.check_set(prepared)
    named = isinstance(model, str | os.PathLike)
    known = read_people(model) if named else KnownPeople()  # type: ignore[arg-type]  # named means it is a path
    run = _Evaluation(embedder, prepared.path, config, known.judged)
    if named:
        run.note_known_people(known.trained, Path(embedder.name).suffix != ".onnx")
    run.embed(on_progress)
    found = run.figures()
    if out is not None:
        write_scores(out, found, run.scored, prepared.fingerprint, run.ids)
    return found


class _Evaluation:
    """One evaluation: its pairs, and the embeddings of the crops they need."""

    def __init__(self, embedder: Embedder, path: Place, config: EvaluateConfig, judged: Set[str]) -> None:
        self.embedder, self.config = embedder, config
        self.metric = config.metric or (HEAD if embedder.scores_pairs else embedder.spec.metric)
        self.classes = ClassManifest.open(path)
        self.who = TrainingSet.of(self.classes)
        self.tested = tested_rows(self.classes, config)
        mine = pc.fill_null(pc.equal(self.classes.table.column("split"), config.split), False)
        self.in_split: Int64Array = np.flatnonzero(mine.to_numpy())
        self.chose = len(self._tested_people() & judged)
        self.own = {metric: self._own(metric) for metric in self._metrics()}
        wanted = None in self.own.values()
        self.choosing, self.choosing_split = (
            choosing_rows(self.classes, config) if wanted else (PairRows.none(), None)
        )
        self.notes: list[str] = self._warnings()
        self.scored: dict[str, ScoredPairs] = {}

    @property
    def ids(self) -> tuple[Int64Array, Int64Array]:
        """The ids of the scored pairs' crops."""
        return self.classes.ids[self.tested.left], self.classes.ids[self.tested.right]

    def _metrics(self) -> list[str]:
        return ["euclidean", "cosine", *([HEAD] if self.embedder.scores_pairs else [])]

    def _warnings(self) -> list[str]:
        """Return what makes the figures other than they look."""
        notes = []
        if self.config.flip and any(one is not None for name, one in self.own.items() if name != HEAD):
            notes.append(
                "the model's own threshold was chosen without mirror images, and these are with them"
            )
        if self.chose:
            notes.append(
                f"{self.chose:,} of the people tested here chose the model's own threshold: it is left aside"
            )
        if twice := self.tested.twice():
            notes.append(f"{twice:,} of the {len(self.tested):,} pairs are there twice, and count twice")
        if self.config.split == "train" and self.embedder.spec.is_of(self.who.prepared):
            notes.append("the model was trained on these very photos: this is not how it fares on others")
        return notes

    def _own(self, metric: str) -> float | None:
        if metric == HEAD:
            return HEAD_THRESHOLD
        spec = self.embedder.spec
        seen = has_seen(spec, self.who.prepared.fingerprint, self.config.split) or self.chose > 0
        return None if seen else own_threshold(spec, metric)

    def _tested_people(self) -> set[str]:
        rows = np.concatenate([self.in_split, self.tested.left, self.tested.right])
        return {self.who.names[code] for code in np.unique(self.who.person[rows]).tolist()}

    def note_known_people(self, trained_on: Set[str], says: bool) -> None:
        """Say how many of the tested people the model was trained on: of these it tells nothing new.

        Args:
            trained_on: people's names.
            says: the model says whom it was trained on; exports do not.
        """
        if not says and self.embedder.spec.is_of(self.who.prepared) and self.config.split != "train":
            self.notes.append(
                "the network was trained on this set; its run tells on whom of the people tested here, "
                "this file does not"
            )
        tested = self._tested_people()
        if known := tested & trained_on:
            self.notes.append(
                f"{len(known):,} of the {len(tested):,} people tested here were trained on: these are no "
                "figures of people never seen"
            )

    def embed(self, on_progress: OnProgress | None) -> None:
        """Embed every crop that is needed, once; name photos with a classifier's own head."""
        needed = [self.in_split]
        for pairs in (self.tested, self.choosing):
            needed += [pairs.left, pairs.right]
        self.rows = np.unique(np.concatenate(needed))
        with CropReader(self.classes, self.config.workers) as reader:
            reader.check(self.rows, hashes=True)
            self.embeddings = embed_rows(
                self.embedder, reader, self.rows, self.config.batch, self.config.flip, on_progress
            )
            self.said = self._say_classes(reader)

    def _say_classes(self, reader: CropReader) -> tuple[Int64Array, Int64Array]:
        """Return the classes a classifier says, and the right ones, of the split's photos it can know."""
        codes = {name: code for code, name in enumerate(self.embedder.classes)}
        label_of = np.array([codes.get(name, -1) for name in self.who.names], np.int64)
        labels = label_of[self.who.person[self.in_split]]
        rows = self.in_split[labels >= 0]
        said = [np.empty(0, np.int64)]
        for _, crops in batches(reader, cut(rows, self.config.batch)):
            sides = [crops, np.ascontiguousarray(crops[:, :, ::-1])] if self.config.flip else [crops]
            with memory_watched(f"lower --batch, now {self.config.batch}"):
                logits = [found for side in sides if (found := self.embedder.logits(side)) is not None]
            if len(logits) < len(sides):
                raise ScoreError(f"{self.embedder.name} names classes and gives no logits")
            said.append(np.sum(logits, axis=0).argmax(axis=1).astype(np.int64))
        return np.concatenate(said), labels[labels >= 0]

    def figures(self) -> dict[str, Any]:
        """Compute all figures."""
        thresholds = {metric: self._threshold(metric) for metric in self._metrics()}
        for metric in self._metrics():
            values = self._values(self.tested, metric)
            people = self.who.person[self.tested.left], self.who.person[self.tested.right]
            self.scored[metric] = ScoredPairs(values, metric, self.tested.same, *people, self.tested.folds)
        figures = {
            metric: pair_figures(pairs, thresholds[metric], self.config.seed)
            for metric, pairs in self.scored.items()
        }
        spec = self.embedder.spec
        return {
            "model": {"name": Path(self.embedder.name).name, "fingerprint": self.embedder.fingerprint()}
            | {"template": spec.template, "dim": spec.dim, "trained_on": spec.set_fingerprint},
            "set": self.who.prepared.fingerprint,
            "settings": self.config.settings(),
            "split": self.config.split,
            "pairs": self.tested.counts(self.who.person),
            "metric": self.metric,
            "figures": figures,
            "naming": self._naming(thresholds),
            "classes": self._classes(),
            "notes": self.notes,
        }

    def _threshold(self, metric: str) -> Threshold:
        own = self.own[metric]
        if own is not None:
            return Threshold(own, HEAD if metric == HEAD else MODEL)
        if not len(self.choosing):
            return Threshold(None, "none")
        values = self._values(self.choosing, metric)
        return chosen(values, self.choosing.same, metric, f"{self.choosing_split} pairs")

    def _values(self, pairs: PairRows, metric: str) -> Float64Array:
        left, right = (np.searchsorted(self.rows, side) for side in (pairs.left, pairs.right))
        if metric != HEAD:
            return compare(self.embeddings, left, right, metric)
        return _head_scores(self.embedder, self.embeddings, left, right)

    def _naming(self, thresholds: dict[str, Threshold]) -> dict[str, Any] | None:
        metric = self.embedder.spec.metric if self.metric == HEAD else self.metric
        roles = deal_roles(
            self.who.person[self.in_split], self.who.reference[self.in_split], self.config.seed
        )
        mine = self.embeddings[np.searchsorted(self.rows, self.in_split)]
        threshold = thresholds[metric].value
        try:
            return naming_figures(mine, self.who.person[self.in_split], roles, metric, threshold)
        except ScoreError as error:
            self.notes.append(f"no naming by the nearest photo: {error}")
            return None

    def _classes(self) -> dict[str, Any] | None:
        if not self.embedder.classes:
            return None
        try:
            return class_figures(*self.said, self.embedder.classes)
        except ScoreError as error:
            self.notes.append(f"no accuracy of the classifier: {error}")
            return None


def _head_scores(
    embedder: Embedder, embeddings: Float32Array, left: Int64Array, right: Int64Array, block: int = 16_384
) -> Float64Array:
    """Return a pair head's scores, ``(n,)``."""
    found = [np.empty(0, np.float64)]
    for start in range(0, len(left), block):
        rows = slice(start, start + block)
        scores = embedder.score_pairs(embeddings[left[rows]], embeddings[right[rows]])
        if scores is None:
            raise DataError(f"{embedder.name} says that it compares pairs, and gives no score")
        found.append(scores.astype(np.float64))
    return np.concatenate(found)
