"""Files in which programs keep a name, a crop or an embedding, written by these programs' own libraries."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image, PngImagePlugin
from safetensors.numpy import save_file

from facedata.pages.packed import pack

Row = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def _parquet(file: Path, values: pa.Array, **options: Any) -> None:
    pq.write_table(pa.table({"id": range(len(values)), "column": values}), file, **options)


def _tar(file: Path, members: dict[str, bytes], mode: str = "w") -> None:
    with tarfile.open(file, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def _zip(file: Path, name: str, data: bytes, kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr(name, data)


def _workbook(file: Path, name: str) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["person", name])
    book.save(file)


def _sqlite(file: Path, name: str, blob: bytes = b"", is_deleted: bool = False) -> None:
    with sqlite3.connect(file) as base:
        base.execute("pragma secure_delete = off")
        base.execute("create table people (city text, name text, land text, photo blob)")
        base.execute("insert into people values ('Berlin', ?, 'Germany', ?)", (name, blob))
        base.execute("insert into people values ('Bern', 'Dora', null, null)")
        base.execute("create table empty (x)")
        if is_deleted:
            base.commit()
            base.execute("delete from people where city = 'Berlin'")
    base.close()


def _stream(file: Path, values: pa.Array) -> None:
    table = pa.table({"column": values})
    with file.open("wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _arrow(file: Path, values: pa.Array, codec: str | None = None) -> None:
    table = pa.table({"column": values})
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with file.open("wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)


def _png(file: Path, name: str) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("Author", name)
    Image.new("RGB", (8, 8)).save(file, pnginfo=about)


def _zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


def _page(name: str) -> str:
    data = pack({"people": [name], "rows": [*range(40)]})
    return f'<!doctype html><script type="text/plain" id="data">{data}</script>'


_SOME = ["Berta", "Cem", "Dora"]

NAMES: dict[str, Callable[[Path, str], object]] = {
    "a.txt": lambda file, name: file.write_text(f"who: '{name}'\n", encoding="utf-8"),
    "a.csv": lambda file, name: pd.DataFrame({"photo": ["x.jpg"], "identity": [name], "width": [99]}).to_csv(
        file
    ),
    "a.json": lambda file, name: file.write_text(json.dumps({"people": {name: 3}})),
    "utf8.json": lambda file, name: file.write_text(json.dumps([name], ensure_ascii=False), encoding="utf-8"),
    "every-letter.json": lambda file, name: file.write_text(
        '{"name": "' + "".join(f"\\u{ord(letter):04X}" for letter in name) + '"}'
    ),
    "key.json": lambda file, name: file.write_text(json.dumps({"train": {name: {"photos": 3}}})),
    "a.html": lambda file, name: file.write_text(f'<p title="{html.escape(name)}">x</p>', encoding="utf-8"),
    "link.html": lambda file, name: file.write_text(f'<a href="people/{quote(name)}/1.jpg">x</a>'),
    "packed.html": lambda file, name: file.write_text(_page(name)),
    "utf16.txt": lambda file, name: file.write_text(f'name,"{name}"\n', encoding="utf-16"),
    "a.xlsx": _workbook,
    "text.parquet": lambda file, name: _parquet(file, pa.array([*_SOME, name])),
    "plain.parquet": lambda file, name: _parquet(
        file, pa.array([*_SOME, name]), use_dictionary=False, compression="none", write_statistics=False
    ),
    "dictionary.parquet": lambda file, name: _parquet(
        file, pa.array([*_SOME, name]).dictionary_encode(), compression="zstd"
    ),
    "list.parquet": lambda file, name: _parquet(file, pa.array([["Berta"], ["Cem", name], None])),
    "struct.parquet": lambda file, name: _parquet(file, pa.array([{"who": {"name": name}}, None])),
    "map.parquet": lambda file, name: _parquet(
        file, pa.array([[("x", 1), (name, 2)]], pa.map_(pa.string(), pa.int64()))
    ),
    "metadata.parquet": lambda file, name: pq.write_table(
        pa.table({"x": [1]}).replace_schema_metadata({"about": json.dumps({"left_out": [name]})}), file
    ),
    "stream.arrow": lambda file, name: _stream(file, pa.array([*_SOME, name])),
    "file.arrow": lambda file, name: _arrow(file, pa.array([name, *_SOME], pa.large_string())),
    "packed.arrow": lambda file, name: _arrow(file, pa.array([name, *_SOME]), "zstd"),
    "a.npy": lambda file, name: np.save(file, np.array([*_SOME, name])),
    "a.npz": lambda file, name: np.savez_compressed(file, names=np.array([name, *_SOME])),
    "a.safetensors": lambda file, name: save_file(
        {"x": np.zeros(3, np.float32)}, file, {"people": f'["{name}"]'}
    ),
    "checkpoint.pt": lambda file, name: torch.save({"classes": ["Berta", name]}, file),
    "a.tar": lambda file, name: _tar(file, {"000.json": json.dumps({"identity": name}).encode()}),
    "a.tar.gz": lambda file, name: _tar(file, {"000.json": json.dumps({"identity": name}).encode()}, "w:gz"),
    "a.tar.xz": lambda file, name: _tar(file, {f"x/{name}/1.jpg": b"none"}, "w:xz"),
    "member.tar": lambda file, name: _tar(file, {f"{'deep/' * 30}{name}/1.jpg": b"none"}),
    "a.zip": lambda file, name: _zip(file, "a.txt", f"'{name}'".encode()),
    "member.zip": lambda file, name: _zip(file, f"{name}/1.jpg", b"none"),
    "a.txt.gz": lambda file, name: file.write_bytes(gzip.compress(f"'{name}'".encode())),
    "a.txt.bz2": lambda file, name: file.write_bytes(bz2.compress(f"'{name}'".encode())),
    "a.txt.xz": lambda file, name: file.write_bytes(lzma.compress(f"'{name}'".encode())),
    "a.txt.zst": lambda file, name: file.write_bytes(_zstd(f"'{name}'".encode())),
    "nested.tar.gz": lambda file, name: file.write_bytes(gzip.compress(_nested(name))),
    "a.sqlite": _sqlite,
    "a.jsonl": lambda file, name: file.write_text(
        json.dumps({"x": 1}) + "\n" + json.dumps({"who": name}) + "\n"
    ),
}
"""File → what writes a name into it."""

LONG_NAMES: dict[str, Callable[[Path, str], object]] = {
    "deleted.sqlite": lambda file, name: _sqlite(file, name, is_deleted=True),
    "a.png": _png,
    "wide.bin": lambda file, name: file.write_bytes(bytes(9) + name.encode("utf-16-le") + bytes(9)),
    "glued.bin": lambda file, name: file.write_bytes(b"\0\1Berta" + name.encode() + b"Cem\0"),
}
"""Likewise, where nothing stands between a name and other bytes: names of six bytes or more."""


def _nested(name: str) -> bytes:
    table, zipped, outer = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({"who": [name]}), table)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.parquet", table.getvalue())
    with tarfile.open(fileobj=outer, mode="w") as tar:
        info = tarfile.TarInfo("in.zip")
        info.size = len(zipped.getvalue())
        tar.addfile(info, io.BytesIO(zipped.getvalue()))
    return outer.getvalue()


CROPS: dict[str, Callable[[Path, bytes], object]] = {
    "other-name.jpg": lambda file, crop: file.write_bytes(crop),
    "a.tar": lambda file, crop: _tar(file, {"0.jpg": crop, "0.json": b"{}"}),
    "a.tar.gz": lambda file, crop: _tar(file, {"0.jpg": crop}, "w:gz"),
    "stored.zip": lambda file, crop: _zip(file, "0.jpg", crop, zipfile.ZIP_STORED),
    "deflated.zip": lambda file, crop: _zip(file, "0.jpg", crop),
    "hub.parquet": lambda file, crop: _parquet(file, pa.array([{"bytes": crop, "path": None}])),
    "binary.parquet": lambda file, crop: _parquet(file, pa.array([b"other", crop], pa.large_binary())),
    "lists.parquet": lambda file, crop: _parquet(file, pa.array([[b"other", crop]])),
    "a.arrow": lambda file, crop: _stream(file, pa.array([crop])),
    "page.html": lambda file, crop: file.write_text(
        f'<img src="data:image/jpeg;base64,{base64.b64encode(crop).decode()}">'
    ),
    "notebook.ipynb": lambda file, crop: file.write_text(
        json.dumps({"outputs": [{"image/jpeg": base64.b64encode(crop).decode()}]})
    ),
    "mail.txt": lambda file, crop: file.write_bytes(b"Content: base64\n\n" + base64.encodebytes(crop)),
    "slashes.json": lambda file, crop: file.write_text(
        '"' + base64.b64encode(crop).decode().replace("/", "\\/") + '"'
    ),
    "train.rec": lambda file, crop: file.write_bytes(
        struct.pack("<II", 0xCED7230A, len(crop) + 24) + bytes(24) + crop + bytes(-len(crop) % 4)
    ),
    "a.sqlite": lambda file, crop: _sqlite(file, "Berta", crop),
    "blob": lambda file, crop: file.write_bytes(bytes(1000) + crop + bytes(1000)),
}
"""File → what writes a crop's bytes into it."""

