"""Files hashed in a thread while others are written."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from facedata.files.hashes import BackgroundHashes


def test_files_are_hashed_even_if_they_are_renamed(tmp_path: Path) -> None:
    contents = [bytes([number]) * (number * 700_000) for number in range(5)]
    with BackgroundHashes() as hashes:
        digests = []
        for number, content in enumerate(contents):
            file = tmp_path / str(number)
            file.write_bytes(content)
            digests.append(hashes.add(file))
            file.rename(tmp_path / f"{number}.done")
        assert [digest.result() for digest in digests] == [
            hashlib.sha256(each).hexdigest() for each in contents
        ]
        with pytest.raises(FileNotFoundError):
            hashes.add(tmp_path / "0")
