"""InsightFace's training sets: MXNet's ``.rec`` with its lists, and ``.bin`` files of the pairs.

Each split is a file of its name: ``train.rec``, ``train.idx``, ``train.lst``. The images come first, those of
a person in a row, as records 1 and up with the person's label, a number from 0 in that file; then each
person's range of records, and as record 0 the range of these: by it InsightFace knows how many images there
are. ``train.pairs.tsv`` has the pairs by record, for `facedata prepare rec`; the pairs of every split but
train are ``<split>.bin`` too, with each image once. Crops' bytes are as they are in the set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UsageError, writing
from ..interchange.record_list import PAIR_COLUMNS, list_lines, pair_lines
from ..interchange.recordio import MOST_EXACT, RecordWriter, read_image
from ..interchange.verification_bin import VerificationWriter
from ..processes import cores
from ..sampling.split import TRAIN
from ..tables.blocks import BLOCK_ROWS
from ..types import Int64Array
from .base import Export, Written
from .crops import CropsRead, read_crops
from .left_out import tell_left_out
from .split_folders import changed_names, name_splits

_USUAL = ("arcface112", 112)
"""The template and size of InsightFace's own sets."""

_BUFFER_BYTES = 1 << 20


class RecFormat:
    """InsightFace's layout; see this module."""

    def refuse(self, export: Export) -> None:
        """Refuse a split with more records than float32 can count; see :class:`ExportFormat`."""
        for name, counts in export.counts.items():
            records = counts["crops"] + counts["people"] + 1
            if records > MOST_EXACT:
                raise UsageError(
                    f"--to rec: the split {name or 'of crops in none'} needs {records:,} records, and the "
                    f"format counts them in float32, which is exact up to {MOST_EXACT:,}: divide it into "
                    "more splits, or use --to hf or webdataset"
                )

    def write(self, export: Export) -> Written:
        """Write every split; see :class:`ExportFormat`."""
        names, people, digests, bins = name_splits(export.splits), dict[str, str](), dict[str, str](), []
        for split, name in names.items():
            with _SplitFiles(export.folder, name) as files:
                found = [pc.unique(block.column("identity")) for block in export.blocks(split)]
                labels = pa.concat_arrays(found).unique().sort()  # in UTF-8 byte order
                people |= {f"{name}/{label}": person for label, person in enumerate(labels.to_pylist())}
                if split == export.splits[0]:
                    side = export.prepared.size_px
                    files.open("property").write(b"%d,%d,%d\n" % (len(labels), side, side))
                written = files.write_records(export, split, labels)
                if files.write_pairs(export, split, written):
                    bins += [f"{name}.bin"] if split != TRAIN else []
                digests |= files.digests()
        left_out = tell_left_out(export, "triplets", "roles", "labels", "meta", "ledger")
        if TRAIN in names and next(export.rows("pairs", TRAIN), None) is not None:
            left_out.append("a .bin of the training pairs: it would hold all their images again")
        if bins and any(
            rows.column("fold").null_count < len(rows)
            for split in names
            for rows in export.rows("pairs", split)
        ):
            left_out.append("the pairs' folds in a .bin: InsightFace divides it into ten equal ones")
        first = f"{export.shown}/{names[export.splits[0]]}"
        lines = [f"mxnet.recordio.MXIndexedRecordIO({first + '.idx'!r}, {first + '.rec'!r}, 'r')"]
        lines += [f"{export.shown}/{name} for InsightFace's verification" for name in bins]
        made_as = str(export.prepared.info["settings"]["template"]), export.prepared.size_px
        if made_as != _USUAL:
            what = f"{made_as[0]}, {made_as[1]} px"
            lines.append(f"InsightFace's models expect arcface112 crops of 112 px; these are {what}")
        return Written(
            people, tuple(left_out), tuple(lines), sha256=digests, split_names=changed_names(names)
        )


