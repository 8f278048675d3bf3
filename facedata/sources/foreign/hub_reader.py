"""Pictures in Parquet files, read in workers: by record in an export of facedata, else by row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...errors import SourceError, TooLargeImageError
from ...interchange.hub_columns import PictureRows, read_columns
from ...photos.paths import photo_path
from .shards import PhotoIndex, ShardSpan, find_shard_of

_MOST_BYTES = 512 << 20


@dataclass(frozen=True)
class HubReader:
    """Reads pictures from Parquet files; picklable, and holds no open file.

    Attributes:
        spans: the files.
        column: the column of pictures.
        is_own: whether photos are records of an export, else they end in their row.
        home: the folder that pictures outside the files have to lie in.
    """

    spans: tuple[ShardSpan, ...]
    column: str
    is_own: bool
    home: Path

    def __call__(self, photo: str) -> bytes:
        """Return a picture's bytes.

        Raises:
            OSError: it is not there, or damaged; or it lies in a file of its own that is outside the source.
            TooLargeImageError: that file has more than 512 MiB.
        """
        file, row = find_shard_of(self.spans, photo, lambda span: self._row(span, photo))
        data, path = open_rows(file, self.column, file.stat().st_mtime_ns).read(row)
        if data is not None:
            return data
        if not path:
            raise OSError(f"row {row:,} of {file.name} has no picture")
        if "\0" in path:
            raise OSError(f"the picture {path!r} of row {row:,} has a name that no file can have")
        beside = file.parent / photo_path(path)
        if not beside.resolve().is_relative_to(self.home.resolve()):
            raise OSError(f"the picture {path!r} of row {row:,} lies outside {self.home}; it was not read")
        if not beside.is_file():
            raise FileNotFoundError(f"the picture {path!r} of row {row:,} is not beside {file.name}")
        if beside.stat().st_size > _MOST_BYTES:
            raise TooLargeImageError(f"the file has more than {_MOST_BYTES >> 20} MiB")
        return beside.read_bytes()

    def _row(self, span: ShardSpan, photo: str) -> int:
        if self.is_own:
            return index_records(span.path, span.path.stat().st_mtime_ns).find(photo)
        number = photo[len(span.name) + 1 :].partition("/")[0]
        return int(number) if photo.startswith(f"{span.name}/") and number.isdigit() else -1


@lru_cache(8)
def index_records(file: Path, mtime_ns: int) -> PhotoIndex:
    """Return where the records of an export's file are; kept until the file changes."""
    try:
        return PhotoIndex(read_columns(file, ["record"]).column("record"))
    except SourceError as error:
        raise OSError(str(error)) from error


@lru_cache(4)
def open_rows(file: Path, column: str, mtime_ns: int) -> PictureRows:
    """Return what reads a file's pictures; kept until the file changes."""
    return PictureRows(file, column)
