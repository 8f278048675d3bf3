"""The pairs of an export for the hub, which are the official ones of what is prepared from it."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError
from ...interchange.hub_columns import HubColumns, read_columns
from ...tables.schema import PROTOCOL
from .shards import Shard

_PAIRS = frozenset(("left_path", "right_path", "same"))


def read_pairs(
    found: Mapping[Shard, HubColumns], paths: pa.ChunkedArray, photos: pa.Table
) -> tuple[pa.Table | None, list[str]]:
    """Return the pairs of an export by record, training ones first, and the crops in them that are not there.

    Args:
        found: the export's files.
        paths: each photo's crop, as pairs name it.
        photos: the photos.

    Raises:
        SourceError: a file of pairs cannot be read.
    """
    files = [shard for shard, its in found.items() if set(its.schema.names) >= _PAIRS and shard.split]
    files.sort(key=lambda shard: (shard.split != "train", shard.name))
    crops, records = paths.combine_chunks(), photos.column("record").combine_chunks()
    tables, missing = [], set[str]()
    for shard in files:
        rows = read_columns(shard.path, [*sorted(_PAIRS), *({"fold"} & set(found[shard].schema.names))])
        sides = {}
        for side in ("left", "right"):
            own = rows.column(f"{side}_path").cast(pa.string())
            named = records.take(pc.index_in(own, crops).combine_chunks())
            missing.update(own.filter(pc.is_null(named)).to_pylist())
            sides[side] = pc.coalesce(named, own.combine_chunks())
        fold = rows.column("fold") if "fold" in rows.column_names else pa.nulls(rows.num_rows, pa.int32())
        split = pa.repeat(pa.scalar(shard.split), rows.num_rows)
        columns = {**sides, "same": rows.column("same"), "split": split, "fold": fold}
        try:
            tables.append(pa.table(columns).cast(PROTOCOL))
        except (ValueError, pa.ArrowException) as error:
            raise SourceError(
                f"the pairs in {shard.path} are damaged: {error}; export the set again"
            ) from error
    return (pa.concat_tables(tables) if tables else None), sorted(missing)
