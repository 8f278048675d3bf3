"""A crop's bytes against its row."""

from __future__ import annotations

import hashlib

import pytest

from facedata.checks.findings import Kind, Severity
from facedata.checks.integrity.crop_bytes import check_crop_bytes

DATA = bytes(range(200))
DIGEST = hashlib.sha256(DATA).hexdigest()


def test_the_bytes_that_were_made_are_no_finding() -> None:
    assert check_crop_bytes(3, "anna/1.jpg", len(DATA), DIGEST, DATA) is None


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (None, Kind.CROP_MISSING, "is not there"),
        (b"", Kind.CROP_CHANGED, "has 0 bytes, not 200"),
        (DATA[:-1], Kind.CROP_CHANGED, "has 199 bytes, not 200"),
        (DATA + b"!", Kind.CROP_CHANGED, "has 201 bytes, not 200"),
        (DATA[::-1], Kind.CROP_CHANGED, "SHA-256"),
    ],
)
def test_other_bytes_are_an_error_about_the_crop(data: bytes | None, kind: Kind, words: str) -> None:
    finding = check_crop_bytes(3, "anna/1.jpg", len(DATA), DIGEST, data)
    assert finding is not None
    assert (finding.kind, finding.severity, finding.left) == (kind, Severity.ERROR, 3)
    assert "anna/1.jpg" in finding.why
    assert words in finding.why
    assert (finding.value, finding.threshold) == (len(data or b""), 200)


def test_every_single_bit_counts() -> None:
    for at in range(0, len(DATA), 7):
        flipped = bytearray(DATA)
        flipped[at] ^= 1
        finding = check_crop_bytes(0, "a/1.jpg", len(DATA), DIGEST, bytes(flipped))
        assert finding is not None
        assert finding.kind is Kind.CROP_CHANGED
