"""One file's bytes, and all that lies in them: archives, tables, pictures in pages, to a stated depth."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .database import MAGIC, read_sqlite
from .finds import Finds, Tally
from .members import Member, inflate, lister_of, unpacked
from .name_rules import NameKind, Surroundings, kind_of_name
from .parts import IN_MEMORY_BYTES, Blob, NotSearchedError
from .patterns import EMBEDDING, FORGOTTEN, NAME, Needles, Patterns
from .spellings import unescape_text
from .texts import as_text, drop_code, find_base64, find_cells
from .values import Column, join_values, reader_of
from .vectors import EmbeddingSearch

MOST_DEPTH = 8
"""Archives within archives that are opened."""

_CHUNK_BYTES, _OVERLAP_BYTES = 32 << 20, 1 << 16
_HEAD_BYTES = 600
_GAP = b"\xff\0\n"
"""Between bytes that do not lie beside each other and are searched together."""
_CLOSED = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF, whose pages are compressed",
    b"\x89HDF": "an HDF5 file, whose data may be compressed",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
}
"""The first bytes of files that are not opened here → what they are."""


class BlobSearch:
    """Searches bytes for some needles, and notes what it finds.

    Args:
        needles: what is looked for.
        finds: what is found.
    """

    def __init__(self, needles: Needles, finds: Finds) -> None:
        self.patterns, self.finds = Patterns(needles), finds
        self._vectors = EmbeddingSearch(needles.embeddings)
        self._numbers = {name for name in needles.names if kind_of_name(name) is NameKind.NUMBER}

    def search_name(self, file: str, inside: str, *texts: str) -> set[str]:
        """Note what is in a file's path, or in what an archive says of a member; return the kinds."""
        kinds = set()
        for text in filter(None, texts):
            data = text.encode("utf-8", "surrogateescape")
            kinds |= {hit.kind for hit in self.patterns.find(data, Surroundings.VALUE)}
            kinds |= self.patterns.forgotten_of(text)
        for kind in sorted(kinds):
            self.finds.add(file, inside, kind)
        return kinds

    def search(self, file: str, blob: Blob) -> None:
        """Search all bytes of a file or of a part of one."""
        if blob.depth > MOST_DEPTH:
            self.finds.skip(file, f"{blob.inside}: more than {MOST_DEPTH} archives within each other")
            return
        head, tally = blob.read(0, _HEAD_BYTES), Tally()
        closed = next((what for start, what in _CLOSED.items() if head.startswith(start)), None)
        if closed is not None:
            self._skip(file, blob, f"it is {closed}: unpack it and search that")
        listed = lister_of(head)
        if listed is not None:
            self._search_archive(file, blob, listed, tally)
        else:
            where = self._search_inside(file, blob, head, tally)
            self._search_bytes(file, blob, tally, where)
        tally.tell(self.finds, file, blob.inside)

    def _search_archive(
        self, file: str, blob: Blob, listed: Callable[[Blob], Iterator[Member]], tally: Tally
    ) -> None:
        """Search an archive's members, then the bytes between them."""
        spans, told = list[tuple[int, int]](), set[str]()
        try:
            for member in listed(blob):
                where = f"{blob.inside} › " if blob.inside else ""
                inside = f"{where}name of the member at byte {member.span[0]:,}"
                told |= self.search_name(file, inside, member.name, *member.texts)
                spans.append(member.span)
                if member.why_not:
                    self._skip(file, blob, f"member {member.name}: {member.why_not}")
                elif member.blob is not None:
                    self.search(file, member.blob)
        except NotSearchedError as error:
            self._skip(file, blob, str(error))
        self._search_between(blob, sorted(spans), told, tally)

    def _search_between(self, blob: Blob, spans: list[tuple[int, int]], told: set[str], tally: Tally) -> None:
        """Search an archive's bytes outside its members; what a member's name had is not told again."""
        pieces, places, size, before = list[bytes](), list[tuple[int, int]](), 0, 0
        for start, end in [*spans, (blob.size, blob.size), (blob.size, -1)]:
            while before < start and (piece := blob.read(before, min(_CHUNK_BYTES, start - before))):
                places.append((size, before))
                pieces += [piece, _GAP]
                size, before = size + len(piece) + len(_GAP), before + len(piece)
            if size >= _CHUNK_BYTES or end < 0:
                for hit in self.patterns.find(b"".join(pieces), Surroundings.BYTES):
                    if hit.kind not in told:
                        first, at = places[bisect_right(places, (hit.at, blob.size)) - 1]
                        tally.add("", hit.kind, "byte", at + hit.at - first)
                pieces, places, size = [], [], 0
            before = max(before, end)

    def _search_inside(self, file: str, blob: Blob, head: bytes, tally: Tally) -> Surroundings:
        """Search what a compressed file or a table holds; return how its own bytes are to be taken."""
        is_database = head.startswith(MAGIC)
        read = read_sqlite if is_database else reader_of(head)
        try:
            if read is not None:
                for piece in read(blob, self._vectors.lengths):
                    if isinstance(piece, Column):
                        self._search_column(file, blob, piece, tally)
                    else:
                        self._search_text(file, blob, piece.text, tally, piece.place)
                return Surroundings.BYTES if is_database else Surroundings.DECODED  # rows that are deleted
            with unpacked(blob, head) as inner:
                if inner is not None:
                    self.search(file, inner)
            is_zlib = head[:1] == b"x" and not int.from_bytes(head[:2], "big") % 31
            if blob.depth and is_zlib and blob.size <= IN_MEMORY_BYTES:
                text = inflate(blob.read(0, blob.size), blob.allowance)
                if text is not None:
                    self.search(file, blob.child(io.BytesIO(text), len(text), "", "unpacked"))
        except NotSearchedError as error:
            self._skip(file, blob, str(error))
        return Surroundings.BYTES

    def _search_bytes(self, file: str, blob: Blob, tally: Tally, where: Surroundings) -> None:
        """Search a file's bytes as they are, and compare the SHA-256 of all of them."""
        digest, at, header = hashlib.sha256(), 0, list[str]()
        overlap = min(_OVERLAP_BYTES, max(self.patterns.search.longest * 2, 4096))
        known = tally.kinds if where is Surroundings.DECODED else set[str]()
        while True:
            data = blob.read(at, _CHUNK_BYTES)
            is_last = at + len(data) >= blob.size or len(data) < _CHUNK_BYTES
            fresh = 0 if at == 0 else overlap
            digest.update(memoryview(data)[fresh:])
            text = (
                None
                if where is Surroundings.DECODED
                else as_text(data, is_unpacked=blob.depth > 0 and not blob.name)
            )
            if text is not None:
                self._search_text(file, blob, text, tally, "", at, 0 if is_last else overlap)
                if self._numbers and blob.name.lower().endswith((".csv", ".tsv")):
                    header, cells = find_cells(text, self._numbers, header)
                    for name, line in cells:
                        tally.add(f"column {name}", NAME, "line", line)
            else:
                for hit in self.patterns.find(data, where):
                    if hit.kind not in known and (is_last or hit.at < len(data) - overlap):
                        tally.add("", hit.kind, "byte", at + hit.at)
            if is_last:
                break
            at += len(data) - overlap
        if blob.size and at + len(data) < blob.size:
            self._skip(file, blob, f"it ends at byte {at + len(data):,} of {blob.size:,}")
        if kind := self.patterns.digests.get(digest.digest()):
            tally.drop("", kind)  # a piece of it
            tally.add("all of it", kind, "", 0)
        for kind in ("photos", "crops"):
            if self.patterns.needles.tombstones.has(kind, digest.hexdigest()):
                tally.add("all of it", FORGOTTEN[kind], "", 0)

    def _search_text(
        self, file: str, blob: Blob, data: bytes, tally: Tally, place: str, at: int = 0, overlap: int = 0
    ) -> None:
        """Search a text as it is, then what its escapes stand for, and what it holds in base64."""
        found = [*drop_code(data, self.patterns.find(data, Surroundings.TEXT))]
        for hit in (*found, *self.patterns.find_forgotten(data)):
            if hit.at < len(data) - overlap or not overlap:
                tally.add(place, hit.kind, "" if place else "byte", at + hit.at)
        text = data.decode("utf-8", "replace")
        plain = unescape_text(text)
        if plain != text:
            kinds = {hit.kind for hit in found}
            unescaped = plain.encode("utf-8", "surrogatepass")
            for hit in drop_code(unescaped, self.patterns.find(unescaped, Surroundings.TEXT)):
                if hit.kind not in kinds:
                    tally.add(", ".join(filter(None, (place, "escaped"))), hit.kind, "", 0)
        for offset in self._vectors.find_in_text(text):
            tally.add(place, EMBEDDING, "letter", at + offset)
        source = plain.encode("utf-8", "surrogatepass") if b"\\/" in data else data
        for start, run in find_base64(source):
            if overlap and start + len(run) == len(source):
                self._skip(
                    file, blob, f"the base64 at byte {at + start:,} is longer than is looked at together"
                )
            with contextlib.suppress(ValueError):
                letters = run.translate(None, b"\r\n=")
                inner = base64.b64decode(letters + b"=" * (-len(letters) % 4))
                inside = ", ".join(filter(None, (place, f"base64 at byte {at + start:,}")))
                self.search(file, blob.child(io.BytesIO(inner), len(inner), "", inside))

    def _search_column(self, file: str, blob: Blob, column: Column, tally: Tally) -> None:
        if isinstance(column.values, np.ndarray):
            for row in self._vectors.find_rows(column.values):
                tally.add(column.place, EMBEDDING, "row", column.first_row + row)
            return
        values = column.values
        is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
        ends, data = join_values(values)
        found: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        for at, one in self.patterns.search.find(data) if is_text else ():
            row = bisect_right(ends, at) - 1
            if at + len(one) <= ends[row + 1]:
                found[row].append((at - int(ends[row]), one))
        if is_text:
            for short in self.patterns.short:
                with contextlib.suppress(UnicodeDecodeError):
                    has = pc.fill_null(pc.match_substring(values, short.decode()), False)
                    for row in np.flatnonzero(has.to_numpy(zero_copy_only=False)).tolist():
                        found[row] += self.patterns.find_short(data[int(ends[row]) : int(ends[row + 1])])
            if self.patterns.needles.tombstones:
                for one in pc.unique(values).drop_null().to_pylist():
                    for hit in self.patterns.find_forgotten(one.encode("utf-8", "surrogatepass")):
                        tally.add(column.place, hit.kind, "", 0)
        for row, some in sorted(found.items()):
            value = data[int(ends[row]) : int(ends[row + 1])]
            for kind in sorted({hit.kind for hit in self.patterns.judge(some, value, Surroundings.VALUE)}):
                tally.add(column.place, kind, "row", column.first_row + row)
        for row in range(0 if is_text else len(ends) - 1):  # each a file of its own
            if value := data[int(ends[row]) : int(ends[row + 1])]:
                inside = f"{column.place}, row {column.first_row + row:,}"
                self.search(file, blob.child(io.BytesIO(value), len(value), "", inside))

    def _skip(self, file: str, blob: Blob, why: str) -> None:
        self.finds.skip(file, f"{blob.inside}: {why}" if blob.inside else why)
