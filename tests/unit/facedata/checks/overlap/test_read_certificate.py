"""overlap.json, read again: both directions, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facedata.checks.overlap.read_certificate import read_certificate
from facedata.errors import UsageError

GOOD: dict[str, Any] = {
    "kind": "facedata overlap",
    "version": 1,
    "set": {"fingerprint": "a" * 64},
    "other": {"fingerprint": "b" * 64},
    "model": None,
    "by": {"bytes": {"photos": 1}},
    "people": [{"identity": "anna", "other": "berta", "by": ["bytes"]}],
    "photos": [{"record": "anna/1.jpg"}],
    "other_photos": [{"record": "berta/7.jpg"}, {"record": "berta/8.jpg"}],
}


def write(folder: Path, **changes: Any) -> Path:
    file = folder / "overlap.json"
    file.write_text(json.dumps({**GOOD, **changes}), encoding="utf-8")
    return file


def test_either_set_finds_its_own_side(tmp_path: Path) -> None:
    write(tmp_path)
    for given in (tmp_path, tmp_path / "overlap.json"):
        sides = read_certificate(given).sides
        assert sides["a" * 64].people == {"anna"}
        assert sides["a" * 64].records == {"anna/1.jpg"}
        assert sides["a" * 64].fingerprint == "b" * 64
        assert sides["b" * 64].people == {"berta"}
        assert sides["b" * 64].records == {"berta/7.jpg", "berta/8.jpg"}
        assert sides["b" * 64].fingerprint == "a" * 64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "facedata check"}, "is not an overlap.json"),
        ({"version": 2}, "version 2"),
        ({"people": [{"identity": "anna"}]}, "damaged"),
        ({"photos": None}, "damaged"),
        ({"set": "a"}, "damaged"),
        ({"model": 3}, "damaged"),
        ({"by": [1]}, "damaged"),
    ],
)
def test_others_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_certificate(write(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "[1]", "{", "\xff", "[" * 100_000])
def test_what_is_no_certificate_at_all_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "overlap.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"overlap\.json"):
        read_certificate(file)


def test_a_missing_one_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="facedata check SET --against OTHER"):
        read_certificate(tmp_path / "overlap.json")
