"""One shard as a task: what a worker runs, and the part it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ..errors import writing
from ..progress.parts import PART_ENDING, ROWS, write_rows
from ..store.base import Store
from ..types import Photo, Row
from .stage import Stage, run_photos


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to run; picklable.

    Attributes:
        name: of its part; depends on the photos and nothing else.
        photos: in plan order.
        seen: size and mtime_ns of each.
        work: the ``.work`` folder.
        stage: what all shards share.
        store: where the crops go.
    """

    name: str
    photos: Sequence[Photo]
    seen: Sequence[tuple[int, int]]
    work: Path
    stage: Stage
    store: Store

    @property
    def part(self) -> Path:
        """The part's file; it is there when the shard is done."""
        return self.work / "parts" / f"{self.name}{PART_ENDING}"

    @property
    def mark(self) -> Path:
        """The file that says the shard was begun; a worker that dies leaves it."""
        return self.work / "started" / self.name


def run_shard(task: ShardTask) -> list[str]:
    """Run one shard in a worker and write its part; returns its rows' statuses.

    Raises:
        StoreError: a crop or the part cannot be written.
    """
    with writing(task.mark):
        task.mark.touch()
    rows = run_photos(task.photos, task.stage)
    return write_part(task, rows)


def write_part(task: ShardTask, rows: Sequence[Row]) -> list[str]:
    """Write a shard's crops, then its part, which vouches for them; returns the rows' statuses.

    Raises:
        StoreError: a crop or the part cannot be written.
    """
    task.store.put(task.name, [(row["path"], row["crop"]) for row in rows if "crop" in row])
    whole = [
        {**row, "given_box": photo.given_box, "size": size, "mtime_ns": mtime_ns}
        for row, photo, (size, mtime_ns) in zip(rows, task.photos, task.seen, strict=True)
    ]
    columns = {field.name: pa.array([row.get(field.name) for row in whole], field.type) for field in ROWS}
    write_rows(task.part, pa.table(columns, schema=ROWS))
    task.mark.unlink(missing_ok=True)
    return [str(row["status"]) for row in rows]
