"""What the commands found, as lines for a person to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from facedata.sets.prepared import short

from ..recognition.escaped_names import UNKNOWN, shown
from ..recognition.gallery import Gallery
from .identify import PROBABILITY, Identified, NamedFace, NamedPhoto

if TYPE_CHECKING:
    from .fit import FitResult

_VALUES = {"euclidean": "distance", "cosine": "similarity", PROBABILITY: "probability"}
_LISTED = 40
"""How many photos without a use a summary names before it only counts; ``--json`` and the file have all."""


def fit_lines(result: FitResult) -> list[str]:
    """Return what ``fit`` prints in the end: which epoch was best, the threshold, where the run is."""
    before = "" if result.before is None else f", {result.before:.4f} before epoch 1"
    value = "–" if result.value is None else f"{result.value:.4f}"
    lines = [
        f"best       epoch {result.best} of {result.epochs}: {result.best_by} {value}{before}",
        f"threshold  {_limit(result.metric, result.threshold)}",
    ]
    lines += [f"note       {line}" for line in result.lines]
    return [*lines, f"run        {shown(result.path)}"]


def embed_lines(done: Mapping[str, Any]) -> list[str]:
    """Return what ``embed`` prints."""
    there = done["crops"] - done["embedded"]
    known = f" ({there:,} of them were there)" if there else ""
    return [
        f"embedded   {_count(done['crops'], 'crop')}{known}, {done['dim']} numbers each",
        f"file       {shown(done['out'])} (of the model {short(done['model'])})",
    ]


def mined_lines(mined: Mapping[str, Any], path: str) -> list[str]:
    """Return what ``mine`` prints."""
    what = f"{_count(mined['triplets'], 'triplet')} of {_count(mined['anchors'], 'anchor')}"
    near, far = mined["positive"], mined["negative"]
    return [
        f"mined      {what} (split {mined['split']}): the nearest of {mined['candidates']:,} photos each",
        f"distance   {near:.4f} to the positive photo in the mean, {far:.4f} to the negative one",
        f"file       {shown(path)}",
    ]


def gallery_lines(gallery: Gallery, path: str) -> list[str]:
    """Return what ``enroll`` prints: who is enrolled, and every photo that stands for nobody."""
    used = sum(len(photos) for photos in gallery.photos)
    how = "the mean of their photos" if gallery.anchor == "mean" else "one photo each"
    lines = [f"enrolled   {_count(len(gallery), 'person', 'people')} from {_count(used, 'photo')}, {how}"]
    lost = [one for one in gallery.left_out if one.status != "spare"]
    kinds = Counter(one.status for one in lost)
    lines += [f"left out   {count:>9,}  {status}" for status, count in sorted(kinds.items())]
    lines += [f"           {shown(one.photo)}: {one.reason}" for one in lost[:_LISTED]]
    if len(lost) > _LISTED:
        lines.append(f"           and {len(lost) - _LISTED:,} more; the gallery's file has them all")
    spare = len(gallery.left_out) - len(lost)
    lines += [f"spare      {spare:>9,}  one photo stands for each person"] if spare else []
    missing = {one.identity for one in lost if one.identity is not None} - set(gallery.names)
    lines += [f"missing    {shown(name)}: no photo could be used" for name in sorted(missing, key=str.encode)]
    lines.append(f"threshold  {_limit(gallery.metric, gallery.threshold)}")
    lines.append(f"gallery    {shown(path)} (of the model {short(gallery.model)})")
    return lines


def gallery_values(gallery: Gallery, path: str) -> dict[str, Any]:
    """Return the same as plain values, without the embeddings."""
    return {
        "gallery": path,
        "people": [
            {"identity": name, "photos": list(photos)}
            for name, photos in zip(gallery.names, gallery.photos, strict=True)
        ],
        "left_out": [vars(one) for one in gallery.left_out],
        "model": gallery.model,
        "metric": gallery.metric,
        "threshold": gallery.threshold,
        "anchor": gallery.anchor,
    }


def identified_lines(found: Identified) -> list[str]:
    """Return what ``identify`` prints: each photo with its faces; with ``--judge`` how good the names are."""
    lines: list[str] = []
    for photo in found.photos:
        lines += _photo_lines(photo, found.metric)
    lines.append(f"threshold  {_limit(found.metric, found.threshold)}")
    return lines + (_judged_lines(found.figures) if found.figures else [])


def _photo_lines(photo: NamedPhoto, metric: str) -> list[str]:
    what = _count(len(photo.faces), "face") if photo.reason is None else f"{photo.status}: {photo.reason}"
    picture = f"  -> {shown(photo.picture)}" if photo.picture else ""
    names = [shown(face.name or UNKNOWN) for face in photo.faces]
    width = max([len(name) for name in names], default=0)
    rows = [
        f"  {name:<{width}}  {_VALUES[metric]} {face.value:.3f}{_about(face)}"
        for name, face in zip(names, photo.faces, strict=True)
    ]
    return [f"{shown(photo.photo)}  {what}{picture}", *rows]


def _about(face: NamedFace) -> str:
    x0, y0, x1, y1 = (round(edge) for edge in face.box)
    nearest = "" if face.name is not None else f"  (nearest: {shown(face.nearest)})"
    return f"  at {x0},{y0} to {x1},{y1}{nearest}"


def _judged_lines(figures: Mapping[str, Any]) -> list[str]:
    known, strangers = figures["known"], figures["strangers"]
    enrolled = f"{_count(known, 'photo')} of {_count(figures['known_people'], 'person', 'people')} known here"
    others = f"{_count(strangers, 'photo')} of {_count(figures['strange_people'], 'stranger')}"
    lines = [f"judged     {enrolled}, {others}; {figures['without_face']:,} without a face"]
    if known:
        lines.append(f"nearest    {_percent(figures['rank1'])} of the known: the right person")
        shares = [f"{_percent(figures[name])} {name}" for name in ("right", "wrong", "unknown")]
        lines.append(f"named      {', '.join(shares)}")
    if strangers:
        lines.append(f"strangers  {figures['let_in']:,} of {strangers:,} got a name")
    lines += [_rate_line(one, figures["metric"]) for one in figures["rates"] if one["dir"] is not None]
    if too_few := [_percent(one["rate"]) for one in figures["rates"] if one["dir"] is None]:
        lines.append(f"           too few photos for a figure at {', '.join(too_few)} of strangers let in")
    return lines


def _rate_line(one: Mapping[str, Any], metric: str) -> str:
    let_in = f"at most {_percent(one['rate'])} of strangers let in ({one['let_in']:,})"
    return (
        f"           {let_in}: {_percent(one['dir'])} of the known right, {_limit(metric, one['threshold'])}"
    )


def _limit(metric: str, threshold: float | None) -> str:
    if threshold is None:
        return "none: everybody gets a name" if metric == PROBABILITY else "none: say one with --threshold"
    side = "at most" if metric == "euclidean" else "at least"
    return f"{_VALUES[metric]} {side} {threshold:.4g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.3g}%"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
