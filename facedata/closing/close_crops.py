"""Close a set whose crops were cut again from another set's ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..config import CropConfig, settings_fingerprint
from ..crops.cut import CropShape
from ..errors import SetError
from ..files.remote import Location
from ..files.staged import StagedFiles
from ..options import refuse_other_settings
from ..progress.folder import PHOTO_STATS, ProgressFolder, library_versions
from ..sets.prepared import (
    PreparedSet,
    open_set,
    read_dataset,
    set_fingerprint,
    stage_tables,
    write_dataset,
)
from ..sources.base import Source
from ..store.base import Store
from ..store.open import open_store
from ..tables.blocks import regroup
from ..tables.parquet import read_blocks
from ..tables.schema import CLASSES, SCHEMA_VERSION
from ..tables.tombstones import FORGOTTEN_FILE
from ..work.cut_again import (
    CutCrops,
    replace_matrices,
)


@dataclass(frozen=True)
class CropRun:
    """A run of ``facedata crop``: the set it starts from, its output, and the shape of its crops."""

    before: PreparedSet
    out: Path
    location: Location
    config: CropConfig
    shape: CropShape
    source: Source

    @property
    def settings(self) -> dict[str, Any]:
        """The new set's settings: the old one's, with another template, size and margin."""
        own = {"template": self.config.template, "size": self.shape.size_px, "margin": self.shape.margin}
        return {**self.before.info["settings"], **own}

    def info(self) -> dict[str, Any]:
        """Return the new set's dataset.json, without its fingerprint and tables."""
        versions = library_versions()
        return {
            **self.before.info,
            "schema_version": SCHEMA_VERSION,
            "facedata": versions["facedata"],
            "versions": versions,
            "source": {"kind": self.source.kind, "root": self.source.root},
            "settings": self.settings,
        }

    def store(self) -> Store:
        """Return the store of the new crops."""
        return open_store(self.settings["store"], self.out, self.location)


def refuse_other_set(run: CropRun) -> None:
    """Check that the finished set in the output is the one that this run would make.

    Raises:
        SetError: it is another one.
    """
    on_disk = open_set(run.out)
    refuse_other_settings(run.out, on_disk.info["settings"], run.settings)
    before, own = run.before, {"fingerprint", "tables", "versions", "facedata", "schema_version", "counts"}
    same = all(on_disk.info.get(key) == value for key, value in run.info().items() if key not in own)
    theirs, ours = on_disk.info["counts"], before.info["counts"]  # schema version 1 counted less
    same &= all(theirs[name] == ours[name] for name in theirs.keys() & ours.keys())
    if same and on_disk.is_intact():
        names = ["id", "path", "identity", "label", "role", "split", "photo"]
        crops = on_disk.table("classes", ["path", "length", "crop_sha256"])
        crops = crops.rename_columns(["path", "crop_length", "crop_sha256"])
        same = (
            replace_matrices(before.table("photos"), run.shape).equals(on_disk.table("photos"))
            and before.table("classes", names).equals(on_disk.table("classes", names))
            and bool(run.store().has_crops(crops, np.ones(len(crops), bool)).all())
        )
    else:
        same = False
    if not same:
        raise SetError(
            f"{run.location} holds the crops of another state of {before}, or is damaged: make them "
            "again with --overwrite, or choose another --out"
        )


def close_crops(run: CropRun, classes: pa.Table, crops: CutCrops, progress: ProgressFolder) -> None:
    """Write the tables and dataset.json; all columns that do not depend on the crops are copied."""
    before, out = run.before, run.out
    for name, values in (("crop_sha256", crops.digests), ("length", crops.lengths)):
        classes = classes.set_column(classes.schema.get_field_index(name), CLASSES.field(name), values)
    fingerprint = set_fingerprint(settings_fingerprint(run.settings), classes)
    # row group by row group, so that the bytes stay the same
    tables = {kind: before.blocks(kind) for kind in before.info["tables"]}
    tables["photos"] = (replace_matrices(rows, run.shape) for rows in tables["photos"])
    tables["classes"] = regroup(progress.store.assign_files([classes]))
    with StagedFiles() as staged:
        written = stage_tables(staged, out, tables, fingerprint)
        rows = read_blocks(staged.path(out / "classes.parquet"), [*progress.store.kept_columns])
        progress.store.keep_only(rows)
        if read_dataset(before.path) != before.info:
            raise SetError(f"{before} was changed meanwhile: crop it again, with --overwrite")
        for name in (FORGOTTEN_FILE, PHOTO_STATS):
            if (before.path / name).is_file():
                with staged.open(out / name) as file:
                    file.write((before.path / name).read_bytes())
        staged.commit()
    write_dataset(out, {**run.info(), "fingerprint": fingerprint, "tables": written})
    progress.remove()
