"""`facedata crop` of a set in folders to a URL gave advice that it does not take itself: --store."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata import crop_set
from facedata.errors import UsageError
from tests.support.small_set import make_set


def test_crops_in_folders_do_not_go_to_a_url_and_the_advice_can_be_followed(tmp_path: Path) -> None:
    make_set(tmp_path / "set", {"anna": 2, "bert": 2})
    path = tmp_path / "set" / "dataset.json"
    path.write_text(path.read_text().replace('"size": 24', '"size": 24,\n "store": "folders"'))
    with pytest.raises(UsageError, match="choose a folder, or prepare the photos again with --store tar"):
        crop_set(tmp_path / "set", f"file://{tmp_path}/there")
