"""From what the user typed to a source: named and unnamed paths, and text that no file can be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.sources import open_source

LONG = "x" * 300


@pytest.mark.parametrize("kind", ["folder", "table", "celeba", "lfw"])
@pytest.mark.parametrize("root", [LONG, f"name={LONG}", f"{LONG}.zip", f"name={LONG}.tgz"])
def test_a_path_longer_than_a_file_name_is_a_source_that_is_missing(kind: str, root: str) -> None:
    with pytest.raises(SourceError, match="too long"):
        open_source(root, PrepareConfig(kind=kind)).scan()


def test_a_path_with_an_equals_sign_that_is_there_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    assert open_source(str(tmp_path / "a=b"), PrepareConfig()).root == str(tmp_path / "a=b")


def test_several_folders_need_names_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two sources are named a"):
        open_source(["a=x", "a=y"], PrepareConfig())
    with pytest.raises(UsageError, match="several folders need names"):
        open_source(["a=x", "y"], PrepareConfig())
