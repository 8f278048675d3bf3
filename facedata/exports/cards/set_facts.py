"""What a set knows of itself, in words and numbers, for whoever gets it; no name of anybody, and no path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...checks.check_folder import CHECK, CHECK_KIND, SUMMARY_FILE
from ...interchange.export_note import ExportNote
from ...photos.paths import photo_text
from ...sets.prepared import PreparedSet
from ...types import Status
from ..base import Export
from .told_columns import ToldColumn, count_told, list_meta

STATUS_WORDS = {
    Status.KEPT: "its crop is in the set",
    Status.NO_FACE: "no face was found in it",
    Status.UNREADABLE: "its file cannot be read as a photo",
    Status.UNSUPPORTED: "a video, or a format that was not read",
    Status.TOO_LARGE: "more pixels than the limit",
    Status.LOW_SCORE: "the detector was not sure enough of its faces",
    Status.TOO_SMALL: "its faces are smaller than the limit",
    Status.UNSELECTED: "several faces, and the rule chose none",
    Status.DUPLICATE: "the same bytes as another photo of the person",
    Status.TOO_FEW: "its person has too few photos",
    Status.NO_IDENTITY: "the source does not say who it is",
    Status.EXCLUDED: "left out by hand",
    Status.FAILED: "the detector failed on it",
    Status.FORGOTTEN: "removed at a person's request",
}
"""What became of a photo, in a few words."""

_TEMPLATES = {
    "square": "The face's box, turned so that the eyes are level, scaled to fill the square and centred; "
    "black outside the box and outside the photo.",
    "arcface112": "Turned, scaled and shifted so that eyes, nose and corners of the mouth come as near as "
    "possible to the points that ArcFace's networks are trained on; black outside the photo.",
    "facenet160": "The face's box, grown by an eighth on each side and stretched to the square, not turned; "
    "black outside the photo.",
}
_FACES = {
    "largest": "the largest",
    "center": "the one nearest to the middle",
    "score": "the one that the detector is surest of",
    "only": "none, unless it is the only one",
}
_HELD = {
    "hf": ("pairs", "triplets"), "csv": ("pairs", "triplets"), "rec": ("pairs",), "pairs-txt": ("pairs",),
}  # fmt: skip
"""Which rows a format holds beside the crops."""
_CORRECTIONS = {
    "dropped": ("photo dropped", "photos dropped"),
    "moved": ("photo moved to another person", "photos moved to another person"),
    "merged_people": ("person merged into another", "people merged into another"),
    "kept": ("photo confirmed as it is", "photos confirmed as they are"),
    "distinct": ("pair of people confirmed as two", "pairs of people confirmed as two"),
}


@dataclass(frozen=True)
class CheckFacts:
    """What the last check of a set found.

    Attributes:
        state: ``none``; ``current``; or ``stale``, where the set has changed since, or it cannot be read.
        counts: severity, kind and how many, errors first.
        settled: findings that a person has decided.
        compared_faces: a model compared the faces, too.
    """

    state: str
    counts: tuple[tuple[str, str, int], ...] = ()
    settled: int = 0
    compared_faces: bool = False


@dataclass(frozen=True)
class SetFacts:
    """What a card says of a set and of its export.

    Attributes:
        name: of the set's folder.
        note: what the export says of itself.
        info: the contents of dataset.json.
        crops: how many are exported.
        people: how many people are exported.
        told: what the source says of consent and licences.
        meta: names of all columns that the source passed on.
        check: the last check.
    """

    name: str
    note: ExportNote
    info: Mapping[str, Any]
    crops: int
    people: int
    told: tuple[ToldColumn, ...]
    meta: tuple[str, ...]
    check: CheckFacts

    @classmethod
    def of(cls, export: Export, note: ExportNote) -> SetFacts:
        """Gather the facts; reads the ledger's columns about consent and licence."""
        prepared = export.prepared
        name = photo_text(str(prepared.path).rstrip("/").rpartition("/")[2])
        return cls(
            name, note, prepared.info, export.total, len(export.people), tuple(count_told(prepared)),
            tuple(list_meta(prepared)), read_check(prepared),
        )  # fmt: skip

    @property
    def settings(self) -> Mapping[str, Any]:
        """The options that shaped the set."""
        settings: Mapping[str, Any] = self.info["settings"]
        return settings

    @property
    def are_finished(self) -> bool:
        """Whether the photos were finished crops already."""
        return bool(self.settings.get("as_crops"))

    @property
    def has_pictures(self) -> bool:
        """Whether the export holds the crops."""
        return self.note.format != "coco"

    @property
    def statuses(self) -> dict[str, int]:
        """How many photos have each status, in the order of :class:`facedata.types.Status`."""
        counts = self.info["counts"]["status"]
        return {one.value: counts[one.value] for one in Status if counts.get(one.value)}

    @property
    def summary(self) -> str:
        """What it is, in one sentence or two."""
        people = f"{self.people:,} {'person' if self.people == 1 else 'people'}"
        if not self.has_pictures:
            return f"Boxes and landmarks of {self.crops:,} faces of {people}, without the photos they are in."
        crops = f"{self.crops:,} {'crop of a face' if self.crops == 1 else 'crops of faces'} of {people}"
        how = "taken as they were" if self.are_finished else "each cut from a photo and aligned"
        return (
            f"{crops}, {self.note.size_px} × {self.note.size_px} pixels, {how}. "
            "Sets like this train and judge networks that compare faces."
        )

    def list_drawn(self) -> list[str]:
        """Return how many pairs and triplets the format holds, a sentence each."""
        splits, said = self.info["counts"].get("splits", {}), []
        for kind in _HELD.get(self.note.format, ()):
            counts = {name: int(splits.get(name, {}).get(kind, 0)) for name in self.note.splits}
            if any(counts.values()):
                shown = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
                said.append(f"With {kind} of crops: {shown}.")
        return said

    def list_steps(self) -> list[str]:
        """Return how the set was made, a sentence each."""
        get, note, steps = self.settings.get, self.note, []
        kind = str(self.info["source"]["kind"])
        steps.append(f"The photos were read from a source of the kind {kind}, which says who is on them.")
        if self.are_finished:
            steps.append("They were finished crops already; no face was looked for.")
        elif get("detector"):
            steps.append(
                f"Faces were found by {get('detector')}: those with a score of at least "
                f"{get('min_score'):g} and a box of at least {get('min_face'):g} pixels. Of several faces, "
                f"{_FACES.get(str(get('face')), 'the one that the source means')} was taken."
            )
        steps.append(f"Template {note.template}: {_TEMPLATES.get(note.template, '')}".rstrip(": "))
        if (fewest := get("min_photos", 1)) > 1:
            steps.append(f"People with fewer than {fewest} photos were left out.")
        steps += self._list_splits()
        done = self.info["counts"].get("corrections", {})
        if said := [
            f"{done[name]:,} {words[done[name] > 1]}"
            for name, words in _CORRECTIONS.items()
            if done.get(name)
        ]:
            steps.append(f"Corrected: {', '.join(said)}.")
        return steps

    def _list_splits(self) -> list[str]:
        drawn = self.info.get("drawing", {}).get("split", {})
        rule = drawn.get("split_by") or self.info["counts"].get("split", {}).get("by")
        said = {
            "identity": "Split by person: nobody is in two splits.",
            "photo": "Split by photo: the same people are in all splits.",
            "official": "Split as the source says.",
        }.get(str(rule))
        if said is None:
            return []
        ratios = "" if rule == "official" else f" Ratios {drawn.get('splits')}, seed {drawn.get('seed')}."
        return [said + ratios]

    def list_limits(self) -> list[str]:
        """Return what is known to limit the set, a sentence each."""
        counts, limits = self.info["counts"], []
        spread = counts.get("photos_per_person", {})
        if spread.get("max"):
            photos = f"{spread['min']:,} to {spread['max']:,} photos, {spread['median']:g} at the median"
            if spread["min"] == spread["max"]:
                photos = f"{spread['max']:,} photo{'s'[: spread['max'] > 1]} each"
            limits.append(f"In the whole set people have {photos}.")
        lost = sum(self.statuses.values()) - self.statuses.get(Status.KEPT.value, 0)
        if lost:
            limits.append(
                f"Not in the set are {lost:,} of {counts['records']:,} photos, by the rules above. If these "
                "rules lose some groups of people more often than others, so does the set."
            )
        copies = counts.get("copies", {})
        if across := copies.get("across_splits", {}).get("photos"):
            verb = "photos look" if across > 1 else "photo looks"
            limits.append(f"{across:,} {verb} the same as one in another split.")
        if same := copies.get("same_bytes", {}).get("photos"):
            verb = "photos have" if same > 1 else "photo has"
            limits.append(f"{same:,} {verb} the same bytes as a photo of another person.")
        if self.check.state != "current":
            limits.append(
                "It was not checked as it is now: how many photos show somebody other than they are said to "
                "show is not known."
            )
        limits.append("Who is in it by age, sex, skin or origin was not measured.")
        return limits


def read_check(prepared: PreparedSet) -> CheckFacts:
    """Return what the last check of a set found; of another state of the set, only that there was one."""
    file = prepared.path / CHECK / SUMMARY_FILE
    if not file.is_file():
        return CheckFacts("none")
    try:
        with file.open("rb") as stream:
            found = json.loads(stream.read())
        if found["kind"] != CHECK_KIND or found["fingerprint"] != prepared.fingerprint:
            return CheckFacts("stale")
        counts = tuple(
            (str(severity), str(kind), int(count))
            for severity in ("error", "suspect", "note")
            for kind, count in found["findings"].get(severity, {}).items()
        )
        who = found.get("who_is_who", {})
        settled = sum(map(int, found["settled"].values()))
        return CheckFacts("current", counts, settled, who.get("crops", 0) > 0)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return CheckFacts("stale")
