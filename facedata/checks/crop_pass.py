"""One pass over all crops: each is read once, checked, decoded, hashed and measured, by processes.

Everything that a check needs of the pixels is taken here, in the order in which the crops are stored, so that
a tar is read from its beginning to its end. What a crop gives depends on it and its ledger row alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..crops.codec import decode_crop
from ..errors import EngineError, StoreError
from ..files.remote import Location
from ..processes import ProcessPool, WorkerDiedError, cores
from ..types import BoolArray, Float32Array, Float64Array, Int64Array, UInt8Image, UInt64Array
from .copies.picture_hash import HASH_WORDS, hash_crop
from .crop_bytes import CropPlace, read_crop_bytes
from .findings import Finding, Kind, Severity
from .integrity.crop_bytes import check_crop_bytes
from .ledger_rows import find_ledger_rows
from .quality.face_in_photo import faces_in_photos
from .quality.measure import QUALITY, measure_crop

OnProgress = Callable[[int, int], None]
"""Called with the number of crops done, and the total."""

_JOB_CROPS = 256
_FEW_CROPS = 2048
"""Up to here this process does the work itself, before others could have started."""


@dataclass(frozen=True)
class CropPass:
    """What the pass found; all arrays in the order of the classes table.

    Attributes:
        findings: crops that are gone or changed.
        readable: ``(n,)`` bool, crops that could be decoded.
        hashes: ``(n, HASH_WORDS)`` uint64, of the pictures; 0 if not readable.
        digests: ``(n, 32)`` uint8, SHA-256 of the bytes on disk.
        quality: a row per crop, as :data:`facedata.checks.quality.measure.QUALITY`; NaN where nothing can be
            told.
        records: by crop id, the ledger's record where it is not the photo.
    """

    findings: list[Finding]
    readable: BoolArray
    hashes: UInt64Array
    digests: UInt8Image
    quality: pa.Table
    records: dict[int, str]


@dataclass(frozen=True)
class _Job:
    """Some crops: their positions in the classes, rows there and in the ledger, and where their faces are."""

    root: Location
    at: Int64Array
    crops: pa.Table
    ledger: pa.Table
    points: Float64Array | None


@dataclass(frozen=True)
class _Done:
    at: Int64Array
    findings: list[Finding]
    readable: BoolArray
    hashes: UInt64Array
    digests: UInt8Image
    quality: Float32Array

    @classmethod
    def empty(cls, at: Int64Array) -> _Done:
        """Return what is known of crops that cannot be read."""
        unknown = np.full((len(at), len(QUALITY.names) - 1), np.nan, np.float32)
        hashes, digests = np.zeros((len(at), HASH_WORDS), np.uint64), np.zeros((len(at), 32), np.uint8)
        return cls(at, [], np.zeros(len(at), np.bool_), hashes, digests, unknown)


def pass_over_crops(
    root: Location,
    classes: pa.Table,
    ledger: Iterable[pa.Table],
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    points: Float64Array | None = None,
) -> CropPass:
    """Read every crop once.

    Args:
        root: the set's folder, or its URL.
        classes: the crops, as ``schema.CLASSES``.
        ledger: the ledger in pieces, all columns; rows that it lacks are no error.
        workers: processes; None for one per core.
        on_progress: called after every few hundred crops.
        points: as :func:`facedata.checks.quality.measure.measure_crop` takes them.

    Raises:
        StoreError: a remote store does not answer.
        EngineError: the system killed a worker.
    """
    count, records = classes.num_rows, dict[int, str]()
    findings: list[Finding] = []
    all_crops = _Done.empty(np.arange(count))
    done = 0
    for part in _run(_jobs(root, classes, ledger, records, points), count, workers or cores()):
        findings += part.findings
        for name in ("readable", "hashes", "digests", "quality"):
            getattr(all_crops, name)[part.at] = getattr(part, name)
        done += len(part.at)
        if on_progress is not None:
            on_progress(done, count)
    qualities = {"id": classes.column("id")}
    for number, name in enumerate(QUALITY.names[1:]):
        qualities[name] = pa.array(np.ascontiguousarray(all_crops.quality[:, number]))
    table = pa.table(qualities).cast(QUALITY)
    return CropPass(findings, all_crops.readable, all_crops.hashes, all_crops.digests, table, records)


def _run(jobs: Iterable[_Job], count: int, workers: int) -> Iterator[_Done]:
    if workers == 1 or count <= _FEW_CROPS:
        yield from map(_check_crops, jobs)
        return
    try:
        with ProcessPool(workers) as pool:
            yield from pool.map(_check_crops, jobs)
    except WorkerDiedError as error:
        raise EngineError(
            f"a worker died while it read the crops ({error}); if memory was short, lower --workers"
        ) from error


def _jobs(
    root: Location,
    classes: pa.Table,
    ledger: Iterable[pa.Table],
    records: dict[int, str],
    points: Float64Array | None,
) -> Iterator[_Job]:
    """Yield all crops with their ledger rows, and note the records that are not called as their photos."""
    for at, rows in find_ledger_rows(classes, ledger):
        others = np.flatnonzero(pc.not_equal(rows.column("record"), rows.column("photo")).fill_null(False))
        ids = classes.column("id").take(pa.array(at[others])).to_pylist()
        records.update(zip(ids, rows.column("record").take(pa.array(others)).to_pylist(), strict=True))
        for start in range(0, len(at), _JOB_CROPS):
            mine = at[start : start + _JOB_CROPS]
            # copies: a slice would be sent to its process with the whole table
            crops = classes.take(pa.array(mine)).combine_chunks()
            faces = rows.take(pa.array(np.arange(start, start + len(mine)))).combine_chunks()
            yield _Job(root, mine, crops, faces, points)


def _check_crops(job: _Job) -> _Done:
    """Read some crops, check their bytes, hash and measure their pictures."""
    columns = [job.crops.column(name).to_pylist() for name in ("file", "offset", "length")]
    places = [CropPlace(*place) for place in zip(*columns, strict=True)]
    ids, paths, digests = (job.crops.column(name).to_pylist() for name in ("id", "path", "crop_sha256"))
    done, faces = _Done.empty(job.at), faces_in_photos(job.ledger)
    for index, data in enumerate(read_crop_bytes(job.root, places)):
        finding = check_crop_bytes(ids[index], paths[index], places[index].length, digests[index], data)
        if data is not None:
            done.digests[index] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
            image = decode_or_none(data)
            if image is not None:
                done.readable[index] = True
                done.hashes[index] = hash_crop(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8))
                done.quality[index] = measure_crop(image, faces[index], job.points)
            elif finding is None:
                why = f"The crop {paths[index]} has the recorded bytes, but they are no image."
                finding = Finding(Kind.CROP_CHANGED, Severity.ERROR, 1.0, why, left=ids[index])
        if finding is not None:
            done.findings.append(finding)
    return done


def decode_or_none(data: bytes) -> UInt8Image | None:
    """Return a crop's picture; None if its bytes are none."""
    try:
        return decode_crop(data)
    except (StoreError, cv2.error):  # OpenCV's own error: no bytes at all
        return None
