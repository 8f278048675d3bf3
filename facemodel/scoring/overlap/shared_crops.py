"""Which crops of a set another set has, by the certificate of a check with ``--against``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest
from facedata.checks.overlap.read_certificate import SharedWith, read_certificate
from facedata.errors import UsageError
from facedata.sets.prepared import short
from facedata.types import BoolArray

from ...spec import InputSpec


@dataclass(frozen=True, eq=False)
class SharedCrops:
    """The crops of a set that another set has.

    Attributes:
        is_shared: ``(n,)`` bool, of the set's crops: those of shared people, and shared photos.
        other: the other set's fingerprint.
        model: the fingerprint of the model that compared the people; None if none did.
        by: what the certificate says of each way of knowing.
        notes: what a reader of the figures should know, a sentence each.
    """

    is_shared: BoolArray
    other: str
    model: str | None
    by: dict[str, Any]
    notes: tuple[str, ...]


def read_shared(file: str | os.PathLike[str], classes: ClassManifest, spec: InputSpec) -> SharedCrops:
    """Read which crops the training set has, from a check of either of the two sets against the other.

    Args:
        file: overlap.json, or the folder that holds it.
        classes: all crops of the set that is scored.
        spec: the model's, which names the set it was trained on.

    Raises:
        UsageError: there is no such file, or it is about other sets than the scored one and the model's
            training set.
    """
    certificate, prepared = read_certificate(file), classes.prepared
    side = certificate.sides.get(prepared.fingerprint)
    if side is None:
        both = " and ".join(short(one) for one in certificate.sides)
        raise UsageError(
            f"{certificate.file} compares the sets {both}, and {prepared} is {short(prepared.fingerprint)}: "
            f"check {prepared} --against the set that the model was trained on"
        )
    trained = spec.set_fingerprint
    if trained is not None and trained not in (side.fingerprint, prepared.fingerprint):
        raise UsageError(
            f"{certificate.file} compares {prepared} with the set {short(side.fingerprint)}, and the model "
            f"was trained on {short(trained)}: check {prepared} --against that one"
        )
    if trained == prepared.fingerprint:
        raise UsageError(
            f"--without-overlap {certificate.file}: the model was trained on {prepared} itself, and what "
            "that set shares with another one says nothing about its scores"
        )
    notes = doubts_of(side, trained)
    return SharedCrops(shared_rows(classes, side), side.fingerprint, side.model, side.by, tuple(notes))


def shared_rows(classes: ClassManifest, side: SharedWith) -> BoolArray:
    """Return which crops are of shared people, or of shared photos, which go by the ledger's records."""
    ledger = classes.prepared.table("photos", ["record", "path"])
    records, names = (pa.array(sorted(texts), pa.string()) for texts in (side.records, side.people))
    paths = ledger.filter(pc.is_in(ledger.column("record"), value_set=records)).column("path").drop_null()
    people = pc.is_in(classes.table.column("identity"), value_set=names)
    photos = pc.is_in(classes.table.column("path"), value_set=paths.combine_chunks())
    return np.asarray(pc.or_(people, photos).to_numpy())


def doubts_of(side: SharedWith, trained: str | None) -> list[str]:
    """Return what a reader should know; ``trained`` is the model's training set, None if it does not say."""
    notes = []
    if trained is None:
        notes.append(
            f"the model does not say what it was trained on: that it was the set {short(side.fingerprint)} "
            "is the word of whoever named the file"
        )
    if side.model is None:
        notes.append(
            "the two sets were compared by bytes and by picture only: other photos of the same people count "
            "as not shared (`facemodel check MODEL SET --against OTHER` finds them)"
        )
    return notes
