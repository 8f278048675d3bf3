"""The charts of a set, each per split; of all its crops, also where the page has only some of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..pages.charts import Chart, draw_bars, draw_histogram
from .check_files import UNKNOWN, CheckFiles
from .crop_columns import NO_SPLIT, UNKNOWN_SCORE, UNKNOWN_TILT, CropColumns

Charts = list[tuple[str, list[Chart]]]

_BINS = 40
_MOST_SPLITS = 6
"""Of more splits, which colours cannot tell apart, all crops in any are one series."""

_ONE_BY_ONE = 12
"""Where ranges grow, every number up to here has a bar of its own."""

_WIDE = 10
"""From this ratio of most to least on, ranges grow with the numbers."""


def draw_distributions(
    crops: CropColumns, check: CheckFiles, uses: Mapping[str, npt.NDArray[np.uint32]]
) -> Charts:
    """Return the charts in groups, each with its title.

    Args:
        crops: all crops of the set.
        check: what the last check found, with the qualities.
        uses: by ``pairs`` and ``triplets``, ``(n,)``, in how many of them each crop is.
    """
    if not len(crops):
        return []
    splits, names = crops.split, dict(enumerate(crops.splits)) | {NO_SPLIT: "no split"}
    if len(crops.splits) > _MOST_SPLITS:
        splits, names = (
            np.where(splits == NO_SPLIT, splits, np.uint8(0)),
            {0: "in a split", NO_SPLIT: "no split"},
        )
    series = {number: names[number] for number in np.unique(splits).tolist()}
    if len(series) == 1:
        series = dict.fromkeys(series, "")
    by_split = partial(_by_split, splits, series)
    photos = _photos_per_person(crops, splits, series)
    groups: Charts = [("People", [_counts("Photos per person", "photos", photos, y_title="people")])]
    faces = [
        _histogram("Score of the face", "score", by_split(crops.score, UNKNOWN_SCORE, 10_000)),
        _histogram("Tilt of the face", "degrees", by_split(crops.tilt, UNKNOWN_TILT, 100)),
        _histogram("Size of the face in the photo", "pixels", by_split(crops.face_px, 0)),
    ]
    groups.append(("Faces", [chart for chart in faces if chart is not None]))
    poor = [
        _histogram(
            f"Quality: {name.replace('_', ' ')}", "0 worst, 1 best", by_split(values, UNKNOWN, UNKNOWN - 1),
            check.thresholds.get(name), (0, 1),
        )
        for name, values in check.quality.items()
    ]  # fmt: skip
    groups.append(("Qualities", [chart for chart in poor if chart is not None]))
    in_split = {number: series[number] for number in series if number != NO_SPLIT}
    charts = [
        _counts(f"Use in {kind}", f"{kind} that a crop is in", _by_split(splits, in_split, values))
        for kind, values in uses.items()
        if in_split and values.any()
    ]
    groups.append(("Use in pairs and triplets", charts))
    return [(title, charts) for title, charts in groups if charts]


Values = dict[str, npt.NDArray[np.float64]]
"""By the split's name, what is counted."""


def _by_split(
    splits: npt.NDArray[np.uint8],
    series: Mapping[int, str],
    values: npt.NDArray[np.generic],
    unknown: int | None = None,
    steps: int = 1,
) -> Values:
    is_known = np.ones(len(values), np.bool_) if unknown is None else values != unknown
    return {
        name: values[is_known & (splits == number)].astype(np.float64) / steps
        for number, name in series.items()
    }


def _photos_per_person(
    crops: CropColumns, splits: npt.NDArray[np.uint8], series: Mapping[int, str]
) -> Values:
    found = {}
    for number, name in series.items():
        counts = np.bincount(crops.person[splits == number], minlength=len(crops.people))
        found[name] = counts[counts > 0].astype(np.float64)
    return found


def _histogram(
    title: str,
    x_title: str,
    values: Values,
    below: float | None = None,
    span: tuple[float, float] | None = None,
) -> Chart | None:
    """Return a histogram over all splits' range; None where nothing is known."""
    every = np.concatenate(list(values.values()))
    if not len(every):
        return None
    edges = round_edges(*(span or (float(every.min()), float(every.max()))))
    counts = {name: np.histogram(one, edges)[0] for name, one in values.items() if len(one)}
    marks = {} if below is None else {"limit": below}
    return draw_histogram(title, x_title, edges, counts, marks=marks)


def round_edges(low: float, high: float, most: int = _BINS) -> npt.NDArray[np.float64]:
    """Return the edges of at most ``most`` bins whose width is 1, 2 or 5 times a power of ten.

    >>> round_edges(0.93, 0.999, 5).tolist(), round_edges(7, 7, 5).tolist()
    ([0.92, 0.94, 0.96, 0.98, 1.0], [7.0, 8.0])
    """
    width = max((high - low) / most, 1e-9) if high > low else 1.0
    power = 10.0 ** np.floor(np.log10(width) + 1e-9)
    steps = [step * power for step in (1, 2, 5, 10, 20)]  # the last one always fits
    spans = [(np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)) for step in steps]
    fits = next(at for at, (first, last) in enumerate(spans) if last - first <= most)
    first, last = spans[fits]
    return np.asarray(np.round(np.arange(first, max(last, first + 1) + 1) * steps[fits], 9))


def _counts(title: str, x_title: str, values: Values, y_title: str = "crops") -> Chart:
    """Return bars of whole numbers: one each, or of ranges where there are too many."""
    most = int(max(one.max(initial=0) for one in values.values()))
    least = int(min(one.min(initial=most) for one in values.values()))
    edges = whole_edges(least, most)
    labels = [
        f"{low:,}" if high - low == 1 else f"{low:,}\N{EN DASH}{high - 1:,}" for low, high in pairwise(edges)
    ]
    counts = {name: np.histogram(one, edges)[0].tolist() for name, one in values.items()}
    return draw_bars(title, x_title, labels, counts, y_title=y_title)


def whole_edges(least: int, most: int) -> list[int]:
    """Return the edges of bins of whole numbers; the last is above the most.

    >>> whole_edges(7, 9), whole_edges(100, 199)[:3], whole_edges(1, 530)[-4:]
    ([7, 8, 9, 10], [100, 105, 110], [100, 200, 500, 531])
    """
    if most - least < _BINS:
        return list(range(least, most + 2))
    if most < _WIDE * max(least, 1):
        return [int(edge) for edge in round_edges(least, most + 1)]
    ones = range(least, max(_ONE_BY_ONE, least) + 2)
    larger = [step * 10**power for power in range(1, 10) for step in (1, 2, 5)]
    return [*ones, *(size for size in larger if ones[-1] < size <= most), most + 1]
