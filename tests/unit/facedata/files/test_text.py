"""Text files: encodings, byte order marks, compression."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from facedata.files.text import decode_text, encoding_of, open_text

TEXT = "path,identity\r\nZoë/1.jpg,Zoë\r\n"


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_text_reads_the_same_however_it_was_saved(
    tmp_path: Path, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    data = pack(TEXT.encode(encoding))
    assert decode_text(data) == TEXT
    (tmp_path / "x").write_bytes(data)
    with open_text(tmp_path / "x") as file:
        assert file.read() == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_file_that_was_cut_off_is_an_error_of_reading(pack: Callable[[bytes], bytes]) -> None:
    data = pack(TEXT.encode() * 500)
    with pytest.raises(OSError, match="compressed content is damaged"):
        decode_text(data[: len(data) // 2])


@pytest.mark.parametrize("data", [b"", b"a", b"a,b\n", "é\n".encode(), b"a\0b\n", b"\xff\xd8\xff"])
def test_what_shows_nothing_else_is_utf_8(data: bytes) -> None:
    assert encoding_of(data) == "utf-8"
