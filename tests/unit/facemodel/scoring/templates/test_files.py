"""The files of templates, in IJB's form and as tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata.errors import SourceError
from facemodel.scoring.templates.files import read_template_pairs, read_templates

IJB = "1.jpg 1 69544\n2.jpg 1 69544\n3.jpg 11065 5\n"


@pytest.mark.parametrize(
    "text",
    [
        IJB,
        "photo,template,media\n1.jpg,1,69544\n2.jpg,1,69544\n3.jpg,11065,5\n",
        "TEMPLATE_ID,MEDIA_ID,FILENAME,extra\n1,69544,1.jpg,x\n1,69544,2.jpg,x\n11065,5,3.jpg,y\n",
        "\ufefftemplate;photo;media\r\n1;1.jpg;69544\r\n1;2.jpg;69544\r\n11065;3.jpg;5\r\n",
    ],
)
def test_photos_of_templates(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.txt").write_bytes(text.encode())
    table = read_templates(tmp_path / "t.txt")
    assert table.to_pydict() == {
        "photo": ["1.jpg", "2.jpg", "3.jpg"],
        "template": ["1", "1", "11065"],
        "media": ["69544", "69544", "5"],
    }


def test_media_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("template,photo\n1,a/1.jpg\n")
    assert read_templates(tmp_path / "t.csv").column("media").to_pylist() == [None]


@pytest.mark.parametrize(
    "text", ["1 11065 1\n1 2 0\n", "left_template,right_template,same\n1,11065,True\n1,2,false\n"]
)
def test_pairs_of_templates(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.txt").write_text(text)
    table = read_template_pairs(tmp_path / "p.txt")
    assert table.to_pydict() == {
        "left_template": ["1", "1"], "right_template": ["11065", "2"], "same": [True, False],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 2 1\n1 3 perhaps\n", "pair 2: 'perhaps' does not say"),
        ("left_template,right_template\n1,2\n", "no column same"),
        ("1 2\n", "no column same"),
        ("1 2 1\n1 2\n", "cannot read"),
        ("left_template,right_template,same\n", "is empty"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(SourceError, match=why):
        read_template_pairs(tmp_path / "p.txt")
    with pytest.raises(SourceError, match="cannot read"):
        read_template_pairs(tmp_path / "absent.txt")
