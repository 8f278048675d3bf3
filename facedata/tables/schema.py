"""The names of a prepared set's files, the Arrow schema of every table, and its version.

A plain ``pandas.read_parquet`` reads every table. Each file's key-value metadata holds
``facedata.kind``, ``facedata.schema_version`` and ``facedata.fingerprint`` (of the set it belongs to).
Bytes depend only on the rows and the library versions: fixed row groups, no pandas metadata, no timestamps.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

DATASET = "dataset.json"
"""The file that only a finished set has."""

WORK = ".work"
"""The subfolder that an unfinished set has."""

FORGET = "forget"
"""In ``.work``: what a `forget` has prepared, and its journal, which is there once it is complete."""

FORGET_JOURNAL = f"{WORK}/{FORGET}/journal.json"
"""A set with this file and without dataset.json is half forgotten: `forget` must finish."""

CLAIM = f"{WORK}/claim.json"
"""The object that marks a set at a URL while a run works on it."""

KIND = "facedata set"
"""The value of ``kind`` in dataset.json."""

SCHEMA_VERSION = 2
"""Increased whenever a column changes its name, type or meaning."""

ROW_GROUP_ROWS = 131_072
"""Rows per Parquet row group; a constant, since the bytes depend on it."""


_key = pa.dictionary(pa.int32(), pa.string())

PHOTOS = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),
        pa.field("photo", pa.string(), nullable=False),
        pa.field("identity", pa.string()),
        pa.field("source_identity", pa.string()),
        pa.field("role", pa.string()),
        pa.field("official_split", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("turned_deg", pa.int32()),
        pa.field("faces", pa.int32()),
        pa.field("all_boxes", pa.list_(pa.list_(pa.float32()))),
        pa.field("all_scores", pa.list_(pa.float32())),
        pa.field("score", pa.float32()),
        pa.field("box", pa.list_(pa.float32())),
        pa.field("landmarks", pa.list_(pa.float32())),
        pa.field("tilt_deg", pa.float32()),
        pa.field("given_box", pa.list_(pa.float32())),
        pa.field("box_iou", pa.float32()),
        pa.field("matrix", pa.list_(pa.float64())),
        pa.field("sha256", pa.string()),
        pa.field("path", pa.string()),
        pa.field("source", _key),
        pa.field("licence", _key),
    ]
)
"""The ledger: one row per source record, in UTF-8 byte order of ``record``; meta_* columns follow."""

CLASSES = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("identity", pa.string(), nullable=False),
        pa.field("label", pa.int64()),
        pa.field("role", pa.string()),
        pa.field("split", pa.string()),
        pa.field("file", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("crop_sha256", pa.string(), nullable=False),
        pa.field("photo", pa.string(), nullable=False),
    ]
)
"""One row per crop, in ascending ``id``."""

PAIRS = pa.schema(
    [
        pa.field("left", pa.int64(), nullable=False),
        pa.field("right", pa.int64(), nullable=False),
        pa.field("left_path", _key, nullable=False),
        pa.field("right_path", _key, nullable=False),
        pa.field("same", pa.bool_(), nullable=False),
        pa.field("split", _key, nullable=False),
        pa.field("fold", pa.int32()),
    ]
)
"""One row per pair of crops."""

TRIPLETS = pa.schema(
    [
        pa.field("anchor", pa.int64(), nullable=False),
        pa.field("positive", pa.int64(), nullable=False),
        pa.field("negative", pa.int64(), nullable=False),
        pa.field("anchor_path", _key, nullable=False),
        pa.field("positive_path", _key, nullable=False),
        pa.field("negative_path", _key, nullable=False),
        pa.field("split", _key, nullable=False),
    ]
)
"""One row per triplet of crops."""

PROTOCOL = pa.schema(
    [
        pa.field("left", pa.string(), nullable=False),
        pa.field("right", pa.string(), nullable=False),
        pa.field("same", pa.bool_(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("fold", pa.int32()),
    ]
)
"""A data set's official pairs, by record, in the protocol's order, including photos that were not kept."""

CORRECTIONS = pa.schema(
    [
        pa.field("file", pa.int32(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("record", pa.string()),
        pa.field("photo", pa.string()),
        pa.field("identity", pa.string()),
        pa.field("to_identity", pa.string()),
        pa.field("note", pa.string()),
    ]
)
"""What was corrected, in the order of the files and their lines: one row per dropped or moved photo (a merge
has one for each photo of the person), and one per line that settles something (``keep``, ``distinct``)."""

KINDS: dict[str, pa.Schema] = {
    "photos": PHOTOS,
    "classes": CLASSES,
    "pairs": PAIRS,
    "triplets": TRIPLETS,
    "protocol": PROTOCOL,
    "corrections": CORRECTIONS,
}


def is_set(folder: Path) -> bool:
    """Return whether a folder holds a prepared set, finished or not."""
    try:
        if (folder / WORK / "settings.json").is_file():
            return True
        return f'"kind": "{KIND}"' in (folder / DATASET).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
