"""Folders with photos of every format that people have: each gets its row, and a reason that names it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facedata import open_set
from facedata.testing import MarkedFace, marked_image
from tests.support.camera_raws import camera_tiff, dng
from tests.support.facedata_command import SMALL, here
from tests.support.photo_files import UNREAD, ftyp, psd
from tests.support.turned_photos import encode, ramp, turned


def marked(seed: int) -> Any:
    return marked_image(120, 110, [MarkedFace((20, 20, 70, 80), 5.0)], seed)


def write(source: Path, photos: dict[str, bytes]) -> None:
    for name, data in photos.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)


def rows(out: Path) -> dict[str, dict[str, Any]]:
    return {row["record"]: row for row in open_set(out).table("photos").to_pylist()}


def test_every_photo_that_is_read_is_kept_and_every_other_one_is_named(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "faces"
    kept = {
        **{
            f"anna/1.{suffix}": encode(Image.fromarray(marked(number)), kind)
            for number, (suffix, kind) in enumerate(
                {
                    "png": "PNG",
                    "tga": "TGA",
                    "pcx": "PCX",
                    "jp2": "JPEG2000",
                    "bmp": "BMP",
                }.items()
            )
        },
        **{f"ben/{turn}.tif": turned(marked(10 + turn), "TIFF", turn, tmp_path) for turn in range(1, 9)},
        "ben/really-a-png.heic": encode(Image.fromarray(marked(30)), "PNG"),
        "ben/without-ending": psd(marked(31)),
        "ben/photo.psd": psd(marked(32), extra=1),
    }
    named = {f"anna/{name}": text for name, (_, text) in UNREAD.items()} | {
        "ben/IMG.CR3": "Canon raw photo (CR3)",
        "ben/DSCF.RAF": "Fujifilm raw photo (RAF)",
        "ben/live.MOV": "a video",
        "ben/cr3-without-ending": "Canon raw photo (CR3)",
    }
    cr3 = ftyp(b"crx ", b"crx ", b"isom") + bytes(99)
    write(source, kept | {f"anna/{name}": data for name, (data, _) in UNREAD.items()})
    write(
        source,
        {"ben/IMG.CR3": cr3, "ben/cr3-without-ending": cr3, "ben/DSCF.RAF": b"FUJIFILMCCD-RAW " + bytes(99)},
    )
    write(source, {"ben/live.MOV": ftyp(b"qt  ", b"qt  ") + bytes(99), "ben/notes.txt": b"no photo"})
    assert here("prepare", "folder", source, "--out", out, *SMALL).status == 0
    found = rows(out)
    assert found.keys() == kept.keys() | named.keys()
    assert {name for name, row in found.items() if row["status"] == "kept"} == kept.keys()
    for name, text in named.items():
        assert found[name]["status"] == "unsupported", found[name]
        assert text in found[name]["reason"]
    assert open_set(out).info["counts"]["other_files"] == 1
    upright = found["ben/1.tif"]
    for turn in range(2, 9):  # the crop is the same, whichever way the photo was stored
        row = found[f"ben/{turn}.tif"]
        assert (row["width"], row["height"]) == (120, 110)
        np.testing.assert_array_equal(row["box"], upright["box"])


def test_raw_photos_wait_for_their_extra_and_are_read_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rawpy", reason="raw photos need the extra facedata[raw]")
    pytest.importorskip("pillow_jxl", reason="JPEG XL needs the extra facedata[jxl]")
    source, out = tmp_path / "photos", tmp_path / "faces"
    write(
        source, {f"{who}/{n}.png": encode(Image.fromarray(marked(n)), "PNG") for who in "ab" for n in (0, 1)}
    )
    write(
        source, {"a/1.NEF": camera_tiff("NIKON CORPORATION"), "a/2.dng": dng(ramp(640, 480), ramp(640, 480))}
    )
    write(source, {"a/3.jxl": turned(marked(3), "JXL", 1, tmp_path)})
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "rawpy", None)
        without.setitem(sys.modules, "pillow_jxl", None)
        assert here("prepare", "folder", source, "--out", out, *SMALL).status == 0
    found = rows(out)
    for name, extra in {"a/1.NEF": "raw", "a/2.dng": "raw", "a/3.jxl": "jxl"}.items():
        assert found[name]["status"] == "unsupported"
        assert f"pip install 'facedata[{extra}]'" in found[name]["reason"]
    assert here("prepare", "folder", source, "--out", out, *SMALL).status == 0
    found = rows(out)
    assert found["a/2.dng"]["status"] == "no_face"
    for name in ("a/1.NEF", "a/2.dng"):
        assert (found[name]["width"], found[name]["height"]) == (640, 480)
    assert found["a/3.jxl"]["status"] == "no_face"
