"""What the commands print: their results as lines for a person to read."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facedata.sets.prepared import short

from ..config import FitConfig
from ..errors import Interrupted
from ..recognition.escaped_names import UNKNOWN, escape_name
from ..recognition.gallery import Gallery
from ..recognition.naming import PROBABILITY, VALUE_NAMES
from ..recognition.probability import probability_text
from .identify import Identified

if TYPE_CHECKING:
    from .fit import FitResult

_LISTED = 40
"""How many unused photos a summary lists before it only counts them; ``--json`` and the file have all."""


def fit_lines(result: FitResult) -> list[str]:
    """Return what ``fit`` prints at the end: which epoch was best, the threshold, where the run is."""
    before = "" if result.before is None else f", {result.before:.4f} before epoch 1"
    value = "–" if result.value is None else f"{result.value:.4f}"
    lines = [
        f"best       epoch {result.best} of {result.epochs}: {result.best_by} {value}{before}",
        f"threshold  {_limit(result.metric, result.threshold)}",
    ]
    lines += [f"note       {line}" for line in result.lines]
    return [*lines, f"run        {escape_name(result.path)}"]


def stopped_line(stop: Interrupted, typed: Sequence[str], config: FitConfig) -> str:
    """Return what an interrupted ``fit`` says: how far it has come, and the command that continues it.

    Args:
        stop: what stopped.
        typed: the command as it was typed, without the program's name.
        config: its options.
    """
    flags = ("--resume", "--no-resume", "--overwrite", "--no-overwrite")
    again = [word for word in typed if word not in flags] if stop.resumes else list(typed)
    if stop.resumes:
        again += ["--resume"]
        # it may stand in the file of --config
        again += ["--no-overwrite"] if config.overwrite and "--overwrite" not in typed else []
    command = "the same command" + (", with --resume" if stop.resumes else "")
    if "WORLD_SIZE" not in os.environ:  # what started several processes is not known here
        command = shlex.join(["facemodel", *again])
    return f"stopped {stop.where}; to {'continue' if stop.resumes else 'start again'}: {command}"


def people_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return what ``check`` prints of the model: what was embedded, the thresholds, and how far to trust it.

    Args:
        summary: a check's summary.json; of one without a model there are no lines.
    """
    who = summary.get("who_is_who")
    if who is None:
        return []
    if "not_looked_at" in who:
        return [f"people     not looked at: {who['not_looked_at']}"]
    lines = [f"embedded   {who['crops']:>9,} crops, of the model {short(who['model'])}"]
    if who["unusable"]:
        lines.append(f"left out   {who['unusable']:>9,} crops, for which the model gives no usable numbers")
    lines += [f"threshold  {one['value']:>9.3f}  {one['text']}" for one in who.get("thresholds", [])]
    return [*lines, *(f"model      {line}" for line in who.get("strength", {}).get("lines", []))]


def embed_lines(done: Mapping[str, Any]) -> list[str]:
    """Return what ``embed`` prints."""
    there = done["crops"] - done["embedded"]
    known = f" ({there:,} of them were already there)" if there else ""
    return [
        f"embedded   {_count(done['crops'], 'crop')}{known}, {done['dim']} numbers each",
        f"file       {escape_name(done['out'])} (of the model {short(done['model'])})",
    ]


def mined_lines(mined: Mapping[str, Any], path: str) -> list[str]:
    """Return what ``mine`` prints."""
    what = f"{_count(mined['triplets'], 'triplet')} of {_count(mined['anchors'], 'anchor')}"
    near, far, top = mined["positive"], mined["negative"], _percent(mined["top_share"])
    left_out = f"; {_count(mined['passed_over'], 'outlier')} passed over" if mined["passed_over"] else ""
    of = f"{mined['candidates']:,} photos each" if mined["candidates"] else "all photos of other people"
    dropped = [f"dropped    {_count(mined['dropped'], 'triplet')}: no candidate may be its negative"]
    return [
        f"mined      {what} (split {mined['split']}): the nearest of {of}",
        *(dropped if mined["dropped"] else []),
        f"{mined['metric']:<10} {near:.4f} to the positive photo on average, {far:.4f} to the negative one",
        f"negatives  the most used one {mined['most_used']:,} times, the top 1% {top} of all{left_out}",
        *_suspect_lines(mined),
        f"file       {escape_name(path)}",
    ]


