"""The crops of a set as a model takes them: the set's own, or those of a set beside it that is cut from it.

With crops that are made differently from those it was trained on, a network that is right on 99% of LFW's
pairs is right on 87%. With ``--cut`` a set that does not fit is cut again into ``<set>-<template>``, as
``facedata crop`` does: ids and people are the same, so that all that is found belongs to the user's own set.
"""

from __future__ import annotations

import logging
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from facedata import ClassManifest, PreparedSet, open_set
from facedata.config import TEMPLATES
from facedata.errors import SetError, StoreError, UsageError
from facedata.files.remote import Location, Remote
from facedata.options import look_up
from facedata.sets.same_photos import digest_photos
from facedata.tables.schema import DATASET, WORK

from ..errors import DataError
from ..spec import InputSpec
from .reader import CropReader

logger = logging.getLogger(__name__)

_SHAPE = ("template", "size", "margin")
"""The settings in which a set and one that is cut from it differ."""


@dataclass(frozen=True, eq=False)
class FittingCrops:
    """Where the crops that a model takes are.

    Attributes:
        prepared: the user's set, to which rows, ids and names belong.
        cut: the set that holds the crops; the same one where its own fit.
    """

    prepared: PreparedSet
    cut: PreparedSet

    @classmethod
    def find(
        cls, spec: InputSpec, prepared: PreparedSet, cut: bool = False, workers: int | None = None
    ) -> FittingCrops:
        """Find the crops of a set that a model takes.

        Args:
            spec: the model's.
            prepared: the set.
            cut: if the set's own do not fit, take those of the set beside it; it is made if it is not there.
            workers: processes that cut; None for one per core.

        Raises:
            SpecError: they were made with another template or margin than the model's, and not to be cut.
            UsageError: they cannot be cut here, or something else is where they would be.
            SetError: something else is there, or another run is cutting them.
            PhotosLostError: photos are gone or have changed since.
            StoreError: the folder beside the set cannot be written.
        """
        if spec.fits(prepared):
            return cls(prepared, prepared)
        if isinstance(prepared.path, Remote):
            spec.check_set(prepared)  # crops are cut beside a set on this machine only
        folder = Path(str(prepared.path))
        place = _place_beside(spec, folder)
        command = shlex.join(["facedata", "crop", str(prepared), *_shape_flags(spec), "--out", str(place)])
        if not cut:
            spec.check_set(prepared, f"add --cut, which makes a set that fits with `{command}`")
        if (place / DATASET).is_file():
            there = open_set(place)
            if why := _find_difference(spec, prepared, there):
                raise UsageError(
                    f"--cut: {place} is there, and {why}: move it away, or make it anew with "
                    f"`{command} --overwrite`"
                )
            return cls(prepared, there)
        if _is_something_else(place):
            raise UsageError(
                f"--cut: {place} is there, and is no set that was cut from {prepared}: move it away"
            )
        from facedata import crop_set  # reads photos, and so imports much

        logger.info("cutting the crops that the model takes: %s", command)
        try:
            cut_set = crop_set(
                folder, place, template=spec.template, size=spec.crop_px, margin=spec.margin, workers=workers
            )
        except StoreError as error:
            raise StoreError(
                f"--cut: {error}; where there is room, make the set with `{command}` and another --out, and "
                "name that one"
            ) from error
        return cls(prepared, cut_set)

    @classmethod
    def find_if_whole(
        cls, spec: InputSpec, location: Location, cut: bool = False, workers: int | None = None
    ) -> None:
        """Look, and cut, as :meth:`find` does; a set that is damaged is left to those who look for that."""
        try:
            prepared = PreparedSet(location)
            fits = spec.fits(prepared)
        except (SetError, TypeError, ValueError, AttributeError) as damage:
            logger.debug("%s", damage)
            return
        if not fits:
            cls.find(spec, prepared, cut, workers)

    def of(self, classes: ClassManifest) -> ClassManifest:
        """Return the same crops, row by row, with the files that hold them as the model takes them.

        Raises:
            DataError: one of them has not been cut.
        """
        if self.cut is self.prepared:
            return classes
        every = ClassManifest.open(self.cut)
        rows = np.minimum(np.searchsorted(every.ids, classes.ids), max(len(every) - 1, 0))
        if not len(every) or not np.array_equal(every.ids[rows], classes.ids):
            raise DataError(f"{self.cut} lacks crops that {self.prepared} has: cut it again")
        return ClassManifest(self.cut, every.table.take(pa.array(rows)), classes.split)

    def open_reader(self, classes: ClassManifest, workers: int | None = None) -> CropReader:
        """Return a reader of these crops; row numbers count in ``classes``, which are the user's set's."""
        return CropReader(self.of(classes), workers)


def _place_beside(spec: InputSpec, folder: Path) -> Path:
    """Return the folder beside a set for its crops of the model's shape: ``faces-arcface112``."""
    name, size = spec.template, str(_side(spec))
    name += "" if name.endswith(size) else f"-{size}"
    name += f"-margin{spec.margin:g}" if spec.margin else ""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.parent / f"{named.name}-{name}"


def _is_something_else(place: Path) -> bool:
    """Tell whether something lies in a place that is neither free nor an unfinished set."""
    if not place.is_dir():
        return os.path.lexists(place)
    return any(place.iterdir()) and not (place / WORK).is_dir()


def _side(spec: InputSpec) -> int:
    return int(spec.crop_px or look_up(TEMPLATES, spec.template).size_px)


def _shape_flags(spec: InputSpec) -> list[str]:
    size = ["--size", str(spec.crop_px)] if spec.crop_px else []
    margin = ["--margin", f"{spec.margin:g}"] if spec.margin else []
    return ["--template", spec.template, *size, *margin]


def _find_difference(spec: InputSpec, prepared: PreparedSet, there: PreparedSet) -> str:
    """Return why a set beside another is not its crops in the model's shape; empty if it is."""
    mine, theirs = prepared.info["settings"], there.info["settings"]
    shape = theirs.get("template", "square"), there.size_px, float(theirs.get("margin", 0.0))
    if shape != (spec.template, _side(spec), spec.margin):
        return f"has {shape[0]} crops of {shape[1]} px"
    others = {name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name)} - {*_SHAPE}
    if others:
        return f"was made from a set with other settings ({', '.join(sorted(others))})"
    ids = ClassManifest.open(prepared).ids
    if digest_photos(prepared, ids) != digest_photos(there, ids):
        return f"was not cut from {prepared} as it is now"
    if (more := len(ClassManifest.open(there)) - len(ids)) > 0:
        logger.warning(
            "%s has %d crops that %s has no longer; if people were forgotten, forget them there, too",
            there, more, prepared,
        )  # fmt: skip
    return ""
