"""Who and what was removed from a set at a person's request: salted hashes, and the ids that stay unused.

``forgotten.json`` lies beside a set's tables, so that no later run brings anybody back. It holds no name,
path or digest, only SHA-256 of the file's own salt, the name of the list that the hash is in, a zero byte and
the text. Whoever has the file can still test a guess: it keeps a name from being read, not from being tried.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from ast import literal_eval
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..errors import SetError
from ..files.remote import Location
from ..types import Int64Array
from .names import clean_name

FORGOTTEN_FILE = "forgotten.json"
"""The file's name in a set's folder."""

FORGOTTEN_FOLDER = "forgotten"
"""What the record of a forgotten photo begins with; its hash follows."""

FORGOTTEN_REASON = "removed at a person's request"
"""The ledger's reason for such a row."""

_KIND, _VERSION = "facedata forgotten", 1
_HASH = re.compile("[0-9a-f]{64}")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_MOST_WORDS = 6
"""The most words of a name that is looked for in a text."""


@dataclass(frozen=True)
class Tombstones:
    """What is known of those who were forgotten. Falsy where nobody was.

    Attributes:
        salt: 64 hex digits; empty where nobody was forgotten.
        people: hashes of people's names.
        records: of the records of their photos.
        photos: of the SHA-256 (lower-case hex) of these photos' bytes.
        crops: of the SHA-256 of their crops.
        ids: that those crops had, ascending; no other crop gets one of them.
    """

    salt: str = ""
    people: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()
    photos: frozenset[str] = frozenset()
    crops: frozenset[str] = frozenset()
    ids: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.salt)

    def hash(self, kind: str, text: str) -> str:
        """Return the salted hash of a text; ``kind`` is the attribute that such hashes are in."""
        text_bytes = text.encode("utf-8", "surrogateescape")
        return hashlib.sha256(bytes.fromhex(self.salt) + kind.encode() + b"\0" + text_bytes).hexdigest()

    def has(self, kind: str, text: str) -> bool:
        """Return whether a text is among the forgotten ones of this kind."""
        known: frozenset[str] = getattr(self, kind)
        return bool(known) and self.hash(kind, text) in known

    def has_person(self, name: str, merge: bool = True) -> bool:
        """Return whether a person was forgotten; with ``merge`` also under a name that looks the same."""
        return self.has("people", name) or (merge and self.has("people", clean_name(name)))

    def has_path(self, path: str) -> bool:
        """Return whether a record was forgotten, or lies in a folder that is called as a forgotten person."""
        folders = path.split("/")[:-1]
        above = ("/".join(folders[: end + 1]) for end in range(1, len(folders)))
        return self.has("records", path) or any(map(self.has_person, (*folders, *above)))

    def mentions(self, text: str) -> bool:
        """Return whether a text, such as a note, names a forgotten person or photo, as far as can be told.

        Tried are what stands in quotes, paths and their parts, and up to six words in a row.
        """
        return any(self.has_person(one) or self.has_path(one) for one in _names_in(text))

    def record_name(self, record: str) -> str:
        """Return what the ledger calls a forgotten record."""
        return f"{FORGOTTEN_FOLDER}/{self.hash('records', record)}"

    def number(self, start: int, stop: int) -> Int64Array:
        """Return the ids of a set's crops from the ``start``-th to before the ``stop``-th, as int64.

        >>> Tombstones("00", ids=(0, 3)).number(0, 4).tolist()
        [1, 2, 4, 5]
        """
        at = np.arange(start, stop)
        if not self.ids:
            return at
        holes = np.array(self.ids, np.int64)
        return np.asarray(at + np.searchsorted(holes - np.arange(len(holes)), at, side="right"))

    def include(self, other: Tombstones) -> bool:
        """Return whether everybody of others is known to be here too; never if they have another salt."""
        if not other:
            return True
        lists = ("people", "records", "photos", "crops", "ids")
        return self.salt == other.salt and all(
            set(getattr(other, name)) <= set(getattr(self, name)) for name in lists
        )

    def bury(
        self,
        *,
        people: Iterable[str] = (),
        records: Iterable[str] = (),
        photos: Iterable[str] = (),
        crops: Iterable[str] = (),
        ids: Iterable[int] = (),
    ) -> Tombstones:
        """Return these with more; arguments are names, paths, digests and ids in the clear."""
        one = self if self else replace(self, salt=secrets.token_hex(32))
        texts = {"people": people, "records": records, "photos": photos, "crops": crops}
        hashes = {
            kind: getattr(one, kind) | {one.hash(kind, text) for text in some} for kind, some in texts.items()
        }
        return replace(one, **hashes, ids=tuple(sorted({*one.ids, *ids})))

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        lists = {field.name: sorted(getattr(self, field.name)) for field in fields(self)[1:]}
        values = {"kind": _KIND, "version": _VERSION, "salt": self.salt, **lists}
        return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()


def read_tombstones(folder: Location) -> Tombstones:
    """Read the tombstones of a set in a folder or at a URL; none if it has no such file.

    Raises:
        SetError: the file is damaged, or of a later version: ignoring it would bring people back.
    """
    file = folder / FORGOTTEN_FILE
    try:
        return _understand(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return Tombstones()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SetError(
            f"{file} is damaged or of a later version ({error}), and without it people who were forgotten "
            "would come back: restore it from a copy, or install a newer facedata"
        ) from error


def _understand(values: dict[str, Any]) -> Tombstones:
    """Return what a file says; ValueError, TypeError or KeyError if it cannot be right."""
    if values["kind"] != _KIND or values["version"] != _VERSION:
        raise ValueError(f"it is {values['kind']!r}, version {values['version']!r}")
    hashes = {}
    for kind in ("people", "records", "photos", "crops"):
        hashes[kind] = frozenset(values[kind])
        if not isinstance(values[kind], list) or not all(map(_HASH.fullmatch, values[kind])):
            raise ValueError(f"{kind} is no list of hashes")
    ids = values["ids"]
    if not isinstance(ids, list) or any(type(one) is not int or one < 0 for one in ids):
        raise ValueError("ids is no list of ids")
    if not _HASH.fullmatch(values["salt"]):
        raise ValueError("its salt does not have 64 hex digits")
    return Tombstones(values["salt"], **hashes, ids=tuple(sorted(set(ids))))


def _names_in(text: str) -> Iterator[str]:
    """Yield what in a text may be a person's name or a photo's path."""
    for match in _QUOTED.finditer(text):
        yield match[0][1:-1]
        try:
            yield str(literal_eval(match[0]))  # names are shown with escapes for what cannot be seen
        except (ValueError, SyntaxError):
            continue
    words = text.split()
    bare = [word.strip("'\"()[]{}<>,;:!?.…") for word in words]
    for plain in (words, bare):
        for start in range(len(plain)):
            for stop in range(start + 1, min(start + _MOST_WORDS, len(plain)) + 1):
                yield " ".join(plain[start:stop])
    for word in bare:
        if "/" in word:
            yield from word.split("/")
