"""``facemodel forget``: take people out of a gallery; everybody else in it stays as they are."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facedata.errors import UsageError
from facedata.files.atomic import atomic_file
from facedata.options import nearest, resolve_options
from facedata.tables.names import clean_name, show_name

from ..config import ForgetConfig
from .escaped_names import escape_name
from .gallery import KEY, Gallery, read_gallery
from .gallery_threshold import GIVEN


@dataclass(frozen=True)
class ForgottenPeople:
    """Who was taken out of a gallery, or with ``dry_run`` would be.

    Attributes:
        gallery: the file.
        people: their names, as the gallery had them.
        photos: how many of their photos it listed, used or left out.
        stay: how many people stay.
        dry_run: nothing was changed.
        notes: what the user should know, a sentence each.
    """

    gallery: str
    people: tuple[str, ...]
    photos: int
    stay: int
    dry_run: bool
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


def forget_person(
    gallery: str | os.PathLike[str],
    people: str | Sequence[str],
    config: ForgetConfig | None = None,
    **changes: Any,
) -> ForgottenPeople:
    """Take people out of a gallery: embeddings, the names of their photos, and photos that were left out.

    The file is replaced at once or not at all. The rows of all others, the model and the threshold stay.

    Args:
        gallery: the file that :func:`facemodel.enroll` wrote.
        people: a name, or several.
        config: the options; ``changes`` win over it.
        **changes: single options by name.

    Raises:
        UsageError: somebody is not in it (the nearest name is suggested), or nobody would be left. Nothing is
            changed.
        GalleryError: it is no gallery, or cannot be read.
        StoreError: it cannot be written.
    """
    config = resolve_options(ForgetConfig, config, changes)
    file = Path(gallery).resolve()  # a link would be replaced, and what it leads to would stay
    before = read_gallery(file)
    gone = _choose_names(before, [people] if isinstance(people, str) else people, gallery)
    stay = [name for name in before.names if name not in gone]
    if not stay:
        raise UsageError(
            f"nobody else is in {gallery}, and a gallery names at least one person: delete the file instead"
        )
    photos = sum(len(some) for name, some in zip(before.names, before.photos, strict=True) if name in gone)
    photos += sum(one.identity in gone for one in before.left_out)
    notes = _find_notes(before, len(stay), file)
    if not config.dry_run:
        _write_without(file, gone)
    return ForgottenPeople(str(gallery), tuple(sorted(gone)), photos, len(stay), config.dry_run, tuple(notes))


def forgotten_lines(done: ForgottenPeople) -> list[str]:
    """Return what ``facemodel forget`` prints."""
    names = ", ".join(map(escape_name, done.people))
    count = f"{done.photos:,} photo{'' if done.photos == 1 else 's'}"
    word = "to forget" if done.dry_run else "forgotten"
    stay = f"{done.stay:,} {'person' if done.stay == 1 else 'people'}"
    lines = [f"{word:<10} {names} ({count})", f"stay       {stay}, as they were"]
    lines += [f"note       {note}" for note in done.notes]
    return [*lines, f"gallery    {escape_name(done.gallery)}{' (not changed)' if done.dry_run else ''}"]


def _choose_names(before: Gallery, people: Sequence[str], gallery: object) -> set[str]:
    """Return the names that are meant, as the gallery has them.

    Raises:
        UsageError: it does not have one of them.
    """
    known = {*before.names, *(one.identity for one in before.left_out if one.identity is not None)}
    found, wrong = set[str](), []
    for text in people:
        alike = {text} & known or {name for name in known if clean_name(name) == clean_name(text)}
        if len(alike) == 1:
            found |= alike
        elif alike:
            some = " or ".join(map(show_name, sorted(alike)))
            wrong.append(f"{show_name(text)} may be {some}: write it letter by letter")
        else:
            wrong.append(f"there is nobody called {show_name(text)}{nearest(text, known)}")
    if wrong or not people:
        lines = "".join(f"\n  {line}" for line in wrong) or " name somebody"
        raise UsageError(f"nobody was taken out of {gallery}:{lines}")
    return found


def _find_notes(before: Gallery, stay: int, file: Path) -> list[str]:
    notes = []
    if before.threshold is not None and before.basis != GIVEN and stay < len(before):
        notes.append(
            f"the threshold stays {before.threshold:.4g}, chosen for {len(before):,} people; among {stay:,} "
            "it lets in fewer strangers (`facemodel enroll` chooses it anew)"
        )
    notes.append("pictures and tables that `facemodel identify` wrote may name them: delete these yourself")
    notes.append("a copy that `facemodel enroll --npz` wrote still has them: enroll again, or delete it")
    notes.append(f"if the model {before.model[:12]} was trained with them, it still is: train it again")
    if (links := file.stat().st_nlink) > 1:
        notes.append(f"the file has {links:,} names (hard links), and under the others it stays as it was")
    return notes


def _write_without(file: Path, gone: set[str]) -> None:
    """Write a gallery again without some people; columns and metadata of other programs stay.

    Raises:
        StoreError: it cannot be written.
    """
    with file.open("rb") as stream:
        table = pq.read_table(stream)
    keep = pc.invert(pc.is_in(table.column("identity"), pa.array(sorted(gone), pa.string())))
    metadata = dict(table.schema.metadata)
    about = json.loads(metadata[KEY])
    about["left_out"] = [one for one in about["left_out"] if one["identity"] not in gone]
    metadata[KEY] = json.dumps(about).encode()
    with atomic_file(file) as stream:
        rows = table.filter(keep).combine_chunks().replace_schema_metadata(metadata)
        pq.write_table(rows, stream, compression="zstd")
