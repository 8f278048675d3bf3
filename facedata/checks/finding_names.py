"""Who and what the crops of findings are: the ledger's record, the photo, the person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from .findings import Finding


class CropNames:
    """Looks up what the crops of findings are called, by id; an id that no crop has has no names.

    Args:
        findings: those whose crops are looked up.
        classes: ``id``, ``photo`` and ``identity`` of the set's crops, in ascending ``id``.
        records: by id, the ledger's record where it is not the photo.
    """

    def __init__(self, findings: Iterable[Finding], classes: pa.Table, records: Mapping[int, str]) -> None:
        wanted = {crop for one in findings for crop in (one.left, one.right) if crop is not None}
        at = pc.index_in(classes.column("id"), value_set=pa.array(sorted(wanted), pa.int64()))
        rows = classes.filter(pc.is_valid(at))
        ids, photos, people = (rows.column(name).to_pylist() for name in ("id", "photo", "identity"))
        self._photos = dict(zip(ids, photos, strict=True))
        self._people = dict(zip(ids, people, strict=True))
        self._identities, self._records = classes.column("identity"), records

    def record(self, crop: int | None) -> str | None:
        """Return the ledger's key of a crop's face, by which corrections name it."""
        return None if crop is None else self._records.get(crop) or self._photos.get(crop)

    def photo(self, crop: int | None) -> str | None:
        """Return the photo that a crop was cut from."""
        return None if crop is None else self._photos.get(crop)

    def identity(self, crop: int | None) -> str | None:
        """Return the person that a crop is said to show."""
        return None if crop is None else self._people.get(crop)

    def of(self, finding: Finding) -> set[str]:
        """Return every name under which a decision may mean one of a finding's photos."""
        given = (finding.left_photo, finding.right_photo)
        crops = (finding.left, finding.right)
        return {name for name in (*given, *map(self.record, crops), *map(self.photo, crops)) if name}

    @cached_property
    def photos_of(self) -> Counter[str]:
        """How many crops each person has."""
        counts = self._identities.value_counts().to_pylist()
        return Counter({one["values"]: one["counts"] for one in counts})
