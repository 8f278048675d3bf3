"""dataset.json after people were forgotten: every count, list and note that they had a part in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..plan.corrected_records import count_corrections, renamed_records
from ..sampling.draw import count_splits
from ..sampling.official import official_pairs
from ..sampling.tables import read_crops, split_names
from ..tables.parquet import read_blocks, read_table
from ..tables.people import person_codes
from ..tables.schema import CORRECTIONS
from ..tables.tombstones import Tombstones
from ..types import Int32Array, Status

_NAMED = 10
"""The most photos with badly matching boxes that are named."""

_OF_PEOPLE = re.compile(r"\d[\d,]* of \d[\d,]* people")
_UNASSIGNED = re.compile(r"^[\d,]+(?= photos? ha(?:ve|s) no official split)")


class Recount:
    """Counts a set's new tables.

    Args:
        folder: of the new tables.
        before: dataset.json so far.
        tombstones: who is forgotten.
    """

    def __init__(self, folder: Path, before: Mapping[str, Any], tombstones: Tombstones) -> None:
        self.folder, self.before, self.tombstones = folder, before, tombstones
        self.classes = read_crops(folder / "classes.parquet")

    def counts(self) -> dict[str, Any]:
        """Return the section ``counts``, but for copies of photos."""
        old = self.before["counts"]
        counts = {**old, **self._ledger_counts(old), **self._people_counts()}
        named = old.get("missing_named", [])
        counts["missing_named"] = [photo for photo in named if not self.tombstones.has_path(photo)]
        counts["missing"] = old.get("missing", 0) - (len(named) - len(counts["missing_named"]))
        corrections = self._corrections()
        counts.pop("corrections", None)
        if corrections.num_rows:
            counts["corrections"] = count_corrections(corrections)
        counts["split"] = self._split_section(old["split"])
        for kind in ("pairs", "triplets"):
            counts[kind] = self._drawn_section(kind, old[kind])
        if old["pairs"]["strategy"] == "official":
            counts["pairs"] |= self._official_counts(counts["pairs"])
        counts["splits"] = count_splits(counts)
        return {name: value for name, value in counts.items() if name in old or name == "corrections"}

    def notes(self) -> list[str]:
        """Return the notes that name nobody who is forgotten."""
        return [note for note in self.before.get("notes", []) if not self.tombstones.mentions(note)]

    def _ledger_counts(self, old: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is counted in the ledger."""
        status: Counter[str] = Counter()
        overlaps, worst = [np.empty(0, np.float32)], list[tuple[float, int, str]]()
        digests = []
        for block in read_blocks(self.folder / "photos.parquet", ["record", "status", "box_iou", "sha256"]):
            start = status.total()
            status.update(block.column("status").to_pylist())
            is_kept = pc.equal(block.column("status"), Status.KEPT.value)
            digests.append(block.column("sha256").filter(is_kept))
            compared = pc.and_(is_kept, pc.is_valid(block.column("box_iou"))).to_numpy()
            overlap = block.column("box_iou").filter(pa.array(compared)).to_numpy()
            overlaps.append(overlap)
            rows = np.flatnonzero(compared)
            for at in np.argsort(overlap, kind="stable")[:_NAMED].tolist():
                row = int(rows[at])
                worst.append((float(overlap[at]), start + row, block.column("record")[row].as_py()))
            worst = sorted(worst)[:_NAMED]
        overlap = np.concatenate(overlaps)
        counts: dict[str, Any] = {
            "records": status.total(),
            "status": {one.value: status[one.value] for one in Status if status[one.value]},
            "given_boxes": None,
        }
        if old.get("given_boxes") and len(overlap):
            counts["given_boxes"] = {
                "compared": len(overlap),
                "median_iou": round(float(np.median(overlap)), 4),
                "below_half": int((overlap < 0.5).sum()),
                "worst": [record for _, _, record in worst],
            }
        if "as_crops" in old:
            crops = read_table(self.folder / "classes.parquet", "classes", ["crop_sha256"]).column(0)
            photos = pa.chunked_array([chunk for one in digests for chunk in one.chunks], pa.string())
            unchanged = pc.sum(pc.equal(photos, crops)).as_py() or 0
            counts["as_crops"] = {"unchanged": unchanged, "encoded": len(crops) - unchanged}
        return counts

    def _people_counts(self) -> dict[str, Any]:
        person, _ = _codes(self.classes.column("identity"))
        photos = np.bincount(person) if len(person) else np.zeros(0, np.int64)
        each = photos[photos > 0]
        some = bool(len(each))
        return {
            "people": len(each),
            "photos_per_person": {
                "min": int(each.min()) if some else 0,
                "median": float(np.median(each)) if some else 0.0,
                "mean": round(float(each.mean()), 3) if some else 0.0,
                "max": int(each.max()) if some else 0,
            },
        }

    def _corrections(self) -> pa.Table:
        file = self.folder / "corrections.parquet"
        return read_table(file, "corrections") if file.is_file() else CORRECTIONS.empty_table()

    def _split_section(self, old: Mapping[str, Any]) -> dict[str, Any]:
        """Return the section on splits; one in which nobody is left is not in it."""
        person, _ = _codes(self.classes.column("identity"))
        split, names = _codes(self.classes.column("split"))
        splits = {}
        for name in [one for one in old["splits"] if one in names]:
            mine = person[split == names.index(name)]
            splits[name] = {"people": len(np.unique(mine)), "photos": len(mine)}
        unassigned = int((split < 0).sum())
        notes = [note for note in old["notes"] if not _OF_PEOPLE.search(note)]
        if unassigned != old["unassigned"]:
            notes = [_UNASSIGNED.sub(f"{unassigned:,}", note) for note in notes]
            notes = [note for note in notes if unassigned or not _UNASSIGNED.search(note)]
        notes += [
            f"nobody is left in {name}: `facedata split SET` divides the people anew"
            for name, had in old["splits"].items()
            if had["photos"] and splits and name not in splits
        ]
        notes = [note for note in dict.fromkeys(notes) if not self.tombstones.mentions(note)]
        return {**old, "splits": splits, "unassigned": unassigned, "notes": notes}

    def _drawn_section(self, kind: str, old: Mapping[str, Any]) -> dict[str, Any]:
        """Return the section on pairs or triplets."""
        rows, same = Counter[str](), Counter[str]()
        columns = ["split", "same"] if kind == "pairs" else ["split"]
        for block in read_blocks(self.folder / f"{kind}.parquet", columns):
            split = block.column("split").cast(pa.string())
            rows.update({one["values"]: one["counts"] for one in pc.value_counts(split).to_pylist()})
            if kind == "pairs":
                alike = split.filter(block.column("same"))
                same.update({one["values"]: one["counts"] for one in pc.value_counts(alike).to_pylist()})
        present, splits = split_names(self.classes), {}
        notes = [note for note in old["notes"] if not self.tombstones.mentions(note)]
        for name, had in old["splits"].items():
            if rows[name] != had["rows"]:
                notes = [note for note in notes if not note.startswith(f"{name} has ")]
                fewer = f"{had['rows'] - rows[name]:,} fewer than were drawn"
                notes.append(
                    f"{name} has {rows[name]:,} {kind}, {fewer}, since photos were forgotten; "
                    f"`facedata {kind}` draws anew"
                )
            if name in present:
                splits[name] = {**had, "rows": rows[name]} | ({"same": same[name]} if kind == "pairs" else {})
        section = {**old, "splits": splits, "notes": notes}
        if old["strategy"] == "file":
            lost = sum(had["rows"] for had in old["splits"].values()) - rows.total()
            missing = [pair for pair in old["missing"] if not self._is_of_forgotten(pair)]
            section["missing"], section["complete"] = missing, old["complete"] - lost
            section["listed"] = old["listed"] - lost - (len(old["missing"]) - len(missing))
        return section

    def _is_of_forgotten(self, pair: Mapping[str, Any]) -> bool:
        return any(self.tombstones.has_path(pair[side]) for side in ("left", "right"))

    def _official_counts(self, section: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of the section only mapping the official pairs anew can tell."""
        protocol = read_table(self.folder / "protocol.parquet", "protocol")
        photos = read_table(self.folder / "photos.parquet", "photos", ["record", "path"])
        classes = read_table(self.folder / "classes.parquet", "classes", ["id", "path", "split", "identity"])
        _, official = official_pairs(classes, protocol, photos, renamed_records(self._corrections()))
        drawn = self.before["drawing"].get("pairs_of", {})
        splits = {name: section["splits"][name] for name in drawn if name in section["splits"]}
        return {**official, "splits": {**official["splits"], **splits}}


def _codes(column: pa.ChunkedArray) -> tuple[Int32Array, list[str]]:
    return person_codes(column.cast(pa.string()))
