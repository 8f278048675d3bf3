"""One shard as a task, which a worker runs, and the part that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ..errors import writing
from ..progress.parts import PART_ENDING, ROWS, write_rows
from ..store.base import Store
from ..types import Photo, Row
from .ahead import reading_ahead
from .stage import Stage


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to run; picklable.

    Attributes:
        name: the name of its part; depends only on the photos.
        photos: in the plan's order.
        folder: the set's progress folder.
        stage: processes the photos.
        store: stores the crops.
    """

    name: str
    photos: Sequence[Photo]
    folder: Path
    stage: Stage
    store: Store

    @property
    def part(self) -> Path:
        """The part's file; it exists once the shard is done."""
        return Path(self.part_name)

    @property
    def part_name(self) -> str:
        """The part's file as text, for hundreds of thousands of them."""
        return f"{self.folder}/parts/{self.name}{PART_ENDING}"

    @property
    def mark(self) -> Path:
        """The file that exists while the shard runs; a worker that dies leaves it behind."""
        return self.folder / "started" / self.name

    def remove_part(self) -> None:
        """Remove the part, if there is one.

        Raises:
            StoreError: it cannot be removed.
        """
        with writing(self.part):
            self.part.unlink(missing_ok=True)


def run_shard(task: ShardTask) -> tuple[str, list[str]]:
    """Run one shard in a worker and write its part; return its name and its rows' statuses.

    Raises:
        StoreError: a crop or the part cannot be written.
    """
    with writing(task.mark):
        task.mark.touch()
    with reading_ahead(task.stage, task.photos) as stage:
        rows = stage.run(task.photos)
    return task.name, write_part(task, rows)


def write_part(task: ShardTask, rows: Sequence[Row]) -> list[str]:
    """Write a shard's crops, then the part that lists them; return the rows' statuses.

    Raises:
        StoreError: a crop or the part cannot be written.
    """
    task.store.put(task.name, [(row["path"], row["crop"]) for row in rows if "crop" in row])
    full = [
        {**row, "given_box": photo.given_box, "size": photo.size, "mtime_ns": photo.mtime_ns}
        for row, photo in zip(rows, task.photos, strict=True)
    ]
    columns = {field.name: pa.array([row.get(field.name) for row in full], field.type) for field in ROWS}
    write_rows(task.part, pa.table(columns, schema=ROWS))
    task.mark.unlink(missing_ok=True)
    return [str(row["status"]) for row in rows]
