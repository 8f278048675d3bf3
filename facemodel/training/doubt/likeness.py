"""The embeddings that a check has kept of a set's crops, and from which cosine two names are one person."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from facedata import PreparedSet
from facedata.errors import SetError
from facedata.tables.parquet import read_table
from facedata.types import Float32Array, Int64Array

from ...models.embedding_file import KIND, read_settings, read_values

logger = logging.getLogger(__name__)


class Likeness(NamedTuple):
    """How alike some of a set's crops are to the network that has checked them.

    Attributes:
        ids: ``(n,)`` int64, ascending; crops without usable numbers are not among them.
        directions: ``(n, dim)`` float32, their embeddings scaled to length one.
        limit: from this cosine the check takes two names with one photo each for one person.
    """

    ids: Int64Array
    directions: Float32Array
    limit: float


def read_likeness(folder: Path, prepared: PreparedSet, ids: Int64Array) -> Likeness | None:
    """Read the embeddings of some crops; None if the check has kept none, and a line says so.

    Args:
        folder: of the check's findings.
        prepared: the set.
        ids: ``(n,)`` int64, of the crops.
    """
    try:
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
        about = summary["who_is_who"]
        file = folder / Path(about["embeddings"]).name
        settings, limit = read_settings(file), _read_limit(about)
        mine = (prepared.fingerprint, prepared.fingerprint, about["model"])
        if settings is not None and mine == (
            summary["fingerprint"],
            settings["fingerprint"],
            settings["model"],
        ):
            return Likeness(*_read_directions(file, ids), limit)
        why = f"{file} is of another state of the set, or of another model"
    except (SetError, OSError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
        why = f"the check has left no embeddings that can be read ({error})"
    logger.info("photos that are left out are not compared with each other: %s", why)
    return None


def _read_limit(about: Mapping[str, Any]) -> float:
    """Return the threshold for two names with one photo each, the first one, as a cosine.

    In the summary, 0 is the cosine of the usual two people.

    Raises:
        LookupError: no check with a model has written it.
        ValueError: it is not between -1 and 1.
    """
    usual = float(about["likelihood"]["usual"])
    value = float(about["thresholds"][0]["value"])
    if not -1 < (limit := usual + value * (1 - usual)) < 1:
        raise ValueError(f"its threshold is {limit}")
    return limit


def _read_directions(file: Path, ids: Int64Array) -> tuple[Int64Array, Float32Array]:
    """Return which of some crops have usable embeddings, in ascending order, and these at length one.

    Raises:
        SetError: the file is damaged.
        ValueError: it has no rows.
    """
    every = read_table(file, KIND, ["id"]).column("id").to_numpy()
    rows, start, blocks = np.flatnonzero(np.isin(every, ids)), 0, []
    for block in read_values(file):
        blocks.append(block[rows[(rows >= start) & (rows < start + len(block))] - start].astype(np.float64))
        start += len(block)
    wide = np.concatenate(blocks)
    length = np.linalg.norm(wide, axis=1)
    good = np.isfinite(length) & (length > 0)
    return every[rows[good]], (wide[good] / length[good, None]).astype(np.float32)
