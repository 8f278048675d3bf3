"""Blobs: crops found by their SHA-256, and never a damaged one."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from facedata.store.blobs import BLOB, CropIndex, digest_keys, read_index, write_blob

CROPS = [bytes([65 + number]) * (700 * number + 1) for number in range(8)]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_a_damaged_blob_is_as_if_it_were_not_there(damage: str, tmp_path: Path) -> None:
    blob = tmp_path / f"x{BLOB}"
    write_blob(blob, CROPS)
    whole = blob.read_bytes()
    piece = read_index(blob)
    assert piece is not None
    with closing(CropIndex([piece])) as index:
        assert index.read(sha(CROPS[3]), "a") == CROPS[3]
    blob.write_bytes({"cut": whole[:-5], "empty": b"", "other": b"x" * 50}[damage])
    assert read_index(blob) is None
    assert read_index(tmp_path / "none.crops") is None


def test_two_crops_with_one_key_are_told_apart(tmp_path: Path) -> None:
    one, two = tmp_path / f"1{BLOB}", tmp_path / f"2{BLOB}"
    write_blob(one, [b"one"])
    write_blob(two, [b"two"])
    pieces = [piece for file in (one, two) if (piece := read_index(file))]
    key = digest_keys(pa.array([sha(b"two")]))
    with closing(CropIndex([piece._replace(keys=key) for piece in pieces])) as index:
        assert index.read(sha(b"two"), "x") == b"two"


def test_keys_are_the_first_eight_bytes() -> None:
    digests = [sha(b"a"), None, sha(b"b")]
    expected = [int(digest[:16], 16) if digest else 0 for digest in digests]
    assert digest_keys(pa.array(digests, pa.string())).tolist() == expected
    assert digest_keys(pa.array([], pa.string())).tolist() == []
