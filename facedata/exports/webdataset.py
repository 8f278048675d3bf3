"""WebDataset shards: ``<split>-000000.tar`` …, a picture, its facts and its class for each crop."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..interchange.tar_shards import TarShards
from .base import Export, Written
from .left_out import tell_left_out
from .split_folders import changed_names, name_splits_in_words

_MEGABYTE = 1_000_000
_FACTS = ("crop_sha256", "id", "identity", "path", "photo", "record", "role", "split")
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


class WebDatasetFormat:
    """Three files a crop, named by its id in nine digits: ``.cls``, ``.jpg`` and ``.json``.

    The class numbers everybody in the export, in UTF-8 byte order.
    """

    def refuse(self, export: Export) -> None:
        """Nothing is refused: names are in the JSON, where anything can stand."""

    def write(self, export: Export) -> Written:
        """Write the shards; see :class:`facedata.exports.base.ExportFormat`."""
        names = name_splits_in_words(export.splits)
        numbers = {name: number for number, name in enumerate(export.people.to_pylist())}
        lines, digests = [], dict[Path, str]()
        for split, name in names.items():
            with TarShards(export.folder, name, export.config.shard_mb * _MEGABYTE) as shards:
                for key, crop, text, label in self._samples(export, split, numbers):
                    shards.add(key, (("cls", label), ("jpg", crop), ("json", text)))
                shards.close()
            digests.update(shards.sha256)
            last = len(shards.files) - 1
            which = f"{{000000..{last:06d}}}" if last else "000000"
            url = f"{export.shown}/{name}-{which}.tar"
            lines.append(f"webdataset.WebDataset({url!r}).decode('rgb').to_tuple('jpg', 'cls')")
        left_out = tell_left_out(export, "pairs", "triplets", "labels", "meta", "ledger")
        return Written(
            left_out=tuple(left_out), lines=tuple(lines), split_names=changed_names(names),
            sha256={file.name: digest for file, digest in digests.items()},
        )  # fmt: skip

    def _samples(
        self, export: Export, split: str | None, numbers: Mapping[str, int]
    ) -> Iterator[tuple[str, bytes, bytes, bytes]]:
        """Yield each crop of a split: its key, its bytes, its facts as JSON, and its class."""
        for rows, crops in export.crops(split, ledger=["record"]):
            facts = rows.select(_FACTS).to_pylist()
            for crop, values in zip(crops, facts, strict=True):
                label = numbers[values["identity"]]
                text = _encode({**values, "label": label}).encode()
                yield f"{values['id']:09d}", crop, text, str(label).encode()


WEBDATASET = WebDatasetFormat()
