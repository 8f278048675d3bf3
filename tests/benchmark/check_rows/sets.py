"""LFW's View 1 and CelebA, prepared once and embedded once; and the published errors of LFW."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from facedata import ClassManifest, PreparedSet, open_set, prepare
from facedata.checks.findings import Finding
from facedata.types import BoolArray, Float32Array, Int64Array
from facemodel.checks.kept.keep import keep_embeddings
from facemodel.checks.kept.make import Embedding
from facemodel.checks.official_pairs import OfficialPairs
from facemodel.checks.who.find import find_people_findings
from facemodel.config import CheckConfig
from facemodel.models.embedder import open_model
from tests.support.onnx_networks import mobilefacenet
from tests.support.shared_data import SHARED

logger = logging.getLogger("facemodel.bench")

LFW, CELEBA = SHARED / "data" / "lfw", SHARED / "data" / "celeba"
ONE_BY_EYE = frozenset(("7398", "Oxana_Fedorova"))
"""Somebody whom CelebA (by number) and LFW both have."""

NOT_WHO_THEY_SAY = frozenset(
    f"{number:06d}" for number in (678, 6191, 34225, 41699, 52198, 111723, 123930, 191847)
)
"""CelebA's photos that by eye show somebody else than their number's others do, or nobody: docs/check.md."""

NO_PAIRS = OfficialPairs(*(np.empty(0, np.int64),) * 2, np.empty(0, np.bool_))


@dataclass(frozen=True, eq=False)
class Crops:
    """Embedded crops.

    Attributes:
        vectors: ``(n, dim)`` float32 of length one.
        person: ``(n,)`` int64, codes from 0 without gaps.
        names: the people's names, by code.
        photos: names of the photos, ``Aaron_Eckhart_0001``.
        named: ``(n,)`` bool, photos that a published list of errors names, or whose people it does.
    """

    vectors: Float32Array
    person: Int64Array
    names: list[str]
    photos: list[str]
    named: BoolArray

    @classmethod
    def of(cls, vectors: Float32Array, names: Sequence[str], photos: Sequence[str]) -> Crops:
        """Return crops with the names that they have in a set."""
        texts, person = np.unique(np.array(names), return_inverse=True)
        stems = [Path(photo).stem for photo in photos]
        known = {name for row in known_errors() for name in named_by(row)}
        named = [stem in known or name in known for stem, name in zip(stems, names, strict=True)]
        return cls(vectors, person.ravel().astype(np.int64), texts.tolist(), stems, np.array(named, np.bool_))

    def with_photos(self, least: int) -> Crops:
        """Return the crops of people with so many."""
        kept = np.flatnonzero(np.bincount(self.person)[self.person] >= least)
        return Crops.of(
            self.vectors[kept], [self.names[self.person[row]] for row in kept],
            [self.photos[row] for row in kept],
        )  # fmt: skip

    def __add__(self, other: Crops) -> Crops:
        names = [one.names[code] for one in (self, other) for code in one.person]
        return Crops.of(np.concatenate([self.vectors, other.vectors]), names, self.photos + other.photos)

    def check(self, person: Int64Array) -> tuple[list[Finding], dict[str, Any]]:
        """Find who is who, with these labels for the crops' own: codes, called ``p00012``."""
        table = pa.table(
            {
                "id": np.arange(len(person)),
                "photo": [f"{photo}.jpg" for photo in self.photos],
                "identity": [called(code) for code in person.tolist()],
                "split": pa.nulls(len(person), pa.string()),
            }
        )
        return find_people_findings(self.vectors, table, CheckConfig(), pairs=NO_PAIRS)


def called(code: int) -> str:
    """Return what a label is called in a checked table."""
    return f"p{code:06d}"


def known_errors() -> list[dict[str, str]]:
    """Return the published errors of LFW: ``kind``, ``left``, ``right``, ``meaning``."""
    with (LFW / "known_errors.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def named_by(error: dict[str, str]) -> set[str]:
    """Return the photos and people that a published error is about; not the person whose name is right."""
    return {error["left"]} if error["kind"] == "wrong_name" else {error["left"], error["right"]}


def published_pairs() -> set[frozenset[str]]:
    """Return pairs of names that are published as one person's, or as having one photograph."""
    pairs = {ONE_BY_EYE}
    for row in known_errors():
        if row["kind"] == "double_name":
            pairs.add(frozenset((row["left"], row["right"])))
        elif row["kind"] == "same_photo_two_names":
            pairs.add(frozenset(row[side].rsplit("_", 1)[0] for side in ("left", "right")))
    return pairs


class Sets:
    """The real sets, made when they are first asked for.

    Args:
        folder: where; what an earlier run left there is used.
        many: how many crops the part ``size`` makes.
    """

    def __init__(self, folder: Path, many: int = 200_000) -> None:
        self.folder, self.many = folder, many
        folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def model(self) -> Path:
        """The given network, beside its spec."""
        there = self.folder / "mobilefacenet" / "net.onnx"
        return there if there.exists() else mobilefacenet(there.parent)

    @cached_property
    def lfw_set(self) -> PreparedSet:
        return made(LFW, self.folder / "lfw", kind="lfw")

    @cached_property
    def lfw(self) -> Crops:
        return self.embedded(self.lfw_set, self.model)

    @cached_property
    def celeba(self) -> Crops:
        return self.embedded(made(CELEBA, self.folder / "celeba", kind="celeba"), self.model)

    def embedded(self, prepared: PreparedSet, model: Path, rows: Int64Array | None = None) -> Crops:
        """Return a set's crops, or some of them, as a check embeds and keeps them."""
        classes = ClassManifest.open(prepared.path)
        # a check of all crops has a file of its own
        folder = Path(str(prepared.path)) / ("check" if rows is None else f"some-{model.parent.name}")
        folder.mkdir(exist_ok=True)
        how = Embedding(open_model(model), flip=CheckConfig().flip)
        kept = keep_embeddings(how, classes, np.arange(len(classes)) if rows is None else rows, folder)
        table = classes.table.take(pa.array(kept.rows))
        names, photos = (table.column(name).to_pylist() for name in ("identity", "photo"))
        return Crops.of(np.asarray(kept.directions), names, photos)


def made(source: Path, out: Path, **options: Any) -> PreparedSet:
    """Return a set of arcface112 crops, prepared here or by an earlier run."""
    if (out / "dataset.json").is_file():
        return open_set(out)
    logger.info("preparing %s", out.name)
    return prepare(source, out, template="arcface112", triplets_per_photo=0, **options)
