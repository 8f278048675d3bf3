"""What dataset.json says, as far as it can be read; what is wrong with it is a finding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config import SplitConfig, parse_splits
from ...errors import FacedataError, StoreError, UnfinishedSetError
from ...files.remote import Location
from ...options import make
from ...sampling.split import TRAIN, training_split
from ...sets.prepared import PreparedSet, open_set
from ...tables.schema import DATASET, KIND, KINDS, SCHEMA_VERSION, WORK
from ..findings import Kind, Severity
from .damage_list import DamageList

TABLES = ("photos", "classes", "pairs", "triplets")
"""The tables that every set has."""

_TYPES: dict[str, type] = {
    "fingerprint": str,
    "settings": dict,
    "drawing": dict,
    "counts": dict,
    "tables": dict,
}
_WORDS = {str: "text", dict: "an object", list: "a list", int: "a number", type(None): "null"}


@dataclass(frozen=True)
class Recorded:
    """What a set's dataset.json says.

    Attributes:
        info: its contents, with only those keys that are of the right type; empty if it cannot be read.
        prepared: the set, if nothing is wrong with dataset.json.
    """

    info: Mapping[str, Any]
    prepared: PreparedSet | None

    def of_table(self, kind: str, key: str) -> Any:
        """Return a table's ``rows`` or ``sha256``; None if it is not recorded."""
        about = self.info.get("tables", {}).get(kind)
        return about.get(key) if isinstance(about, dict) else None

    def count(self, *keys: str) -> Any:
        """Return what stands below ``counts``; None if there is nothing."""
        found = self.info.get("counts")
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def names(self, *keys: str) -> list[str]:
        """Return the names below a key of ``counts``; none if it is not an object."""
        found = self.count(*keys)
        return list(found) if isinstance(found, dict) else []

    def how(self, kind: str) -> Mapping[str, Any]:
        """Return how the set was divided (``split``) or drawn (``pairs``); empty if that is not recorded."""
        found = self.info.get("drawing", {}).get(kind)
        return found if isinstance(found, dict) else {}

    @property
    def split_by(self) -> str | None:
        """What the set is divided by; None if that is not recorded."""
        split_by = self.how("split").get("split_by")
        return split_by if isinstance(split_by, str) else None

    @property
    def training(self) -> str | None:
        """The split whose people have labels; None if that is not recorded."""
        try:
            config = make(SplitConfig, dict(self.how("split")))
            ratios = parse_splits(config.splits)
        except (FacedataError, TypeError, ValueError, AttributeError):
            return None
        return TRAIN if config.split_by == "official" else training_split(ratios)


def read_recorded(path: Location, damage: DamageList) -> Recorded | None:
    """Read a set's dataset.json; what is wrong with it goes to ``damage``.

    Returns:
        What it says; None if the set is not finished, so that there is nothing to compare.

    Raises:
        NotASetError: there is no such folder, or it holds nothing of a set.
        StoreError: the URL's store does not answer.
    """
    try:
        info = _read_json(path, damage)
        if info is None:
            return None
        is_at_work = bool(info) and _exists(path / WORK)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
    problems = _find_problems(info) if info else []
    for why in problems:
        damage.add(Kind.TABLE_TORN, f"{why}: prepare the set again", sort=f"things wrong with {DATASET}")
    if is_at_work:
        damage.add(
            Kind.TABLE_TORN,
            f"{WORK}/ is there: a run is at work on the set, or was stopped in its first or last step",
            severity=Severity.NOTE,
            score=0.0,
        )
    kept = {key: value for key, value in info.items() if isinstance(value, _TYPES.get(key, object))}
    return Recorded(kept, open_set(path) if info and not problems else None)


def _read_json(path: Location, damage: DamageList) -> dict[str, Any] | None:
    """Return what dataset.json holds, empty if it cannot be read; None if the set is not finished."""
    file = path / DATASET
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(info, dict) and info:
            return info
        why = f"{DATASET} is not an object that says anything"
    except (FileNotFoundError, NotADirectoryError):
        if _exists(path / WORK) or not any(_exists(path / f"{kind}.parquet") for kind in TABLES):
            try:
                open_set(path)  # says why there is no set
            except UnfinishedSetError as error:
                damage.add(Kind.TABLE_TORN, str(error))
                return None
        why = f"{DATASET} is not there: the set was not copied whole, or the file was removed"
    except OSError as error:
        if not isinstance(path, Path):
            raise
        why = f"{DATASET} cannot be read: {error.strerror or error}"
    except (ValueError, RecursionError) as error:
        why = f"{DATASET} is not JSON: {error}"
    damage.add(Kind.TABLE_TORN, f"{why}: get it from a copy of the set, or prepare the set again")
    return {}


def _exists(path: Location) -> bool:
    try:
        return path.is_file() or path.is_dir()
    except PermissionError:  # something is there
        return True


def _find_problems(info: dict[str, Any]) -> list[str]:
    """Return what is wrong with the contents of dataset.json, a sentence each."""
    problems = []
    if info.get("kind") != KIND:
        problems.append(f"{DATASET} is not of a prepared set: its kind is {info.get('kind')!r}")
    version = info.get("schema_version")
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        problems.append(
            f"{DATASET} is of schema version {version!r}; this facedata reads versions 1 to {SCHEMA_VERSION}"
        )
    for key, wanted in _TYPES.items():
        if key not in info:
            problems.append(f"{DATASET} lacks {key}")
        elif not isinstance(info[key], wanted):
            is_called = _WORDS.get(type(info[key]), type(info[key]).__name__)
            problems.append(f"{key} in {DATASET} is {is_called}, not {_WORDS[wanted]}")
    settings, tables = info.get("settings"), info.get("tables")
    if isinstance(settings, dict) and (type(settings.get("size")) is not int or settings["size"] < 1):
        problems.append(f"the setting size in {DATASET} is {settings.get('size')!r}, not a number of pixels")
    if isinstance(tables, dict):
        problems += [f"{DATASET} does not record {kind}.parquet" for kind in TABLES if kind not in tables]
        problems += [
            f"{DATASET} records a table that is not known, {kind!r}" for kind in tables if kind not in KINDS
        ]
        problems += [
            f"{DATASET} does not say how many rows {kind}.parquet has, or its SHA-256"
            for kind, about in tables.items()
            if not (
                isinstance(about, dict)
                and type(about.get("rows")) is int
                and isinstance(about.get("sha256"), str)
            )
        ]
    return problems
