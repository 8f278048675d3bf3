"""The threshold of a gallery: so strict that of many strangers only a stated share gets a name."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facedata.errors import UsageError, writing
from facedata.files.atomic import write_text
from facedata.types import Float32Array, Int64Array

from ..models.header import SPEC, SUFFIX
from ..models.ready.kept import kept_path, start_kept
from ..models.ready.table import READY, is_ready
from ..scoring.distances import likeness
from ..scoring.open_set import summarise_validation
from ..scoring.thresholds import Threshold
from ..spec import InputSpec, make_spec
from ..validated.summary import FEWEST_PEOPLE, LEAST_KNOWN, far_per_comparison, share_interval

FAR = 0.01
"""Share of strangers who may get a name, unless another is asked for."""

GIVEN = "given with --threshold"

NOT_KNOWN = (
    "how many strangers get a name is not known (`facemodel evaluate MODEL SET --keep-threshold` measures it)"
)

_OF_PAIRS = "the model's own, the best for pairs"
_UNKNOWN = "Every face stays unknown:"


@dataclass(frozen=True)
class GalleryThreshold:
    """A threshold, and what is known of it.

    Attributes:
        value: the largest distance, or the smallest similarity, of a name.
        basis: what it stands for, in words.
        doubt: why no face should get a name by it, in words; None if faces may.
    """

    value: float
    basis: str
    doubt: str | None = None


def choose_gallery_threshold(spec: InputSpec, people: int, far: float | None) -> GalleryThreshold | None:
    """Choose a gallery's threshold by what the model's validation showed.

    A threshold is doubtful if fewer than ten people validated, or if it does not surely accept a tenth of the
    photos of known people, and more of them than of strangers: the lower end of the 95% interval counts.

    Args:
        spec: the model's.
        people: how many are in the gallery.
        far: the share of strangers who may get a name; None for 1%.

    Returns:
        The threshold; None if the model has none and its validation showed none.

    Raises:
        UsageError: ``far`` is given, and the model does not know its false accept rates.
    """
    known = spec.validation
    if known is None or not known.rates:
        if far is not None:
            raise UsageError(
                "--far: this model does not say how often it accepts strangers. Measure that with `facemodel "
                "evaluate MODEL SET --keep-threshold`, or give a --threshold"
            )
        if spec.threshold is None:
            return None
        if known is not None:
            return GalleryThreshold(spec.threshold, _OF_PAIRS, _few_people(known.people, spec.threshold))
        return GalleryThreshold(spec.threshold, f"{spec.threshold_basis or _OF_PAIRS}; {NOT_KNOWN}")
    rate = FAR if far is None else far
    at = known.at_far(far_per_comparison(rate, people))
    value, tar = at.threshold, at.tar
    rate = -math.expm1(people * math.log1p(-at.far))  # another one, where validation shows none so far out
    basis = (
        f"{_percent(rate)} of strangers get a name among {_count(people)}, "
        f"{'by' if at.counted else 'extrapolated from'} {known.impostors:,} comparisons of validation photos"
    )
    if not known.unseen:
        more = f"validation shows only people it was trained on, so more than {_percent(rate)} may"
        basis += f"; but {more}"
        own = -np.inf if spec.threshold is None else likeness(spec.threshold, spec.metric)
        if spec.threshold is not None and own > likeness(value, spec.metric):
            value = spec.threshold
            basis = (
                f"{_OF_PAIRS}, and strict enough for {_percent(rate)} of strangers to get a name; but {more}"
            )
            tar = min(one.tar for one in known.rates if likeness(one.threshold, spec.metric) <= own)
    all_the_same = value if spec.threshold is None else spec.threshold
    if known.people < FEWEST_PEOPLE:
        return GalleryThreshold(value, basis, _few_people(known.people, all_the_same))
    low, high = share_interval(tar, known.people)
    least = max(LEAST_KNOWN, rate)
    if low >= least:
        return GalleryThreshold(value, basis)
    doubt = (
        f"validation was poor (AUC {known.auc:.3f}): the threshold at which {_percent(rate)} of strangers "
        f"get a name among {_count(people)} accepts {_percent(tar)} ({_percent(low)} to {_percent(high)}) of "
        f"known faces, and the interval must begin above {_percent(least)}. {_UNKNOWN} a better model "
        f"helps, and --threshold {all_the_same:.4g} gives names all the same"
    )
    return GalleryThreshold(value, basis, doubt)


def _few_people(people: int, value: float) -> str:
    return (
        f"validation had {_count(people)} with two photos, too few for an interval ({FEWEST_PEOPLE} are "
        f"needed): how often strangers would get a name is not known. {_UNKNOWN} more people in validation "
        "help (or `facemodel evaluate MODEL SET --keep-threshold` on a set with more), and "
        f"--threshold {value:.4g} gives names all the same"
    )


def _count(people: int) -> str:
    return f"{people:,} {'person' if people == 1 else 'people'}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


class SpecFile:
    """A model's JSON on disk, to keep a threshold in.

    Args:
        model: a run's folder or one of its weights, with ``spec.json``; or ``net.onnx``, with ``net.json``;
            or a ready model's name, whose JSON is in the cache.

    Raises:
        UsageError: the model is no file or folder of the user's.
    """

    def __init__(self, model: object) -> None:
        path = Path(model) if isinstance(model, str | os.PathLike) else Path()
        self._ready = READY[model] if is_ready(model) else None
        if self._ready is not None:
            self.path = kept_path(self._ready)  # the cache's: its network is shared, and pinned
            return
        if path.is_dir() or path.suffix == SUFFIX:
            self.path = (path if path.is_dir() else path.parent) / SPEC
        else:
            self.path = path.with_suffix(".json")
        if not self.path.is_file():
            raise UsageError(
                "--keep-threshold writes into the JSON of a run's folder or of net.onnx: give one as MODEL"
            )

    def keep(
        self, threshold: Threshold, embeddings: Float32Array, person: Int64Array, *, unseen: bool
    ) -> dict[str, Any]:
        """Write a threshold, and how often it and others accept strangers; the JSON's other values stay.

        Args:
            threshold: in the model's metric.
            embeddings: ``(n, dim)`` float32, of the photos that chose it.
            person: ``(n,)`` int64, the person on each.
            unseen: the network was not trained on these people.

        Returns:
            What was written: ``file`` (its name; a ready model's: its path), ``metric``, ``threshold``,
            ``sentence`` (where it comes from), ``people``, ``photos``, ``impostors``.

        Raises:
            StoreError: it cannot be written.
        """
        if self._ready is None:
            values = json.loads(self.path.read_text(encoding="utf-8"))
        else:
            values = start_kept(self._ready)
        spec = make_spec(values, str(self.path))
        summary = summarise_validation(embeddings, person, spec.metric, unseen=unseen)
        if (before := spec.validation) is not None:
            summary = dataclasses.replace(
                summary, class_photos=before.class_photos, class_right=before.class_right
            )
        values.pop("threshold_basis", None)  # it was about the threshold before
        values |= {"threshold": threshold.value, "metric": spec.metric}
        values["validation"] = dataclasses.asdict(summary)
        with writing(self.path):  # the cache folder may not be there yet
            self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        counts = {name: getattr(summary, name) for name in ("people", "photos", "impostors")}
        about = {"threshold": threshold.value, "sentence": threshold.sentence()}
        file = self.path.name if self._ready is None else str(self.path)
        return {"file": file, "metric": spec.metric, **about, **counts}
