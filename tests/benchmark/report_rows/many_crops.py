"""A set of 200,000 crops of 10,000 people: rows and crops of some hundred real ones, many times over.

Every crop is a file that is read and decoded; those that show the same are hard links of one. Rows, pairs and
triplets go the way of any set. Qualities and findings are drawn, and written as a check writes them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facedata import open_set
from facedata.checks.check_folder import open_check_folder
from facedata.checks.close_check import close_check
from facedata.checks.findings import Finding, Kind, Severity
from facedata.checks.quality.measure import QUALITY
from facedata.checks.run_checks import Checked
from facedata.types import Int64Array
from tests.benchmark.synthetic import no_workers, prepare_synthetic
from tests.support.damaged_sets import alter_table

PEOPLE = 10_000
_DISTINCT = 600
_FINDINGS = 2000
_KEPT_OF_RECORDS = 0.975
"""Synthetic shards reject two of a hundred photos and half of one more are duplicates."""

_FROM_REAL = (
    "score",
    "box",
    "landmarks",
    "tilt_deg",
    "matrix",
    "width",
    "height",
    "all_boxes",
    "all_scores",
    "faces",
)


def make_many_crops(out: Path, real: Path, crops: int, people: int = PEOPLE) -> None:
    """Make a set of about so many crops, with what a check would have written.

    Args:
        out: the set's folder.
        real: a prepared set of real photos, in folders.
        crops: how many; some more or less.
        people: of how many people.
    """
    with no_workers():
        prepare_synthetic(out, round(crops / _KEPT_OF_RECORDS), people)
    rng = np.random.default_rng(0)
    photos = pq.read_table(real / "photos.parquet")
    photos = photos.filter(pa.compute.equal(photos.column("status"), "kept"))
    chosen = photos.take(pa.array(rng.permutation(photos.num_rows)[:_DISTINCT]))
    files = [real / "crops" / path for path in chosen.column("path").to_pylist()]
    alter_table(out, "photos", lambda table: _with_real_rows(table, chosen, rng))
    classes = pq.read_table(out / "classes.parquet", columns=["id", "file"])
    which = rng.integers(0, len(files), classes.num_rows)
    alter_table(out, "classes", lambda table: _with_real_crops(table, files, which))
    for name, at in zip(classes.column("file").to_pylist(), which.tolist(), strict=True):
        link = out / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(files[at])
    draw_check(out, rng)


def draw_check(out: Path, rng: np.random.Generator) -> None:
    """Write qualities of all crops and findings about some, as ``facedata check`` does."""
    prepared = open_set(out)
    classes = pq.read_table(out / "classes.parquet")
    count = classes.num_rows
    ids = classes.column("id").to_numpy()
    names = classes.column("identity").to_pylist()
    findings = list[Finding]()
    for left, right in rng.integers(0, count, (_FINDINGS, 2)).tolist():
        score = float(rng.random())
        about: dict[str, Any] = {"left": int(ids[left]), "value": score, "threshold": 0.5}
        if left % 2:
            findings.append(Finding(Kind.BLURRED, Severity.NOTE, score, "The crop is blurred.", **about))
            continue
        about |= {"right": int(ids[right]), "identity": names[left], "to_identity": names[right]}
        why = "This photo is nearer to another person's photos."
        findings.append(Finding(Kind.WRONG_PERSON, Severity.SUSPECT, score, why, **about))
    checked = Checked(
        prepared.path, prepared, prepared.fingerprint, classes, np.ones(count, np.bool_), findings,
        draw_quality(classes, rng), {}, {"crops": count, "readable": count, "people": len(set(names))},
    )  # fmt: skip
    with open_check_folder(prepared.path) as folder:
        close_check(folder, checked)


def draw_quality(classes: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Return a quality table of all crops."""
    columns = [classes.column("id").combine_chunks()]
    columns += [pa.array(rng.beta(5, 2, classes.num_rows).astype(np.float32)) for _ in QUALITY.names[1:]]
    return pa.table(columns, schema=QUALITY)


def _with_real_rows(table: pa.Table, chosen: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Return a ledger whose kept rows were measured on real photos."""
    real = chosen.take(pa.array(rng.integers(0, chosen.num_rows, table.num_rows)))
    kept = pa.compute.equal(table.column("status"), "kept").combine_chunks()
    for name in _FROM_REAL:
        at = table.schema.get_field_index(name)
        rows = np.where(kept.to_numpy(zero_copy_only=False), np.arange(table.num_rows), -1)
        taken = real.column(name).combine_chunks().take(pa.array(rows, mask=rows < 0))
        table = table.set_column(at, table.schema.field(at), taken.cast(table.schema.field(at).type))
    return table


def _with_real_crops(table: pa.Table, files: list[Path], which: Int64Array) -> pa.Table:
    """Return a classes table that has the lengths and digests of the crops that lie there."""
    lengths = np.array([file.stat().st_size for file in files])[which]
    digests = np.array([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])[which]
    for name, values in (("length", lengths), ("crop_sha256", digests)):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))
    return table
