"""The lists beside a ``.rec``: names (``.lst``), classes and size (``property``), and pairs of records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from ..errors import SourceError
from ..types import BoolArray, Int64Array

PAIR_COLUMNS = {"left": pa.int64(), "right": pa.int64(), "same": pa.int8(), "fold": pa.int32()}
"""The columns of a list of pairs: two records by their numbers, 1 for one person, and the fold or nothing."""


def read_list(path: Path) -> tuple[Int64Array, pa.StringArray]:
    """Read an ``.lst``: which record holds which photo.

    A line is the record's number, its label or labels and a path, as MXNet has it; or, as InsightFace has it,
    0 or 1, a path, a label and perhaps more, of which line n is record n.

    Returns:
        The records' numbers ``(n,)`` int64, ascending, and their paths.

    Raises:
        SourceError: it cannot be read, or has neither form.
    """
    table = _read_table(path, pv.ReadOptions(autogenerate_column_names=True), pv.ConvertOptions())
    try:
        first, second, last = (as_text(table, at) for at in (0, min(1, table.num_columns - 1), -1))
    except pa.ArrowInvalid as error:
        raise _no_list(path, "it is no text in UTF-8") from error
    if last.null_count or (_is_number(last[0].as_py()) and second.null_count):
        raise _no_list(path, "some of its lines have no path or no label")
    if not _is_number(last[0].as_py()):
        paths = last
        try:
            keys = pc.cast(first, pa.int64()).to_numpy()
        except pa.ArrowInvalid as error:
            raise _no_list(path, f"a line begins with what is no number ({error})") from error
    elif not _is_number(second[0].as_py()):
        keys, paths = np.arange(1, len(second) + 1), second
    else:
        raise _no_list(path, "its lines have no path")
    order = np.argsort(keys, kind="stable")
    if len(at := np.flatnonzero(np.diff(keys[order]) == 0)):
        raise _no_list(path, f"it lists record {keys[order][at[0]]} twice")
    return keys[order], paths.take(pa.array(order))


def list_lines(keys: Int64Array, labels: Int64Array, paths: pa.StringArray) -> bytes:
    """Return lines of an ``.lst`` in MXNet's form: the record's number, its label and its path."""
    columns = (pa.array(keys).cast(pa.string()), pa.array(labels).cast(pa.string()), paths)
    lines = pc.binary_join_element_wise(*columns, "\t")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def read_pairs(path: Path) -> pa.Table:
    """Read a list of pairs of records, with the columns of :data:`PAIR_COLUMNS`.

    Raises:
        SourceError: it cannot be read, or has other columns.
    """
    convert = pv.ConvertOptions(column_types=PAIR_COLUMNS, null_values=[""], include_columns=[*PAIR_COLUMNS])
    return _read_table(path, pv.ReadOptions(), convert).select([*PAIR_COLUMNS])


def pair_lines(left: Int64Array, right: Int64Array, same: BoolArray, fold: pa.Array) -> bytes:
    """Return lines of a list of pairs; their first line is the names of :data:`PAIR_COLUMNS`."""
    texts = [pa.array(side).cast(pa.string()) for side in (left, right, same.astype(np.int8))]
    lines = pc.binary_join_element_wise(*texts, pc.fill_null(fold.cast(pa.string()), ""), "\t")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def as_text(table: pa.Table, at: int) -> pa.StringArray:
    """Return a table's column as one array of texts."""
    return pc.cast(table.column(at).combine_chunks(), pa.string())


def _read_table(path: Path, read: pv.ReadOptions, convert: pv.ConvertOptions) -> pa.Table:
    read.use_threads = False
    try:
        with path.open("rb") as stream:  # pyarrow takes no path that is not UTF-8
            return pv.read_csv(stream, read, pv.ParseOptions(delimiter="\t", quote_char=False), convert)
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise _no_list(path, str(error).splitlines()[0]) from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _no_list(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{path} is not a list of records: {why}. Copy it again, or delete it to do without names"
    )
