"""What single files and folders say of people they were made with: runs, models, galleries, tables, exports.

They say it as docs/models.md and docs/formats.md describe; nothing of them is changed.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..interchange.export_note import EXPORT_NOTE
from ..photos.paths import photo_text
from ..plan.crop_names import safe_name
from ..sets.prepared import PreparedSet, short
from ..tables.names import clean_name, escape_unseen
from ..tables.schema import DATASET

_MOST_JSON_BYTES = 64 << 20
_NAME_COLUMNS = (
    "identity", "source_identity", "left_identity", "right_identity", "to_identity", "anchor_identity",
    "candidate_identity",
)  # fmt: skip
_PATH_COLUMNS = ("path", "left_path", "right_path", "anchor_path", "positive_path", "negative_path")


@dataclass(frozen=True)
class MadeWith:
    """Something that was made with people who are forgotten, or may have been.

    Attributes:
        kind: ``run``, ``model``, ``gallery``, ``embeddings``, ``scores``, ``table``, ``export`` or ``set``.
        path: the file or folder.
        is_sure: it names one of them; otherwise it was made from the set while they were in it.
        why: how that is known, in words.
        remedy: what to do about it, in words.
    """

    kind: str
    path: str
    is_sure: bool
    why: str
    remedy: str


@dataclass(frozen=True)
class Asked:
    """What is asked of each file: the set and the people."""

    prepared: PreparedSet
    fingerprints: frozenset[str]
    names: tuple[str, ...]

    def names_one(self, values: Iterable[object]) -> bool:
        """Return whether a name is one of the people's."""
        wanted = {clean_name(name) for name in self.names}
        return any(isinstance(one, str) and clean_name(one) in wanted for one in values)

    def is_ours(self, fingerprint: object) -> bool:
        """Return whether this is a fingerprint of the set while the people were in it."""
        return isinstance(fingerprint, str) and fingerprint in self.fingerprints


def look_at(path: Path, asked: Asked) -> MadeWith | None:
    """Return what a file or folder has to do with the people; None if nothing that it says."""
    try:
        if path.is_dir():
            for name, look in _FOLDERS.items():
                if (path / name).is_file():
                    return look(path, asked)
        elif path.suffix == ".parquet":
            return look_at_table(path, asked)
        elif path.suffix == ".json":
            return look_at_model(path, asked)
        elif path.suffix == ".npz":
            return look_at_arrays(path, asked)
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        BadZipFile,
        pa.ArrowException,
    ):
        return None  # not what its name promises, so it says nothing
    return None


def quote_words(*words: object) -> str:
    """Return words as a shell takes them, with escapes for what cannot be seen.

    >>> print(quote_words("facedata", "forget", "Zoë O'Neil"))
    facedata forget 'Zoë O'"'"'Neil'
    """
    return escape_unseen(shlex.join(map(str, words)))


def look_at_run(path: Path, asked: Asked) -> MadeWith | None:
    """Return what a run has to do with the people."""
    spec = _read_json(path / "spec.json")
    remedy = "train again on the set as it is now, then delete this run and what was exported from it"
    if _has_names(path / "people.parquet", asked):
        return _made("run", path, True, "it was trained or validated with them", remedy)
    if _has_paths(path / "validation.parquet", asked):
        return _made("run", path, True, "its validation pairs show them", remedy)
    if _has_names(path / "doubted.parquet", asked):
        return _made("run", path, True, "it names them among the photos whose label was in doubt", remedy)
    settings = path / "state" / "settings.json"
    origin = _read_json(settings).get("set_path") if settings.is_file() else None
    here = isinstance(origin, str) and Path(origin).absolute() == asked.prepared.path
    if asked.is_ours(spec.get("set_fingerprint")) or (here and not (path / "people.parquet").is_file()):
        return _made("run", path, False, f"it is of this set ({_mark(spec)}) and does not name them", remedy)
    return None


def look_at_scores(path: Path, asked: Asked) -> MadeWith | None:
    """Return what scores of a model have to do with the people."""
    remedy = "evaluate again on the set as it is now, and delete this"
    if _has_names(path / "scores.parquet", asked):
        return _made("scores", path, True, "its pairs show them", remedy)
    if asked.is_ours(_read_json(path / "scores.json").get("set")):
        return _made("scores", path, False, "it was scored on this set while they were in it", remedy)
    return None


def look_at_compared(path: Path, asked: Asked) -> MadeWith | None:
    """Return what a comparison of runs has to do with the people: it shows pairs that they differ on."""
    pairs = _read_json(path / "compare.json").get("disagreements") or ()
    if asked.names_one(one.get(f"{side}_identity") for one in pairs for side in ("left", "right")):
        remedy = "compare again on the set as it is now, and delete this"
        return _made("scores", path, True, "it shows pairs of them", remedy)
    return None


def look_at_set(path: Path, asked: Asked) -> MadeWith | None:
    """Return whether another set has the people."""
    if _has_names(path / "photos.parquet", asked):
        remedy = f"`facedata forget {quote_words(path, *asked.names)}`"
        return _made("set", path, True, "it has photos of somebody of that name", remedy)
    return None


def look_at_export(path: Path, asked: Asked) -> MadeWith | None:
    """Return what an export has to do with the people."""
    note = _read_json(path / EXPORT_NOTE)
    if asked.is_ours(note.get("fingerprint")) or _export_names(path, note, asked):
        return tell_export(path, str(note.get("format")), asked)
    return None


