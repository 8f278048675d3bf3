"""Files that stay open."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from facedata.files.open_files import OpenFiles
from facedata.files.remote import Remote


def test_the_file_read_least_recently_is_closed(tmp_path: Path) -> None:
    names = []
    for name in "abc":
        (tmp_path / name).write_text(name)
        names.append(str(tmp_path / name))
    files = OpenFiles(2)
    first, second = files.get(names[0]), files.get(names[1])
    assert files.get(names[0]) is first
    third = files.get(names[2])
    assert (first.closed, second.closed, third.closed) == (False, True, False)
    assert files.get(names[1]).read() == b"b"  # opened again
    files.close()
    assert first.closed
    assert third.closed


def test_objects_are_opened_too_and_missing_files_raise(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe_file("/open-files/x", b"data")
    files = OpenFiles(1)
    assert files.get(Remote("memory://open-files/x")).read() == b"data"
    with pytest.raises(FileNotFoundError):
        files.get(str(tmp_path / "none"))
    files.close()