class _HashedFile:
    """A file being written, and the SHA-256 of what was."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def write(self, data: bytes | bytearray) -> None:
        """Write bytes at the end."""
        self.sha256.update(data)
        self._file.write(data)

    def flush(self) -> None:
        """Hand all bytes to the system."""
        self._file.flush()


class _SplitFiles(ExitStack):
    """The files of one split, open for writing.

    Args:
        folder: of the export.
        name: of the split's files.
    """

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()
        self.folder, self.name = folder, name
        self._files: dict[str, _HashedFile] = {}
        self.enter_context(writing(folder))

    def open(self, ending: str) -> _HashedFile:
        """Open a file that is new: ``property``, or an ending."""
        path = self.path(ending)
        self._files[path.name] = _HashedFile(self.enter_context(path.open("wb", _BUFFER_BYTES)))
        return self._files[path.name]

    def path(self, ending: str) -> Path:
        """Return where a file is."""
        return self.folder / (f"{self.name}{ending}" if ending.startswith(".") else ending)

    def write_records(self, export: Export, split: str | None, people: pa.StringArray) -> _Records:
        """Write a split's images and their lists; a person's place among ``people`` is the label."""
        file, index, names = (self.open(ending) for ending in (".rec", ".idx", ".lst"))
        writer = RecordWriter(file, index)
        parts, key = [(np.empty(0, np.int64), np.empty(0, np.int64))], 1
        ranges = np.zeros((len(people), 2), np.int64)
        for rows, crops in _read_by_person(export, split):
            label = pc.index_in(rows.column("identity"), people).to_numpy().astype(np.int64)
            keys = np.arange(key, key + len(crops))
            begun = [writer.write(*one) for one in zip(keys.tolist(), label.tolist(), crops, strict=True)]
            parts.append((rows.column("id").to_numpy(), np.array(begun, np.int64)))
            names.write(list_lines(keys, label, rows.column("path").combine_chunks()))
            ranges[label[::-1], 0] = np.where(ranges[label[::-1], 0] > 0, ranges[label[::-1], 0], keys[::-1])
            ranges[label, 1] = keys + 1
            key += len(crops)
        for person, (first, end) in enumerate(ranges.tolist()):
            writer.write(key + person, (first, end))
        writer.write(0, (key, key + len(people)))
        file.flush()
        ids, offsets = (np.concatenate(side) for side in zip(*parts, strict=True))
        order = np.argsort(ids)
        return _Records(ids[order], order + 1, offsets[order])

    def write_pairs(self, export: Export, split: str | None, records: _Records) -> bool:
        """Write a split's pairs, and for all but train the ``.bin``; return whether there are any."""
        blocks = export.rows("pairs", split)
        first = next(blocks, None)
        if first is None:
            return False
        listed = self.open(".pairs.tsv")
        listed.write("\t".join(PAIR_COLUMNS).encode() + b"\n")
        images = VerificationWriter(self.open(".bin")) if split != TRAIN else None
        number_of, answers = np.full(len(records.ids), -1, np.int64), []
        while first is not None:
            left, right = (records.find(first.column(side).to_numpy()) for side in ("left", "right"))
            same = first.column("same").to_numpy()
            fold = first.column("fold").combine_chunks()
            listed.write(pair_lines(records.keys[left], records.keys[right], same, fold))
            answers.append(same)
            for row in np.column_stack([left, right]).ravel().tolist():
                if images is None:
                    break
                if number_of[row] >= 0:
                    images.repeat(int(number_of[row]))
                else:
                    number_of[row] = images.add(read_image(self.path(".rec"), int(records.offsets[row])))
            first = next(blocks, None)
        if images is not None:
            images.close(np.concatenate(answers))
        return True

    def digests(self) -> dict[str, str]:
        """Return the files' SHA-256 by name."""
        return {name: file.sha256.hexdigest() for name, file in self._files.items()}


@dataclass(frozen=True, eq=False)
class _Records:
    """The image records of a split.

    Attributes:
        ids: ``(n,)`` int64, the crops' ids, ascending.
        keys: ``(n,)`` int64, their records.
        offsets: ``(n,)`` int64, where these begin.
    """

    ids: Int64Array
    keys: Int64Array
    offsets: Int64Array

    def find(self, ids: Int64Array) -> Int64Array:
        """Return the rows of some ids."""
        return np.searchsorted(self.ids, ids)


def _read_by_person(export: Export, split: str | None) -> Iterator[CropsRead]:
    """Yield a split's crops with those of a person in a row: as they are if they lie so, else sorted."""
    changes, before = 0, None
    people = pa.array([], pa.string())
    for block in export.blocks(split):
        names = block.column("identity")
        changes += pc.sum(pc.not_equal(names.slice(1), names.slice(0, len(names) - 1))).as_py() or 0
        changes += names[0].as_py() != before
        before = names[-1].as_py()
        people = pa.concat_arrays([people, pc.unique(names)]).unique()
    if changes == len(people):
        yield from export.crops(split)
        return
    columns = ["id", "path", "identity", "file", "offset", "length", "crop_sha256"]
    table = pa.concat_tables(block.select(columns) for block in export.blocks(split))
    order = pc.sort_indices(table, [("identity", "ascending"), ("id", "ascending")])
    blocks = (table.take(order.slice(start, BLOCK_ROWS)) for start in range(0, len(order), BLOCK_ROWS))
    prepared = export.prepared
    yield from read_crops(prepared.path, str(prepared), blocks, min(4, cores()), export.count_written)


REC = RecFormat()
