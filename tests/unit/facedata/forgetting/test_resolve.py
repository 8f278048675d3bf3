"""Who is meant: by name, by photo, by the same bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from facedata import PreparedSet, open_set
from facedata.errors import UsageError
from facedata.forgetting.resolve import Chosen, choose_rows, read_photo_list
from facedata.tables.tombstones import Tombstones
from tests.support.small_set import make_set

NAMES = {"Ann": 2, "Ann Lee": 1, "Zoe\u0308": 2, "12": 1}


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    """A small set with names that are like each other."""
    return make_set(tmp_path / "faces", NAMES)


def choose(faces: PreparedSet, *people: str, photos: tuple[str, ...] = ()) -> Chosen:
    return choose_rows(faces, people, photos, Tombstones())


def test_a_name_is_a_whole_name(faces: PreparedSet) -> None:
    assert choose(faces, "Ann").records == ("photos/Ann/0.jpg", "photos/Ann/1.jpg")
    assert choose(faces, " Ann Lee\u00a0").people == ("Ann Lee",)
    assert choose(faces, "Zoë").people == ("Zoe\u0308",)
    assert choose(faces, "12", "Ann Lee").records == ("photos/Ann Lee/0.jpg", "photos/12/0.jpg")


def test_who_is_not_there(faces: PreparedSet) -> None:
    with pytest.raises(UsageError) as caught:
        choose(faces, "Lee", "Anna Lea", "Ann", photos=("photos/Ann/9.jpg",))
    assert str(caught.value).splitlines()[1:] == [
        "  there is nobody called 'Lee'; did you mean 'Ann Lee'?",
        "  there is nobody called 'Anna Lea'; did you mean Ann Lee?",
        "  there is no photo 'photos/Ann/9.jpg'",
    ]
    many = [f"nobody {number}" for number in range(30)]
    with pytest.raises(UsageError, match="and 10 more"):
        choose(faces, *many)


def test_the_same_bytes_go_under_every_name(faces: PreparedSet) -> None:
    rows = faces.table("photos").to_pylist()
    for number, row in enumerate(rows):
        row["sha256"] = f"{number:064x}"
    rows[-1]["sha256"] = None
    rows[3]["sha256"] = rows[0]["sha256"]
    # two faces of one photo
    rows[2] |= {"photo": "photos/both.jpg", "sha256": rows[1]["sha256"]}
    faces.update({"photos": pa.Table.from_pylist(rows, schema=faces.table("photos").schema)}, {})
    chosen = choose_rows(open_set(faces.path), ["Ann"], [], Tombstones())
    assert chosen.copies == (rows[3]["record"],)
    assert chosen.shared == (rows[2]["record"],)
    assert chosen.photos == (rows[0]["sha256"],)
    assert chosen.rows.tolist() == [row["record"] in chosen.records for row in rows]


def test_lists_of_photos(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("#1.jpg\n\n anna/2.jpg\n")
    assert read_photo_list(str(tmp_path / "list.txt")) == ["#1.jpg", " anna/2.jpg"]
    (tmp_path / "empty.txt").write_text("\n \n")
    for name in ("empty.txt", "nowhere.txt"):
        with pytest.raises(UsageError, match="--photos"):
            read_photo_list(str(tmp_path / name))
