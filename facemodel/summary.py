"""What the commands found, as lines for a person to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from facedata.prepared import short

from .gallery import Gallery
from .identify import PROBABILITY, Identified, NamedFace, NamedPhoto
from .shown import shown

_VALUES = {"euclidean": "distance", "cosine": "similarity", PROBABILITY: "probability"}
_LISTED = 40
"""How many photos without a use a summary names before it only counts; ``--json`` and the file have all."""


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
    """Return what ``identify`` prints: each photo, its faces, and with ``--judge`` how often they are right."""
    lines: list[str] = []
    for photo in found.photos:
        lines += _photo_lines(photo, found.metric)
    lines.append(f"threshold  {_limit(found.metric, found.threshold)}")
    return lines + (_judged_lines(found.figures) if found.figures else [])


def _photo_lines(photo: NamedPhoto, metric: str) -> list[str]:
    what = _count(len(photo.faces), "face") if photo.reason is None else f"{photo.status}: {photo.reason}"
    picture = f"  -> {shown(photo.picture)}" if photo.picture else ""
    names = [shown(face.name or "unknown") for face in photo.faces]
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
    lines = [
        f"judged     {_count(known, 'photo')} of {_count(figures['known_people'], 'person', 'people')} with a "
        f"name here, {_count(strangers, 'photo')} of {_count(figures['strange_people'], 'stranger')}; "
        f"{figures['without_face']:,} without a face"
    ]
    if known:
        lines.append(
            f"           the nearest is the right one in {_percent(figures['rank1'])}; at the threshold "
            f"{_percent(figures['right'])} right, {_percent(figures['wrong'])} wrong, "
            f"{_percent(figures['unknown'])} unknown"
        )
    if strangers:
        lines.append(
            f"           strangers who get a name: {figures['let_in']:,} of {strangers:,} "
            f"({_percent(figures['let_in_rate'])})"
        )
    for one in figures["rates"]:
        if one["dir"] is not None:
            lines.append(
                f"           letting in {_percent(one['rate'])} of strangers ({one['let_in']:,}): "
                f"{_percent(one['dir'])} right, {_limit(figures['metric'], one['threshold'])}"
            )
    if too_few := [_percent(one["rate"]) for one in figures["rates"] if one["dir"] is None]:
        lines.append(f"           too few strangers for a figure at {', '.join(too_few)}")
    return lines


def _limit(metric: str, threshold: float | None) -> str:
    if threshold is None:
        return (
            "none; everybody gets a name" if metric == PROBABILITY else "none: `identify` takes --threshold"
        )
    side = "at most" if metric == "euclidean" else "at least"
    return f"{_VALUES[metric]} {side} {threshold:.4g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.3g}%"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return two columns as lines, the second one aligned."""
    width = max([len(left) for left, _ in rows], default=0) + 2
    return [f"{left:<{width}}{right}" for left, right in rows]
