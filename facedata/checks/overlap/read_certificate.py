"""A certificate that was written earlier, for those who leave out what two sets share."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError
from .shared import OVERLAP_FILE, OVERLAP_KIND, OVERLAP_VERSION


@dataclass(frozen=True)
class SharedWith:
    """What one set shares with another, as a certificate says.

    Attributes:
        fingerprint: of the other set.
        model: the fingerprint of the model that compared the people; None if none did.
        people: names in the first set of people whom the other one has.
        records: the first set's photos that the other one has.
        by: how many people and photos were found by bytes, picture and face, and the estimated errors.
    """

    fingerprint: str
    model: str | None
    people: frozenset[str]
    records: frozenset[str]
    by: dict[str, Any]


@dataclass(frozen=True)
class Certificate:
    """An overlap.json.

    Attributes:
        file: where it was read.
        sides: by the fingerprint of either set, what that set shares with the other one.
    """

    file: Path
    sides: dict[str, SharedWith]


def read_certificate(file: str | os.PathLike[str]) -> Certificate:
    """Read an overlap.json, of either direction.

    Raises:
        UsageError: it is missing, damaged, something else, or of a later version.
    """
    path = Path(file)
    where = path / OVERLAP_FILE if path.is_dir() else path
    try:
        values = json.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"there is no {where}: `facedata check SET --against OTHER` and `facemodel check MODEL SET "
            f"--against OTHER` write it, in the folder of the check"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {where}: {error}") from error
    if not isinstance(values, dict) or values.get("kind") != OVERLAP_KIND:
        raise UsageError(f"{where} is not an {OVERLAP_FILE} that a check with --against has written")
    if values.get("version") != OVERLAP_VERSION:
        raise UsageError(
            f"{where} is of version {values.get('version')!r}, and this one reads {OVERLAP_VERSION}: install "
            "a newer facedata, or check again"
        )
    try:
        return Certificate(where, read_sides(values))
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{where} is damaged ({error!r}): check again") from error


def read_sides(values: dict[str, Any]) -> dict[str, SharedWith]:
    """Return what each set shares with the other, by its fingerprint, from a certificate's values."""
    this, other = (str(values[side]["fingerprint"]) for side in ("set", "other"))
    model = values["model"]
    if not (model is None or isinstance(model, str)):
        raise TypeError("model")
    sides = {}
    for mine, theirs, name, photos in (
        (this, other, "identity", "photos"),
        (other, this, "other", "other_photos"),
    ):
        people = frozenset(str(row[name]) for row in values["people"])
        records = frozenset(str(row["record"]) for row in values[photos])
        sides[mine] = SharedWith(theirs, model, people, records, dict(values["by"]))
    return sides
