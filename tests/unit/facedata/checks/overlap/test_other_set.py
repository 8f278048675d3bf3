"""What may be named with --against, and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facedata.checks.overlap.other_set import open_other, refuse_same
from facedata.errors import UsageError
from tests.support.small_set import make_set


def test_a_folder_of_photos_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "photos/anna").mkdir(parents=True)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "photos/anna/1.png")
    with pytest.raises(UsageError, match=r"folder of photos.*facedata prepare .*photos --out DIR"):
        open_other(tmp_path / "photos")


def test_an_empty_folder_is_no_folder_of_photos(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no prepared set"):
        open_other(tmp_path / "empty")


def test_an_unfinished_set_says_how_to_finish_it(tmp_path: Path) -> None:
    (tmp_path / "half/.work").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"half is not finished: run the same .* again"):
        open_other(tmp_path / "half")


def test_the_set_itself_is_refused(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"anna": 2, "bert": 2})
    with pytest.raises(UsageError, match="is the set that is checked, or a copy of it"):
        refuse_same(open_other(tmp_path / "faces"), prepared.fingerprint)
