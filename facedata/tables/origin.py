"""Where each photo is from, and under which licence: two columns of the ledger; pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_LICENCES = ("meta_licence", "meta_license")


@dataclass(frozen=True)
class Origin:
    """Where a set's photos are from.

    Attributes:
        kind: of the source, such as ``folder``.
        root: the source as dataset.json names it: a path, or several as ``name=path``, separated by commas.
        licence: of photos for which the source has none of their own; None if it is not known.
    """

    kind: str
    root: str
    licence: str | None = None

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Origin:
        """Return a set's, from its dataset.json."""
        return cls(info["source"]["kind"], info["source"]["root"], info["licence"])

    def columns(self, records: pa.Table) -> dict[str, pa.ChunkedArray]:
        """Return the ledger's columns ``source`` and ``licence``, dictionary-encoded.

        A photo is from the root whose name its record starts with; where roots have no names, from a source
        of this kind. Its licence is what a table's column ``licence`` or ``license`` says, else the set's.

        Args:
            records: a block of rows, with ``record`` and the meta_* columns.
        """
        names = []
        if self.kind == "folder" and re.match(r"[^/=,]+=", self.root):
            names = re.findall(r"(?:^|,)([^/=,]+)=", self.root)
        source = pa.repeat(self.kind, records.num_rows)
        if names:
            first = pc.list_element(pc.split_pattern(records.column("record"), "/", max_splits=1), 0)
            source = pc.if_else(pc.is_in(first, pa.array(names)), first, self.kind)
        known = pa.scalar(self.licence, pa.string())
        licence = pa.repeat(known, records.num_rows)
        for name in records.column_names:
            if name.lower() in _LICENCES and pa.types.is_string(records.schema.field(name).type):
                own = records.column(name)
                is_blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(own), ""), True)
                licence = pc.if_else(is_blank, known, own)
        return {"source": pc.dictionary_encode(source), "licence": pc.dictionary_encode(licence)}
