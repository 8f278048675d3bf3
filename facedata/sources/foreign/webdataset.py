"""WebDataset's tars: a picture a sample, and who it is in a text or JSON beside it; read in place.

A photo is ``<tar>/<key>.<ending>``. In an export of facedata, and in the tars of a set (``--store tar``),
photos keep their records in that set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from ...config import PrepareConfig
from ...errors import SourceError, UsageError
from ...files.remote import Location
from ..base import PlanBuilder, Scan, early_status
from ..open import SourceKind
from .hub_choice import BY_DEFAULT
from .shards import Shard, ShardPaths, ShardSpan, span_of, typed_paths, usual_splits
from .tar_samples import SamplePhoto, TarReader, TarTexts, own_record, read_photos

_KEYS = ("person", "person_id", "subject", "subject_id", "name", "celebrity", "label", "class")
"""Names under which a JSON says who is in a picture, besides ``identity``."""
_TEXTS = ("cls", "txt")
"""Endings of files that may say it."""


class TarSource:
    """A folder of tars, or tars.

    Attributes:
        paths: what the user typed.
        identity_from: a key of the samples' JSON, or the ending of a text file; ``parent`` for the usual one.
    """

    kind = "webdataset"
    face = "largest"
    search = "photo"
    splits_are_official = True

    def __init__(self, paths: ShardPaths, identity_from: str = BY_DEFAULT) -> None:
        self.paths, self.identity_from = paths, identity_from

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> TarSource:
        """Make the source from the user's paths."""
        return cls(ShardPaths(roots, "webdataset", ".tar"), config.identity_from)

    @property
    def root(self) -> str:
        """The folder or the tars as text."""
        return self.paths.root

    def scan(self) -> Scan:
        """List every sample with a picture; no picture is read.

        Raises:
            UnsafeArchiveError: a tar has a link or device, or a name that points outside.
            SourceError: there is no tar or no picture, or a tar or sample is damaged.
            UsageError: it is not clear what says who is in a picture.
        """
        shards, plan, others = self.paths.find(), PlanBuilder(), 0
        spans: list[ShardSpan] = []
        rule: _Rule | None = None
        for shard in shards.files:
            photos = []
            with shard.path.open("rb", buffering=0) as stream:
                texts = TarTexts(shard.path, stream.fileno())
                for found in read_photos(shard.path, with_facts=True):
                    if found is None:
                        others += 1
                        continue
                    rule = rule or self._choose_rule(found)
                    photos.append(found.photo(shard.name, rule.is_own))
                    rule.add(plan, photos[-1], shard, found, texts)
            if photos:
                spans.append(span_of(shard, pa.array(photos, pa.string())))
        if rule is None:
            raise SourceError(
                f"the tars of {self.root} hold no photos ({others:,} samples without a picture)"
            )
        table = plan.table()
        at = table.schema.get_field_index("official_split")
        splits, notes = usual_splits(table.column(at), rule.is_own)
        if others:
            notes.append(f"{others:,} {'sample has' if others == 1 else 'samples have'} no picture")
        table = table.set_column(at, table.schema.field(at), splits)
        return Scan(table, TarReader(tuple(spans), rule.is_own), shards.other_files, notes=notes)

    def _choose_rule(self, first: SamplePhoto) -> _Rule:
        """Decide by the first sample what says who is in a picture."""
        keys = [key for key, value in first.facts.items() if _as_name(value)]
        texts = [ending for ending in first.parts if ending in _TEXTS]
        is_own, name = own_record(first.facts) is not None and "identity" in keys, self.identity_from
        if name == BY_DEFAULT:
            usual = [key for key in keys if key.lower() in _KEYS] + texts
            if "identity" in keys:
                usual = ["identity"]
            if len(usual) > 1:
                raise UsageError(
                    f"what says who is in the photos of {self.root}: {' or '.join(usual)}? Choose with "
                    "--identity-from"
                )
            if not usual:
                return _Rule(
                    "", "it lies in no person's folder, and nothing beside it says who it is", is_own
                )
            name = usual[0]
        elif name not in keys and (name not in first.parts or name == first.ending):
            said = ", ".join([*keys, *texts]) or "nothing"
            raise UsageError(
                f"--identity-from {name}: the first sample of {self.root} has no such key or file; it has "
                f"{said}"
            )
        return _Rule(name, f"its {name} says nobody", is_own)


class _Rule(NamedTuple):
    """What says who is in a picture: a key of the JSON, or a file's ending; empty for the folder."""

    name: str
    reason: str
    is_own: bool

    def identity(self, found: SamplePhoto, texts: TarTexts) -> str | None:
        """Return who is in a picture; None if that is not said."""
        if not self.name:
            return found.key.rpartition("/")[0].rpartition("/")[2] or None
        if self.name in found.facts:
            return _as_name(found.facts[self.name])
        part = found.parts.get(self.name)
        return texts.text(part) or None if part is not None else None

    def add(self, plan: PlanBuilder, photo: str, shard: Shard, found: SamplePhoto, texts: TarTexts) -> None:
        """Add a photo to a plan."""
        identity, picture = self.identity(found, texts), found.parts[found.ending]
        split, role = shard.split, None
        if self.is_own:
            split = found.facts.get("split", split)
            role = "reference" if found.facts.get("role") == "reference" else None
        plan.add(
            photo, size=picture.size, mtime_ns=shard.mtime_ns, identity=identity, role=role,
            official_split=split if isinstance(split, str) else None,
            **early_status("photo", identity, self.reason),
        )  # fmt: skip


def _as_name(value: Any) -> str | None:
    """Return a value of JSON as a person's name; None if it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


WEBDATASET = SourceKind(TarSource.open, typed_paths(".tar"))
