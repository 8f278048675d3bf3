"""What two sets share, and the certificate of it: ``overlap.json``."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa

from ...sets.prepared import PreparedSet
from ...types import Float32Array, Int64Array
from .kept_photos import KeptPhotos

OVERLAP_FILE = "overlap.json"
OVERLAP_KIND = "facedata overlap"
OVERLAP_VERSION = 1


class By(str, Enum):
    """How it is known that something is shared, the surest first."""

    BYTES = "bytes"
    PICTURE = "picture"
    FACE = "face"


@dataclass(frozen=True, eq=False)
class SharedPhotos:
    """Photos that both sets have; at least one row for each of them, by one way of knowing.

    Attributes:
        mine: ``(m,)`` int64, rows of this set's crops.
        theirs: ``(m,)`` int64, rows of the other set's.
        likeness: ``(m,)`` float32, 0 to 1; 1 for the same bytes.
    """

    mine: Int64Array
    theirs: Int64Array
    likeness: Float32Array

    @classmethod
    def same(cls, pairs: Int64Array) -> SharedPhotos:
        """Return pairs of rows, ``(m, 2)`` int64, of photos that are the same; each pair once."""
        once = np.unique(pairs, axis=0)
        return cls(once[:, 0], once[:, 1], np.ones(len(once), np.float32))

    def without(self, known: SharedPhotos) -> SharedPhotos:
        """Return the rows of which one photo at least is not in ``known``."""
        new = ~(np.isin(self.mine, known.mine) & np.isin(self.theirs, known.theirs))
        return SharedPhotos(self.mine[new], self.theirs[new], self.likeness[new])

    def best_of(self, mine: bool, count: int) -> Int64Array:
        """Return for each of ``count`` crops of one set its best row here; -1 for none.

        Args:
            mine: of this set, not of the other.
            count: how many crops that set has.
        """
        side, other = (self.mine, self.theirs) if mine else (self.theirs, self.mine)
        best = np.full(count, -1, np.int64)
        order = np.lexsort((other, -self.likeness))[::-1]  # the last one written stays
        best[side[order]] = order
        return best


@dataclass(frozen=True, eq=False)
class SharedPeople:
    """People who are in both sets, by their faces.

    Attributes:
        mine: ``(p,)`` int64, numbers of this set's people.
        theirs: ``(p,)`` int64, of the other set's.
        value: ``(p,)`` float64, what was measured; above the threshold.
        log_odds: ``(p,)`` float64, natural logarithm of the odds that they are one person.
        figures: the threshold, the estimated errors and the procedure, as plain values.
    """

    mine: Int64Array
    theirs: Int64Array
    value: np.ndarray[Any, np.dtype[np.float64]]
    log_odds: np.ndarray[Any, np.dtype[np.float64]]
    figures: dict[str, Any]


@dataclass(frozen=True, eq=False)
class SetSide:
    """One of the two sets.

    Attributes:
        prepared: the set.
        classes: its crops, as ``schema.CLASSES``.
        photos: of its crops.
        readable: ``(r,)`` int64, ascending: rows of the crops that are pictures, with the bytes recorded.
    """

    prepared: PreparedSet
    classes: pa.Table
    photos: KeptPhotos
    readable: Int64Array


@dataclass(frozen=True, eq=False)
class Overlap:
    """What two sets share.

    Attributes:
        this: the set that is checked.
        other: the other one.
        photos: the shared photos, by bytes and by picture.
        figures: of each way of knowing, what the certificate says: thresholds, estimated errors, procedure.
        people: by face; None if no model was asked.
        model: the model's fingerprint.
        notes: what a reader should know, a sentence each.
    """

    this: SetSide
    other: SetSide
    photos: dict[By, SharedPhotos]
    figures: dict[By, dict[str, Any]]
    people: SharedPeople | None = None
    model: str | None = None
    notes: tuple[str, ...] = field(default=())

    def with_people(self, people: SharedPeople | None, model: str, notes: tuple[str, ...]) -> Overlap:
        """Return the same with what a model says of the people; None where it cannot tell."""
        return dataclasses.replace(self, people=people, model=model, notes=(*self.notes, *notes))

    def person_pairs(self) -> dict[tuple[int, int], set[By]]:
        """Return the numbers of people here and there who are one person, and how it is known."""
        pairs: dict[tuple[int, int], set[By]] = {}
        for by, photos in self.photos.items():
            people = (self.this.photos.person[photos.mine], self.other.photos.person[photos.theirs])
            for pair in np.unique(np.column_stack(people), axis=0).tolist():
                pairs.setdefault((pair[0], pair[1]), set()).add(by)
        if self.people is not None:
            for one, two in zip(self.people.mine.tolist(), self.people.theirs.tolist(), strict=True):
                pairs.setdefault((one, two), set()).add(By.FACE)
        return pairs

    def certificate(self) -> dict[str, Any]:
        """Return the certificate as plain values."""
        photos = {"set": self._photo_rows(True), "other": self._photo_rows(False)}
        people = self._people_rows()
        names = {"set": [row["identity"] for row in people], "other": [row["other"] for row in people]}
        return {
            "kind": OVERLAP_KIND,
            "version": OVERLAP_VERSION,
            "set": self._side(self.this),
            "other": self._side(self.other),
            "model": self.model,
            "shared": {
                side: {"people": len(set(names[side])), "photos": len(photos[side])} for side in names
            },
            "by": self._ways(),
            "people": people,
            "photos": photos["set"],
            "other_photos": photos["other"],
            "notes": list(self.notes),
        }

    def _side(self, side: SetSide) -> dict[str, Any]:
        photos = side.photos
        counts = {"people": len(photos.people), "photos": len(photos), "readable": len(side.readable)}
        return {"fingerprint": side.prepared.fingerprint, **counts}

    def _ways(self) -> dict[str, Any]:
        ways: dict[str, Any] = {}
        for by, photos in self.photos.items():
            mine, theirs = np.unique(photos.mine), np.unique(photos.theirs)
            ways[by.value] = {
                "photos": len(mine),
                "other_photos": len(theirs),
                "people": len(np.unique(self.this.photos.person[mine])),
                "other_people": len(np.unique(self.other.photos.person[theirs])),
                **self.figures[by],
            }
        if self.people is not None:
            ways[By.FACE.value] = {
                "people": len(np.unique(self.people.mine)),
                "other_people": len(np.unique(self.people.theirs)),
                **self.people.figures,
            }
        return ways

    def _people_rows(self) -> list[dict[str, Any]]:
        """Return a row for each person of this set and each of the other's that they are."""
        faces = self.people
        found = {}
        if faces is not None:
            pairs = zip(faces.mine.tolist(), faces.theirs.tolist(), strict=True)
            values = zip(faces.value.tolist(), faces.log_odds.tolist(), strict=True)
            found = dict(zip(pairs, values, strict=True))
        mine, theirs = self.this.photos, self.other.photos
        counts = [np.bincount(side.person, minlength=len(side.people)) for side in (mine, theirs)]
        rows = []
        for (one, two), ways in sorted(self.person_pairs().items()):
            row = {
                "identity": mine.people[one],
                "other": theirs.people[two],
                "by": [by.value for by in By if by in ways],
                "photos": int(counts[0][one]),
                "other_photos": int(counts[1][two]),
            }
            if (one, two) in found:
                value, odds = found[one, two]
                row |= {"similarity": round(value, 4), "log_odds": round(odds, 1)}
            rows.append(row)
        return rows

    def _photo_rows(self, mine: bool) -> list[dict[str, Any]]:
        """Return a row for each shared photo of one set, with its surest match in the other."""
        one, two = (self.this, self.other) if mine else (self.other, self.this)
        best = {by: photos.best_of(mine, len(one.photos)) for by, photos in self.photos.items()}
        rows = []
        for at in range(len(one.photos)):
            for by, places in best.items():
                if (place := int(places[at])) >= 0:
                    photos = self.photos[by]
                    match = int((photos.theirs if mine else photos.mine)[place])
                    rows.append(
                        {
                            "record": one.photos.record[at].as_py(),
                            "identity": one.photos.identity[at].as_py(),
                            "by": by.value,
                            "likeness": round(float(photos.likeness[place]), 3),
                            "match": two.photos.record[match].as_py(),
                            "match_identity": two.photos.identity[match].as_py(),
                        }
                    )
                    break
        return rows


def render_certificate(certificate: dict[str, Any]) -> bytes:
    """Return the bytes of overlap.json: sorted, with no time and no path of this machine in them."""
    text = json.dumps(certificate, indent=1, sort_keys=True, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"
