"""Crops that teach nothing as another person: those that look like nobody here, and those `check` doubts.

A blurred photo or a hillside that was taken for a face lies near the middle of the embeddings, so it is the
nearest candidate of many anchors. It is recognised by what it is far from: its own person's other photos,
and everybody else.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata.checks.findings import FINDINGS as FINDINGS_SCHEMA
from facedata.errors import SetError
from facedata.tables.parquet import read_footer, read_table
from facedata.types import BoolArray, Float32Array, Int64Array

from ..batches.people import TrainingPeople

logger = logging.getLogger(__name__)

_DEVIATIONS = 3.0
"""How many robust standard deviations farther than usual from every person's centre an outlier lies."""

_LEAST_CROPS = 20
"""With fewer crops of people with several photos, nothing is known about what is usual."""

_BLOCK_ROWS = 16_384
_BLOCK_FLOATS = 1 << 24
_SAMPLED = 1024
"""Crops from which the usual distance to the nearest other person is read."""

FINDINGS = Path("check") / "findings.parquet"
_DOUBTED = ("wrong_person", "stranger", "swapped", "same_bytes", "same_picture")
"""Kinds of findings about crops that may show somebody other than their label says."""


def find_outliers(features: Float32Array, person: Int64Array) -> BoolArray:
    """Find the crops that are far from everybody: from their own person's centre, and from all others'.

    Only directions count, as a poor photo's embedding is often short. Distances to the own centre leave the
    crop itself out, and are made comparable for people with few and many photos. *Far* is three robust
    standard deviations (from the median absolute deviation) above the median of all crops, and in any case
    nearer to what separates people than to what separates one person's photos. A person's only photo cannot
    be judged.

    Args:
        features: ``(photos, dim)`` float32.
        person: ``(photos,)`` int64, codes from 0.

    Returns:
        ``(photos,)`` bool.
    """
    photos, outliers = np.bincount(person), np.zeros(len(person), np.bool_)
    several = np.flatnonzero(photos[person] > 1)
    if len(several) < _LEAST_CROPS or np.count_nonzero(photos) < 2:
        return outliers
    centres = np.zeros((len(photos), features.shape[1]), np.float64)
    order = np.argsort(person, kind="stable")
    for start in range(0, len(order), _BLOCK_ROWS):
        rows = order[start : start + _BLOCK_ROWS]
        codes, first = np.unique(person[rows], return_index=True)
        centres[codes] += np.add.reduceat(_directions(features[rows]), first, axis=0)
    centres /= np.maximum(photos, 1)[:, None]
    own = np.empty(len(several))
    for start in range(0, len(several), _BLOCK_ROWS):
        rows = several[start : start + _BLOCK_ROWS]
        apart = _directions(features[rows]) - centres[person[rows]]
        size = photos[person[rows]]
        own[start : start + _BLOCK_ROWS] = np.sqrt(np.square(apart).sum(axis=1) * size / (size - 1))
    sample = several[:: -(-len(several) // _SAMPLED)]
    usual, strange = np.median(own), np.median(_nearest_other(features, person, centres, photos, sample))
    deviation = 1.4826 * np.median(np.abs(own - usual))
    limit = max(usual + _DEVIATIONS * deviation, (usual + strange) / 2)
    far = several[own > limit]
    outliers[far] = _nearest_other(features, person, centres, photos, far) > limit
    return outliers


def _directions(features: Float32Array) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    wide = features.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


def _nearest_other(
    features: Float32Array,
    person: Int64Array,
    centres: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    photos: Int64Array,
    rows: Int64Array,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return some crops' distances to the nearest centre of another person, ``(len(rows),)``."""
    found, square = np.empty(len(rows)), np.square(centres).sum(axis=1)
    step = max(1, _BLOCK_FLOATS // len(centres))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        distance = 1 + square - 2 * _directions(features[some]) @ centres.T
        distance *= photos / (photos + 1)  # a centre of few photos is itself off by chance
        distance[:, photos == 0] = np.inf
        distance[np.arange(len(some)), person[some]] = np.inf
        found[start : start + step] = np.sqrt(np.maximum(distance.min(axis=1), 0))
    return found


def read_doubted(training: TrainingPeople) -> BoolArray:
    """Read which crops the findings of `check` doubt, ``(photos,)`` bool; none if there are no findings.

    Doubted are wrong people, strangers and swapped photos, and copies that two people have. Findings about
    another state of the set are not used, and a line says so.
    """
    doubted = np.zeros(len(training), np.bool_)
    findings = _read_findings(
        training, ["kind", "left", "right", "left_identity", "right_identity"], _DOUBTED
    )
    copies = pc.is_in(findings.column("kind"), value_set=pa.array(["same_bytes", "same_picture"]))
    same = pc.equal(findings.column("left_identity"), findings.column("right_identity"))
    findings = findings.filter(pc.invert(pc.and_(copies, pc.fill_null(same, True))))
    swapped = pc.is_in(findings.column("kind"), value_set=pa.array(["swapped", "same_bytes", "same_picture"]))
    for side, table in (("left", findings), ("right", findings.filter(swapped))):
        ids = table.column(side).drop_null().to_numpy().astype(np.int64)
        rows, here = training.rows_of(ids)
        doubted[rows[here]] = True
    return doubted


def read_one_person(training: TrainingPeople) -> Int64Array:
    """Read which two people the findings of `check` suspect to be one, ``(p, 2)`` codes.

    They are those of ``double_name``. People who only look alike are the best negatives there are.
    """
    findings = _read_findings(training, ["kind", "identity", "to_identity"], ("double_name",))
    codes = [training.codes_of(findings.column(name).to_pylist()) for name in ("identity", "to_identity")]
    pairs = np.stack(codes, axis=1)
    return np.asarray(pairs[(pairs >= 0).all(axis=1)])


def _read_findings(training: TrainingPeople, names: list[str], kinds: tuple[str, ...]) -> pa.Table:
    """Return some columns of the findings of some kinds; no rows if there are none about the set as it is."""
    path, none = training.prepared.path, FINDINGS_SCHEMA.empty_table().select(names)
    if not isinstance(path, Path) or not (path / FINDINGS).is_file():
        return none
    try:
        if read_footer(path / FINDINGS).fingerprint != training.prepared.fingerprint:
            logger.warning(
                "%s is about another state of the set, and is not used: check it again", path / FINDINGS
            )
            return none
        findings = read_table(path / FINDINGS, "findings", names)
    except (SetError, pa.ArrowException, KeyError) as error:  # the last: a column is missing
        logger.warning("%s is not used: %s", path / FINDINGS, error)
        return none
    return findings.filter(pc.is_in(findings.column("kind"), value_set=pa.array(kinds)))
