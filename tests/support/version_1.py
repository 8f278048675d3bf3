"""Sets, and parts of sets, as facedata wrote them under schema version 1."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from facedata.config import ADDED_SETTINGS
from facedata.progress.parts import ROWS
from facedata.tables.schema import ROW_GROUP_ROWS
from facedata.tables.versions import ADDED

FIXED = {
    "all_boxes": pa.list_(pa.list_(pa.float32(), 4)),
    "box": pa.list_(pa.float32(), 4),
    "landmarks": pa.list_(pa.float32(), 10),
    "given_box": pa.list_(pa.float32(), 4),
    "matrix": pa.list_(pa.float64(), 6),
}
"""The columns whose lists had a fixed size."""

_PART = (
    "record", "status", "reason", "width", "height", "faces", "all_boxes", "all_scores", "score", "box",
    "landmarks", "tilt_deg", "box_iou", "matrix", "sha256", "path", "crop_sha256", "crop_length", "given_box",
    "size", "mtime_ns",
)  # fmt: skip
"""The columns of a part."""


def make_version_1(folder: Path) -> None:
    """Turn a finished set into what version 1 wrote, columns and metadata; its crops stay."""
    info = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    info["schema_version"] = 1
    for name in ADDED_SETTINGS:
        info["settings"].pop(name, None)
    info["counts"].pop("copies", None)
    for kind, about in info["tables"].items():
        file = folder / f"{kind}.parquet"
        parquet = pq.ParquetFile(file)
        today = parquet.schema_arrow
        names = [name for name in today.names if kind != "photos" or name not in ADDED]
        columns = pa.schema([today.field(name) for name in names])
        old = pa.schema([field.with_type(FIXED.get(field.name, field.type)) for field in columns])
        metadata = {**today.metadata, b"facedata.schema_version": b"1"}
        # older pyarrows cannot write such lists: only the schema beside the columns says that they are
        metadata[b"ARROW:schema"] = base64.b64encode(old.with_metadata(metadata).serialize())
        groups = [parquet.read_row_group(number, columns=names) for number in range(parquet.num_row_groups)]
        layout = {"compression": "zstd", "dictionary_pagesize_limit": 1 << 28}
        with pq.ParquetWriter(file, columns.with_metadata(metadata), **layout) as writer:
            for rows in groups:
                writer.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP_ROWS)
        about["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    text = json.dumps(info, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "dataset.json").write_text(text, encoding="utf-8")


def make_parts_version_1(folder: Path) -> None:
    """Turn the parts and settings of an interrupted run into what version 1 wrote."""
    fields = [ROWS.field(name) for name in _PART]
    old = pa.schema([field.with_type(FIXED.get(field.name, field.type)) for field in fields])
    for file in (folder / ".work" / "parts").glob("*.arrow"):
        with file.open("rb") as stream:
            rows = pa.ipc.open_file(pa.py_buffer(stream.read())).read_all()
        with pa.ipc.new_file(str(file), old) as writer:
            writer.write_table(pa.Table.from_pylist(rows.select(old.names).to_pylist(), schema=old))
    file = folder / ".work" / "settings.json"
    recorded = json.loads(file.read_text(encoding="utf-8"))
    for name in ADDED_SETTINGS:
        recorded["settings"].pop(name, None)
    file.write_text(json.dumps(recorded, sort_keys=True) + "\n", encoding="utf-8")