def tell_export(path: Path, form: str, asked: Asked) -> MadeWith | None:
    """Return what is known of an export of the set; None if it was made when they were not in it."""
    remedy = (
        f"make another (`facedata export {quote_words(asked.prepared)} --to {form}`), and delete this one "
        "and its copies"
    )
    try:
        note = _read_json(path / EXPORT_NOTE)
    except (OSError, ValueError):
        why = "it was exported to there from this set, and is there no more"
        return _made("export", path, False, why, "delete it wherever it is now, and its copies")
    if _export_names(path, note, asked):
        return _made("export", path, True, "it has somebody of that name", remedy)
    if note.get("fingerprint") == asked.prepared.fingerprint and not asked.is_ours(note["fingerprint"]):
        return None
    return _made(
        "export", path, False, "it was made from this set while they were in it, and may have them", remedy
    )


def _export_names(path: Path, note: dict[str, Any], asked: Asked) -> bool:
    """Return whether an export's note, or the name of one of its folders, names one of the people."""
    people = note.get("people") or {}
    folders = {safe_name(name, name) for name in asked.names}
    splits = [path, *(path / split for split in note.get("splits") or {})]
    return asked.names_one({*people, *people.values()}) or any(
        (place / folder).is_dir() for place in splits for folder in folders
    )


def look_at_table(path: Path, asked: Asked) -> MadeWith | None:
    """Return what a gallery, embeddings or rows of a set have to do with the people."""
    with path.open("rb") as stream:
        footer = pq.read_metadata(stream)
    raw = footer.metadata or {}
    gallery = json.loads(raw[b"facemodel"]) if b"facemodel" in raw else {}
    if gallery.get("kind") == "gallery":
        left_out = {one.get("identity") for one in gallery.get("left_out", ())}
        if _has_names(path, asked) or asked.names_one(left_out):
            remedy = f"`facemodel forget {quote_words(path, *asked.names)}`"
            return _made("gallery", path, True, "it can name them", remedy)
        return None
    kind, fingerprint = (raw.get(key, b"").decode() for key in (b"facedata.kind", b"facedata.fingerprint"))
    known = "embeddings" if kind == "embeddings" else "table"
    remedy = "delete it, and make it again from the set as it is now"
    if _has_paths(path, asked):
        return _made(known, path, True, "it has rows of their crops", remedy)
    if kind and _has_names(path, asked):
        return _made(known, path, True, "it names them", remedy)
    if kind and asked.is_ours(fingerprint):
        return _made(
            known, path, False, "it is of this set while they were in it, so it fits the set no more", remedy
        )
    return None


def look_at_arrays(path: Path, asked: Asked) -> MadeWith | None:
    """Return whether a gallery's arrays name the people."""
    with path.open("rb") as stream, np.load(stream) as arrays:
        if not asked.names_one(arrays["names"].tolist()):
            return None
    remedy = "delete it, or enroll again with --npz"
    return _made("gallery", path, True, "it can name them", remedy)


def look_at_model(path: Path, asked: Asked) -> MadeWith | None:
    """Return what an exported model has to do with the people, by the JSON beside it."""
    files = [path.with_suffix(suffix) for suffix in (".onnx", ".tflite", ".pt", ".torchscript", ".pt2")]
    if not any(file.is_file() for file in files):
        return None
    spec = _read_json(path)
    remedy = "train and export again, and replace it wherever it is in use"
    if asked.names_one(spec.get("classes") or ()):
        return _made("model", path, True, "it can name them", remedy)
    if asked.is_ours(spec.get("set_fingerprint")):
        return _made("model", path, False, f"its network was trained on this set ({_mark(spec)})", remedy)
    return None


_FOLDERS: dict[str, Callable[[Path, Asked], MadeWith | None]] = {
    "spec.json": look_at_run,
    "scores.json": look_at_scores,
    "compare.json": look_at_compared,
    EXPORT_NOTE: look_at_export,
    DATASET: look_at_set,
}
"""A file by which a folder is known → what looks at it."""

WHOLE = tuple(_FOLDERS)
"""Files by which a folder is known as one thing."""


def _has_names(path: Path, asked: Asked) -> bool:
    return path.is_file() and any(
        asked.names_one(pc.unique(column).to_pylist()) for column in _read_columns(path, _NAME_COLUMNS)
    )


def _has_paths(path: Path, asked: Asked) -> bool:
    """Return whether a table has crops' paths in the folder of one of the people."""
    folders = [f"{safe_name(name, name)}/" for name in asked.names]
    return path.is_file() and any(
        pc.any(pc.starts_with(pc.unique(column).cast(pa.string()), folder)).as_py()
        for column in _read_columns(path, _PATH_COLUMNS)
        for folder in folders
    )


def _read_columns(path: Path, names: Collection[str]) -> Iterator[pa.Array]:
    """Yield those columns of a table that it has of some, in pieces."""
    with path.open("rb") as stream:
        parquet = pq.ParquetFile(stream, pre_buffer=False)
        here = [name for name in names if name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(65_536, columns=here) if here else ():
            yield from batch.columns


def _read_json(path: Path) -> dict[str, Any]:
    """Return an object of JSON.

    Raises:
        ValueError: it is something else, or far too large.
    """
    if path.stat().st_size > _MOST_JSON_BYTES:
        raise ValueError(f"{path} is too large")
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict):
        raise ValueError(f"{path} is no object")
    return values


def _mark(spec: dict[str, Any]) -> str:
    return short(spec.get("set_fingerprint"))


def _made(kind: str, path: Path, is_sure: bool, why: str, remedy: str) -> MadeWith:
    return MadeWith(kind, photo_text(str(path)), is_sure, why, remedy)
