"""Which columns of the hub's Parquet files have what: pictures, people, and whether facedata wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError, UsageError
from ...interchange.hub_columns import HubColumns
from .shards import Shard

OWN_COLUMNS = frozenset(("crop_sha256", "identity", "path", "record", "role"))
"""Columns that only an export of facedata has together."""

BY_DEFAULT = "parent"
"""The value of ``--identity-from`` that names no column."""

_PEOPLE = ("identity", "person", "person_id", "subject", "subject_id", "name", "celebrity", "label")
"""Names under which a column of text or whole numbers is one of people."""
_NAMED = 5


@dataclass(frozen=True)
class ColumnChoice:
    """Which columns of a source are what.

    Attributes:
        picture: the column of pictures.
        identity: the column of people.
        names: what its numbers stand for; empty if they stand for themselves, or are texts.
        is_own: whether the files are an export of facedata.
    """

    picture: str
    identity: str
    names: Sequence[str]
    is_own: bool

    @classmethod
    def of(cls, root: str, found: Mapping[Shard, HubColumns], identity_from: str) -> ColumnChoice:
        """Decide by the first file which columns are what, and check the other files against it.

        Args:
            root: the source, for messages.
            found: its files with pictures, at least one.
            identity_from: the column of people; :data:`BY_DEFAULT` for the usual one.

        Raises:
            UsageError: it is not clear which column has the pictures or the people, or which files are meant.
            SourceError: a file has other columns than the first.
        """
        first = next(iter(found.values()))
        is_own = set(first.schema.names) >= OWN_COLUMNS
        picture = "image" if "image" in first.pictures else first.pictures[0]
        if len(first.pictures) > 1 and picture != "image":
            raise UsageError(
                f"{root} has pictures in several columns ({', '.join(first.pictures)}): call the one that is "
                "meant image"
            )
        identity = cls._choose_identity(root, first, is_own, identity_from)
        choice = cls(picture, identity, first.class_names.get(identity, ()), is_own)
        needed = {picture, identity} | (OWN_COLUMNS if is_own else set())
        for shard, columns in found.items():
            if missing := sorted(needed - set(columns.schema.names)):
                raise SourceError(
                    f"{shard.path} has no column {missing[0]}, and other files of {root} have it"
                )
            if list(columns.class_names.get(identity, ())) != list(choice.names):
                raise SourceError(
                    f"{shard.path} gives the numbers in {identity} other names than other files do"
                )
        return choice

    def name_people(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return people's names, null where there is none; ``column`` is that of people."""
        if self.names:
            number = column.cast(pa.int64(), safe=False)  # what is too large becomes negative: no name
            is_known = pc.and_(pc.greater_equal(number, 0), pc.less(number, len(self.names)))
            known = pc.if_else(is_known, number, pa.scalar(None, pa.int64()))
            return pa.chunked_array(
                [pa.array(self.names, pa.string()).take(chunk) for chunk in known.chunks], pa.string()
            )
        texts = column.cast(pa.string())
        return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

    @staticmethod
    def _choose_identity(root: str, columns: HubColumns, is_own: bool, identity_from: str) -> str:
        kinds = {field.name: field.type for field in columns.schema}
        plain = {
            name: kind.value_type if pa.types.is_dictionary(kind) else kind for name, kind in kinds.items()
        }
        able = [
            name
            for name, kind in plain.items()
            if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
        ]
        said = (
            f"its columns of text and whole numbers are {', '.join(able)}"
            if able
            else "it has none that could"
        )
        if identity_from != BY_DEFAULT:
            if identity_from not in able:
                raise UsageError(f"--identity-from {identity_from}: {root} has no such column; {said}")
            return identity_from
        if is_own or "identity" in able:
            return "identity"
        usual = [name for name in columns.class_names if name in able]
        usual = usual or [name for name in able if name.lower() in _PEOPLE]
        if len(usual) != 1:
            which = f" {' or '.join(usual)}?" if usual else ""
            raise UsageError(
                f"which column of {root} has the people?{which} Name it with --identity-from COLUMN; {said}"
            )
        return usual[0]


def refuse_configurations(root: str, found: Mapping[Shard, HubColumns]) -> None:
    """Refuse files that may be several configurations, which often have the same photos.

    Args:
        root: the source, for messages.
        found: its files with pictures.

    Raises:
        UsageError: they lie in several folders, splits' own aside.
    """
    places = set()
    for shard in found:
        folders = shard.name.split("/")[:-1]
        if folders and shard.split and shard.split in folders[-1]:
            folders.pop()
        places.add("/".join(folders) or ".")
    if len(places) > 1:
        raise UsageError(
            f"{root} has pictures in {len(places):,} folders ({', '.join(sorted(places)[:_NAMED])}), which "
            "may be configurations of one data set: name one of the folders"
        )
