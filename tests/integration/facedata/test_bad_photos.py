"""Photos with odd names, colliding names, damaged bytes, several copies, or that change between two runs."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facedata import ClassManifest, open_set
from facedata.testing import MarkedFace, marked_image
from tests.support.facedata_command import SMALL, done, here, run
from tests.support.set_bytes import set_bytes

_ODD = [
    "with space", " leading", "trailing ", "'single'", '"double"', "a.b.c", "dots...", "Jürgen Ōé", "e\u0301",
    "名前", "😀", "new\nline", "tab\tbell\a", "back\\slash", "\\xff", "100%", "a:b*c?<d>|", "-rf", "$HOME",
    "con", "~", "#1",
]  # fmt: skip
_ODD_BYTES = [*map(str.encode, _ODD), b"caf\xe9", b"\xff\xfe"]


def _png(seed: int, size: int = 120) -> bytes:
    data = io.BytesIO()
    image = marked_image(size, 110, [MarkedFace((20, 20, 70, 80), 5.0)], seed)
    Image.fromarray(image).save(data, "png")
    return data.getvalue()


def _rows(out: Path) -> dict[str, dict[str, Any]]:
    return {row["record"]: row for row in open_set(out).table("photos").to_pylist()}


def _prepare(source: Path, out: Path, *more: object) -> None:
    done("prepare", "folder", source, "--out", out, *SMALL, *more)


def _crops_open(out: Path) -> int:
    """Open every crop, see that no two photos share one, and return how many there are."""
    rows = list(ClassManifest.open(out))
    for row in rows:
        assert np.asarray(row.image()).shape == (64, 64, 3)
    files = sorted(str(file.relative_to(out / "crops")) for file in (out / "crops").rglob("*.jpg"))
    assert files == sorted({row.path for row in rows})
    return len(rows)


def test_every_odd_name_of_a_photo_and_of_a_person_gets_a_row_and_a_crop(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "faces"
    names = [*_ODD_BYTES, b"l" * 251, "ü".encode() * 125]
    for number, name in enumerate(names):
        for place in (b"anna/" + name, name + b"/1"):
            file = os.path.join(os.fsencode(source), place + b".png")  # noqa: PTH118  pathlib has no bytes
            os.makedirs(os.path.dirname(file), exist_ok=True)  # noqa: PTH103, PTH120
            Path(os.fsdecode(file)).write_bytes(_png(2 * number + place.endswith(b"/1")))
    finished = run("prepare", "folder", source, "--out", out, *SMALL)
    assert finished.status == 0, finished.stderr
    rows = _rows(out)
    assert len(rows) == 2 * len(names)
    assert {row["status"] for row in rows.values()} == {"kept"}
    assert len({row["identity"] for row in rows.values()}) == len(names) + 1
    assert _crops_open(out) == 2 * len(names)
    longest = max(len(os.fsencode(path.name)) for path in (out / "crops" / "anna").iterdir())
    assert longest == 200 + len(".jpg")


def test_names_that_collide_get_crops_of_their_own(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "faces"
    photos = [
        "a/john/1.jpg",
        "a/john/1.png",
        "b/john/1.jpg",
        "b/john/1.JPG",
        "b/mary/é.png",
        "b/mary/e\u0301.png",
    ]
    for number, photo in enumerate(photos):
        (source / photo).parent.mkdir(parents=True, exist_ok=True)
        (source / photo).write_bytes(_png(number))
    _prepare(source, out)
    rows = _rows(out)
    assert sorted(rows) == sorted(photos)
    assert {rows[photo]["identity"] for photo in photos} == {"john", "mary"}
    assert rows["a/john/1.jpg"]["path"] == "john/1.jpg"
    assert _crops_open(out) == len(photos)
    crops = {(out / "crops" / row["path"]).read_bytes() for row in rows.values()}
    assert len(crops) == len(photos)


def test_identities_that_differ_in_case_only_get_folders_of_their_own(tmp_path: Path) -> None:
    for number, person in enumerate(("Anna", "anna")):
        (tmp_path / "photos" / person).mkdir(parents=True)
        (tmp_path / "photos" / person / "1.png").write_bytes(_png(number))
    _prepare(tmp_path / "photos", tmp_path / "faces")
    folders = [path.name for path in (tmp_path / "faces" / "crops").iterdir()]
    assert len({name.casefold() for name in folders}) == 2


def test_symlink_loops_end_and_links_to_nothing_get_a_row(photos: Path, tmp_path: Path) -> None:
    (photos / "person-00" / "up").symlink_to(photos, target_is_directory=True)
    (photos / "person-01" / "here").symlink_to(".", target_is_directory=True)
    (photos / "self.png").symlink_to("self.png")
    (photos / "person-02" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(photos / "person-03" / "pipe.png")  # reading it would wait for ever
    _prepare(photos, tmp_path / "faces")
    rows = _rows(tmp_path / "faces")
    assert sum(row["status"] == "kept" for row in rows.values()) == 16
    assert rows["person-02/gone.png"]["status"] == "unreadable"
    assert not [record for record in rows if "/up/" in record or "/here/" in record]


def _bomb() -> bytes:
    """A PNG of 50,000 × 50,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_damaged_photos_become_rows_that_say_why(tmp_path: Path) -> None:
    jpeg = io.BytesIO()
    Image.effect_noise((200, 150), 40).convert("RGB").save(jpeg, "jpeg")
    photos = {
        "cut.jpg": (jpeg.getvalue()[: len(jpeg.getvalue()) // 2], "unreadable"),
        "cut.png": (_png(1)[:-2000], "unreadable"),
        "empty.jpg": (b"", "unreadable"),
        "text.jpg": (b"my holiday\n", "unreadable"),
        "zeros.jpg": (bytes(4096), "unreadable"),
        "bomb.png": (_bomb(), "too_large"),
        "clip.mp4": (b"\0\0\0\x18ftypmp42" + bytes(64), "unsupported"),
        "png.jpg": (_png(2), "kept"),
        "noending": (_png(3), "kept"),
    }
    for name, (data, _) in photos.items():
        (tmp_path / "photos" / "anna").mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / "anna" / name).write_bytes(data)
    _prepare(tmp_path / "photos", tmp_path / "faces")
    rows = _rows(tmp_path / "faces")
    assert {record.partition("/")[2]: row["status"] for record, row in rows.items()} == {
        name: status for name, (_, status) in photos.items()
    }
    assert all(row["reason"] for row in rows.values() if row["status"] != "kept")
    assert _crops_open(tmp_path / "faces") == 2


def test_one_photo_twice_in_one_person_is_kept_once(photos: Path, tmp_path: Path) -> None:
    data = (photos / "person-00" / "01.png").read_bytes()
    (photos / "person-00" / "copy.png").write_bytes(data)
    (photos / "person-01" / "same photo.png").write_bytes(data)  # of another person: not ours to judge
    _prepare(photos, tmp_path / "faces")
    rows = _rows(tmp_path / "faces")
    assert rows["person-00/01.png"]["status"] == "kept"
    assert rows["person-00/copy.png"]["status"] == "duplicate"
    assert rows["person-00/copy.png"]["reason"]
    assert rows["person-00/copy.png"]["path"] is None
    assert rows["person-01/same photo.png"]["status"] == "kept"
    assert _crops_open(tmp_path / "faces") == 17


def test_a_rerun_on_a_changed_source_equals_a_fresh_run(photos: Path, tmp_path: Path) -> None:
    _prepare(photos, tmp_path / "again")
    (photos / "person-00" / "00.png").write_bytes(_png(900))
    Image.new("RGB", (120, 110), "grey").save(photos / "person-00" / "01.png")
    (photos / "person-01" / "00.png").write_bytes(_png(901))
    os.utime(photos / "person-01" / "00.png", (1, 1))  # changed, and yet older
    os.utime(photos / "person-01" / "01.png")
    (photos / "person-01" / "02.png").unlink()
    (photos / "person-03" / "new.png").write_bytes(_png(902))
    _prepare(photos, tmp_path / "again")
    _prepare(photos, tmp_path / "fresh")
    assert set_bytes(tmp_path / "again") == set_bytes(tmp_path / "fresh")
    rows = _rows(tmp_path / "again")
    assert rows["person-00/01.png"]["status"] == "no_face"
    assert sum(row["status"] == "kept" for row in rows.values()) == _crops_open(tmp_path / "again") == 15


def test_a_photo_that_vanishes_does_not_take_its_neighbours_along(photos: Path, tmp_path: Path) -> None:
    """Its copy was rejected as a duplicate before, and must be kept now."""
    (photos / "person-00" / "copy.png").write_bytes((photos / "person-00" / "01.png").read_bytes())
    _prepare(photos, tmp_path / "again")
    (photos / "person-00" / "01.png").unlink()
    _prepare(photos, tmp_path / "again")
    _prepare(photos, tmp_path / "fresh")
    assert _rows(tmp_path / "again")["person-00/copy.png"]["status"] == "kept"
    assert set_bytes(tmp_path / "again") == set_bytes(tmp_path / "fresh")


def test_an_output_whose_name_is_not_utf8_holds_a_set_like_any_other(photos: Path, tmp_path: Path) -> None:
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    finished = run("prepare", "folder", photos, "--out", out, *SMALL)
    assert finished.status == 0, finished.stderr
    assert run("info", out).status == 0


@pytest.mark.parametrize("flag", ["--licence", "--reference", "--identity-from"])
def test_option_text_that_is_not_utf8_is_wrong_use(flag: str, photos: Path, tmp_path: Path) -> None:
    refused = here("prepare", "folder", photos, "--out", tmp_path / "faces", flag, "caf\udce9")
    assert refused.status == 2
    assert flag in refused.error


def test_an_output_below_its_source_is_not_read_as_photos(photos: Path) -> None:
    out = photos / "faces"
    _prepare(photos, out)
    before = set_bytes(out)
    _prepare(photos, out)
    assert set_bytes(out) == before