def _suspect_lines(mined: Mapping[str, Any]) -> list[str]:
    """Return what ``mine`` prints of pairs that may show one person."""
    if not (suspects := mined["suspects"]):
        return []
    words = {"own_person": "by likeness", "copy": "copies", "one_person": "by `check`"}
    parts = ", ".join(f"{count:,} {words[reason]}" for reason, count in suspects.items())
    near = f" (from {mined['suspect_from']:.4f})" if mined["suspect_from"] is not None else ""
    wrong = f"of the pairs with one name, about {_percent(mined['wrong_share'])} show two people"
    return [
        f"suspects   {_count(sum(suspects.values()), 'pair')} may show one person: {parts}{near}",
        f"           {wrong}; the pairs are in {escape_name(mined['suspects_file'])}",
    ]


def gallery_lines(gallery: Gallery, path: str) -> list[str]:
    """Return what ``enroll`` prints: who is enrolled, and every photo that was left out."""
    used = sum(len(photos) for photos in gallery.photos)
    how = "the mean of their photos" if gallery.anchor == "mean" else "one photo each"
    lines = [f"enrolled   {_count(len(gallery), 'person', 'people')} from {_count(used, 'photo')}, {how}"]
    lost = [one for one in gallery.left_out if one.status != "spare"]
    kinds = Counter(one.status for one in lost)
    lines += [f"left out   {count:>9,}  {status}" for status, count in sorted(kinds.items())]
    lines += [f"           {escape_name(one.photo)}: {one.reason}" for one in lost[:_LISTED]]
    if len(lost) > _LISTED:
        lines.append(f"           and {len(lost) - _LISTED:,} more; the gallery's file has them all")
    spare = len(gallery.left_out) - len(lost)
    lines += [f"spare      {spare:>9,}  one photo represents each person"] if spare else []
    missing = {one.identity for one in lost if one.identity is not None} - set(gallery.names)
    for name in sorted(missing, key=str.encode):
        lines.append(f"missing    {escape_name(name)}: no photo could be used")
    lines += _basis_lines(gallery.basis, gallery.doubt)
    lines.append(f"threshold  {_limit(gallery.metric, gallery.threshold)}")
    lines.append(f"gallery    {escape_name(path)} (of the model {short(gallery.model)})")
    return lines


def gallery_values(gallery: Gallery, path: str) -> dict[str, Any]:
    """Return a gallery as plain values, without its embeddings, for ``--json``."""
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
        "basis": gallery.basis,
        "doubt": gallery.doubt,
    }


def identified_lines(result: Identified) -> list[str]:
    """Return what ``identify`` prints: each photo with its faces; with ``--judge`` how good the names are."""
    lines: list[str] = []
    for photo in result.photos:
        what = _count(len(photo.faces), "face") if photo.reason is None else f"{photo.status}: {photo.reason}"
        picture = f"  -> {escape_name(photo.picture)}" if photo.picture else ""
        lines.append(f"{escape_name(photo.photo)}  {what}{picture}")
        names = [escape_name(face.name or UNKNOWN) for face in photo.faces]
        width = max([len(name) for name in names], default=0)
        for name, face in zip(names, photo.faces, strict=True):
            x0, y0, x1, y1 = (round(edge) for edge in face.box)
            nearest = "" if face.name is not None else f"  (nearest: {escape_name(face.nearest)})"
            if face.is_taken:
                nearest = f"  (nearest: {escape_name(face.nearest)}, who is another face here)"
            value = f"{VALUE_NAMES[result.metric]} {face.value:.3f}"
            if face.probability is not None:
                value += f"  probability {probability_text(face.probability)}"
            lines.append(f"  {name:<{width}}  {value}  at {x0},{y0} to {x1},{y1}{nearest}")
    lines += _basis_lines(result.basis, result.doubt)
    lines.append(f"threshold  {_limit(result.metric, result.threshold)}")
    lines += [f"probable   {result.probability}"] if result.probability else []
    return lines + (_judged_lines(result.figures) if result.figures else [])


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
    for one in figures["rates"]:
        if one["dir"] is not None:
            let_in = f"at most {_percent(one['rate'])} of strangers let in ({one['let_in']:,})"
            right = f"{_percent(one['dir'])} of the known right"
            lines.append(f"           {let_in}: {right}, {_limit(figures['metric'], one['threshold'])}")
    if too_few := [_percent(one["rate"]) for one in figures["rates"] if one["dir"] is None]:
        lines.append(f"           too few photos for a figure at {', '.join(too_few)} of strangers let in")
    return lines


def _basis_lines(basis: str, doubt: str | None) -> list[str]:
    lines = [f"basis      {basis}"] if basis else []
    return lines if doubt is None else [*lines, f"poor       {doubt}"]


def _limit(metric: str, threshold: float | None) -> str:
    if threshold is None:
        return "none: every face gets a name" if metric == PROBABILITY else "none: give one with --threshold"
    side = "at most" if metric == "euclidean" else "at least"
    return f"{VALUE_NAMES[metric]} {side} {threshold:.4g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.3g}%"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
