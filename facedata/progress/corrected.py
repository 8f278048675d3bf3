"""The progress folder of a corrected set, whose earlier state is the set that it corrects."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SetError, writing
from ..files.atomic import file_sha256
from ..files.remote import Location, Remote
from ..options import refuse_other_settings
from ..sets.prepared import FIXED_FROM, PreparedSet, read_dataset
from ..store.open import open_store
from ..tables.parquet import read_footer, read_table
from ..tables.schema import DATASET
from .folder import PHOTO_STATS, ProgressFolder
from .output import clear_output

_BEFORE = "before"
"""In ``.work``: the tables of a set behind a URL."""


class CorrectedFolder(ProgressFolder):
    """The ``.work`` folder of a corrected set.

    Attributes:
        before: the set that is corrected; it is only read.
        keeps_splits: whether its people keep their splits.

    Args:
        out: the new set's folder.
        location: its final place.
        before: the set that is corrected.
    """

    def __init__(self, out: Path, location: Location, before: PreparedSet) -> None:
        super().__init__(out, open_store(before.info["settings"]["store"], out, location, before.path))
        self.before, self.keeps_splits = before, False

    @property
    def is_finished(self) -> bool:
        """Whether there is a finished set in the output."""
        return (self.out / DATASET).is_file()

    def begin(self, settings: dict[str, Any], versions: dict[str, str]) -> None:
        """Start a run, or continue one; a finished set is only looked at.

        Raises:
            OtherSettingsError: the output was made from another set, or with other corrections.
            SetError: the earlier run's settings cannot be read.
            StoreError: the folder cannot be written.
        """
        if self.is_finished:
            refuse_other_settings(self.out, read_dataset(self.out)["settings"], settings)
        else:
            super().begin({**settings, FIXED_FROM: self.before.fingerprint}, versions)

    @property
    def previous(self) -> Path:
        """The folder with the tables of the set that is corrected."""
        return self.before.path if isinstance(self.before.path, Path) else self.folder / _BEFORE

    def previous_info(self) -> dict[str, Any]:
        """Return its dataset.json."""
        return self.before.info

    def has_previous_tables(self) -> bool:
        """Return whether people keep the splits that they have in it."""
        return self.keeps_splits

    def previous_pairs(self, ledger: Path) -> pa.Table:
        """Return its pairs with the paths that the crops have in the new ledger, null for those it lacks."""
        old, new = (
            read_table(file, "photos", ["path"]).column("path").combine_chunks()
            for file in (self.previous / "photos.parquet", ledger)
        )
        pairs = read_table(self.previous / "pairs.parquet", "pairs")
        for name in ("left_path", "right_path"):
            at = pc.index_in(pairs.column(name).cast(pa.string()), value_set=old)
            pairs = pairs.set_column(pairs.column_names.index(name), name, pa.chunked_array([new]).take(at))
        return pairs

    def bring_tables(self) -> None:
        """Download the tables of a set behind a URL, and check those of any set.

        Raises:
            SetError: a table is missing, damaged or of another set.
            StoreError: they cannot be written here.
        """
        if isinstance(self.before.path, Remote):
            names = [DATASET, PHOTO_STATS, *(f"{kind}.parquet" for kind in self.before.info["tables"])]
            with writing(self.previous):
                shutil.rmtree(self.previous, ignore_errors=True)
                self.previous.mkdir(parents=True)
            for name in names:
                try:
                    (self.before.path / name).download(self.previous / name)
                except FileNotFoundError as error:
                    if name != PHOTO_STATS:
                        raise SetError(f"{self.before} lacks {name}") from error
                except OSError as error:
                    raise SetError(f"cannot read {self.before}: {error.strerror or error}") from error
        for kind, table in self.before.info["tables"].items():
            file = self.previous / f"{kind}.parquet"
            if not file.is_file() or file_sha256(file) != table["sha256"]:
                raise SetError(
                    f"{file} is missing, damaged or of another state of {self.before}: `facedata check "
                    f"{self.before}` says more; `facedata prepare` repairs the set"
                )

    def give_up(self) -> None:
        """Remove what was made so far, but no finished set: nothing will be made.

        Raises:
            StoreError: something cannot be removed.
        """
        if not self.is_finished:
            clear_output(self.out)
        self.remove()

    def refuse_changed(self) -> None:
        """Check that the set is still the one that this run began with.

        Raises:
            SetError: it was changed meanwhile.
        """
        path = self.before.path
        same = read_dataset(path) == self.before.info
        for kind in self.before.info["tables"] if same else ():
            same = same and read_footer(path / f"{kind}.parquet").fingerprint == self.before.fingerprint
        if not same:
            raise SetError(f"{self.before} was changed meanwhile: fix it again, with --overwrite")
