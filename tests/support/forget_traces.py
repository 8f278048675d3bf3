"""A search for what is left of people in a set's folder, by other means than the package's own."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass
class Sought:
    """What must not be found.

    Attributes:
        names: people's names, which count as a whole value, a part of a path, or a word of a text.
        paths: records, and keys of crops.
        digests: SHA-256 of photos and crops, in hex.
        crops: bytes of crops.
    """

    names: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    crops: set[bytes] = field(default_factory=set)

    def in_text(self, text: str) -> str:
        """Return what of it a text holds; empty for nothing."""
        for form in {text, html.unescape(text)}:
            for path in self.paths | self.digests:
                if re.search(rf"(?<![\w/-]){re.escape(path)}(?!\w)", form):
                    return path
            for name in self.names:
                if form == name or name in form.split("/"):
                    return name
                if len(name) > 2 and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", form):
                    return name
        return ""

    def in_bytes(self, data: bytes) -> str:
        """Return what of it bytes hold, whatever they are."""
        if any(crop in data for crop in self.crops):
            return "a crop"
        for digest in self.digests:
            if digest.encode() in data or bytes.fromhex(digest) in data:
                return digest
        for path in self.paths:
            if len(path) > 7 and re.search(rb"(?<![\w/-])" + re.escape(path.encode()) + rb"(?!\w)", data):
                return path
        return ""


def find_traces(folder: Path, sought: Sought) -> list[str]:
    """Return where in a folder something of it is: file, place and what."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if what := sought.in_text(name):
            found.append(f"{name}: its own name: {what}")
        if path.is_file():
            data = path.read_bytes()
            found += [f"{name}: {place}: {what}" for place, what in _in_file(name, data, sought) if what]
    return found


def _in_file(name: str, data: bytes, sought: Sought) -> Iterator[tuple[str, str]]:
    yield "bytes", sought.in_bytes(data)
    if name.endswith(".parquet"):
        yield from _in_parquet(data, sought)
    elif name.endswith(".arrow"):
        for row in pa.ipc.open_file(io.BytesIO(data)).read_all().to_pylist():
            yield "row", next(filter(None, map(sought.in_text, _texts(row))), "")
    elif name.endswith(".tar"):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                content = tar.extractfile(member)
                assert content is not None
                yield from _in_file(member.name, content.read(), sought)
    elif name.endswith((".json", ".jsonl")):
        for line in data.decode().splitlines() if name.endswith(".jsonl") else [data.decode()]:
            yield "json", next(filter(None, map(sought.in_text, _texts(json.loads(line)))), "")
    elif name.endswith((".csv", ".html", ".txt")):
        yield "text", sought.in_text(data.decode("utf-8-sig"))
        for packed in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", data):
            yield "packed", _in_packed(packed, sought)


def _in_packed(packed: bytes, sought: Sought) -> str:
    try:
        raw = base64.b64decode(packed + b"=" * (-len(packed) % 4))
    except ValueError:
        return ""
    if hashlib.sha256(raw).hexdigest() in sought.digests or raw in sought.crops:
        return "a crop"
    for bits in (15, -15, 31):
        try:
            return sought.in_text(zlib.decompress(raw, bits).decode("utf-8", "replace"))
        except zlib.error:
            continue
    return ""


def _in_parquet(data: bytes, sought: Sought) -> Iterator[tuple[str, str]]:
    parquet = pq.ParquetFile(io.BytesIO(data))
    for key, value in (parquet.metadata.metadata or {}).items():
        if key != b"ARROW:schema":
            yield "metadata", sought.in_text(value.decode("utf-8", "replace"))
    texts = [field.name for field in parquet.schema_arrow if _is_text(field.type)]
    # dictionary pages may hold what no row has
    table = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts).read()
    for name in texts:
        for chunk in table.column(name).chunks:
            values = chunk.dictionary if isinstance(chunk, pa.DictionaryArray) else chunk
            for value in values.to_pylist():
                yield name, sought.in_text(value) if value is not None else ""


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind.value_type if pa.types.is_dictionary(kind) else kind))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