EMBEDDINGS: dict[str, Callable[[Path, Row], object]] = {
    "float32.parquet": lambda file, row: _parquet(
        file, pa.array([[0.5] * len(row), row.tolist()], pa.list_(pa.float32()))
    ),
    "float64.parquet": lambda file, row: _parquet(file, pa.array([row.astype(np.float64)])),
    "float16.parquet": lambda file, row: _parquet(file, pa.array([row.astype(np.float16)])),
    "fixed.parquet": lambda file, row: _parquet(file, pa.array([row], pa.list_(pa.float32(), len(row)))),
    "mixed.parquet": lambda file, row: _parquet(
        file, pa.array([[1.0], row, None, []], pa.list_(pa.float32()))
    ),
    "a.arrow": lambda file, row: _stream(file, pa.array([row])),
    "a.json": lambda file, row: file.write_text(json.dumps({"rows": [[1.5] * 9, row.tolist()]})),
    "rounded.csv": lambda file, row: file.write_text(
        ",".join(f"{value:.5f}" for value in [7.0, 1.0, *row]) + "\n"
    ),
    "lines.txt": lambda file, row: file.write_text("\n".join(map(str, row.tolist()))),
    "float32.npy": lambda file, row: np.save(file, np.stack([row * 0 + 1, row])),
    "float64.npy": lambda file, row: np.save(file, np.stack([row]).astype(np.float64)),
    "float16.npy": lambda file, row: np.save(file, np.stack([row]).astype(np.float16)),
    "a.npz": lambda file, row: np.savez_compressed(file, rows=np.stack([row, row * 0])),
    "a.safetensors": lambda file, row: save_file({"centres": np.stack([row * 0 + 1, row])}, file),
    "checkpoint.pt": lambda file, row: torch.save({"centres": torch.from_numpy(np.stack([row]))}, file),
    "unit.npy": lambda file, row: np.save(file, np.stack([row / np.linalg.norm(row)])),
    "raw.f4": lambda file, row: file.write_bytes(bytes(7) + row.tobytes() + bytes(7)),
    "raw.f8": lambda file, row: file.write_bytes(bytes(7) + row.astype("<f8").tobytes()),
}
"""File → what writes an embedding into it, ``(dim,)`` float32."""
