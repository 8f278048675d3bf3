"""Cameras' raw photos: recognised by what is in them, never taken for their thumbnail."""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import pytest
from PIL import Image

from facedata.errors import ImageError, UnsupportedImageError
from facedata.photos.camera_raw import raw_format
from facedata.photos.formats import RAW_ENDINGS, kind_of_file
from facedata.photos.image import decode, read_header
from tests.support.camera_raws import camera_tiff, dng, preview, strip, tiff
from tests.support.photo_files import ftyp
from tests.support.turned_photos import encode, ramp

TIFFS = {
    "NIKON CORPORATION": "Nikon raw photo (NEF)", "SONY": "Sony raw photo (ARW)",
    "PENTAX Corporation": "Pentax raw photo (PEF)", "SAMSUNG": "Samsung raw photo (SRW)",
    "Hasselblad": "Hasselblad raw photo (3FR)", "SEIKO EPSON CORP.": "Epson raw photo (ERF)",
    "Mamiya-OP Co.,Ltd.": "Mamiya raw photo (MEF)", "EASTMAN KODAK COMPANY": "Kodak raw photo (KDC, DCR)",
    "Leaf": "Leaf raw photo (MOS)", "Nobody": "camera's raw photo",
}  # fmt: skip

OTHERS = {
    b"FUJIFILMCCD-RAW 0201FF383501": "Fujifilm raw photo (RAF)",
    b"FOVb\0\0\2\0": "Sigma raw photo (X3F)",
    b"\0MRM\0\1\2\3": "Minolta raw photo (MRW)",
    b"IIRO\x08\0\0\0": "Olympus raw photo (ORF)",
    b"IIRS\x08\0\0\0": "Olympus raw photo (ORF)",
    b"MMOR\0\0\0\x08": "Olympus raw photo (ORF)",
    b"IIU\0\x18\0\0\0": "Panasonic or Leica raw photo (RW2, RWL)",
    b"II\x1a\0\0\0HEAPCCDR\2\0\1\0": "Canon raw photo (CRW)",
    ftyp(b"crx ", b"crx ", b"isom"): "Canon raw photo (CR3)",
}


def raws() -> dict[str, bytes]:
    """Return a raw photo of each kind, as far as its structure goes, by what it is called."""
    found = {name: camera_tiff(make) for make, name in TIFFS.items()}
    found["Canon raw photo (CR2)"] = camera_tiff("Canon", start=b"II*\0\x10\0\0\0CR\2\0")
    found["Phase One raw photo (IIQ)"] = camera_tiff("Phase One", start=b"II*\0\x10\0\0\0IIIITwaR")
    found["DNG raw photo"] = dng(ramp(640, 480))
    found["Sony raw photo (ARW), preview first"] = tiff(
        preview(ramp(160, 120)) | {271: "SONY"}, subs=(strip(np.zeros((480, 640), np.uint16)),)
    )
    found["Pentax raw photo (PEF), sensor first"] = tiff(
        strip(np.zeros((480, 640), np.uint16)) | {271: "PENTAX"}
    )
    return found | {name: head + bytes(200) for head, name in OTHERS.items()}


@pytest.mark.parametrize("name", raws())
def test_without_the_extra_a_raw_photo_is_named_and_nothing_of_it_is_taken(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = raws()[name]
    monkeypatch.setitem(sys.modules, "rawpy", None)
    for read in (read_header, decode):
        with pytest.raises(UnsupportedImageError) as caught:
            read(data)
        assert name.partition(",")[0] in str(caught.value) or "(KDC, DCR)" in str(caught.value)
        assert "pip install 'facedata[raw]'" in str(caught.value)
        assert "export it as JPEG" in str(caught.value)
        assert "video" not in str(caught.value)


@pytest.mark.parametrize("name", raws())
def test_with_the_extra_the_thumbnail_is_not_taken_either(name: str) -> None:
    pytest.importorskip("rawpy")
    with contextlib.suppress(ImageError):  # most of these have a structure and no values behind it
        header = read_header(raws()[name])
        assert (header.width, header.height) == (640, 480)


@pytest.mark.parametrize("name", raws())
def test_a_raw_photo_is_a_photo_by_its_first_bytes(name: str) -> None:
    assert kind_of_file("noending", lambda: raws()[name][:64]) == "photo"


@pytest.mark.parametrize("suffix", sorted(RAW_ENDINGS))
def test_a_raw_photo_is_a_photo_by_its_ending(suffix: str) -> None:
    assert kind_of_file(f"IMG_1{suffix.upper()}", lambda: b"\0" * 64) == "photo"


def test_the_makers_endings_are_all_there() -> None:
    makers = "nef nrw cr2 cr3 crw arw sr2 raf orf rw2 pef dng rwl 3fr iiq x3f kdc dcr mrw srw erf mef mos"
    assert {f".{name}" for name in makers.split()} <= RAW_ENDINGS


@pytest.mark.parametrize(
    "data",
    [
        encode(Image.fromarray(ramp(60, 40)), "TIFF"),
        encode(Image.fromarray(ramp(60, 40)), "TIFF", tiffinfo={271: "NIKON CORPORATION", 272: "Z 6"}),
        encode(
            Image.fromarray(ramp(60, 40)), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))]
        ),
        encode(Image.fromarray(ramp(60, 40)), "TIFF", big_tiff=True),
        tiff(strip(ramp(60, 40)), subs=(strip(ramp(30, 20), reduced=True),)),  # a pyramid of sizes
    ],
    ids=["plain", "a camera's", "of pages", "big", "pyramid"],
)
def test_an_ordinary_tiff_is_no_raw_photo(data: bytes) -> None:
    assert raw_format(data) is None
    np.testing.assert_array_equal(decode(data), ramp(60, 40))


@pytest.mark.parametrize(
    "data", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff" + bytes(9), b"MM\0*\0\0\0\x08\xff\xff"]
)
def test_a_damaged_tiff_is_no_raw_photo(data: bytes) -> None:
    assert raw_format(data) is None


def test_directories_in_a_circle_come_to_an_end() -> None:
    circle = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x0f\1\2\0\4\0\0\0SONY" + b"\x08\0\0\0"
    assert raw_format(circle) is None


class TestWithRawpy:
    @pytest.fixture(autouse=True)
    def _rawpy(self) -> None:
        pytest.importorskip("rawpy", reason="raw photos need the extra facedata[raw]")

    def test_the_cameras_own_jpeg_of_full_size_is_the_picture(self) -> None:
        own = ramp(640, 480)[:, ::-1].copy()  # unlike the sensor's, so that it shows which one is taken
        data = dng(ramp(640, 480), own)
        assert read_header(data).reductions == (1, 2, 4, 8)
        assert np.abs(decode(data).astype(int) - own).mean() < 2
        assert decode(data, reduction=4).shape == (120, 160, 3)

    def test_a_small_jpeg_is_not_the_picture(self) -> None:
        own = np.zeros((240, 320, 3), np.uint8)
        found = decode(dng(ramp(640, 480), own))
        assert found.shape == (480, 640, 3)
        assert np.corrcoef(found[..., 0].ravel(), ramp(640, 480)[..., 0].ravel())[0, 1] > 0.99

    def test_a_jpeg_of_another_shape_is_not_the_picture(self) -> None:
        found = decode(dng(ramp(640, 480), np.zeros((640, 480, 3), np.uint8)))
        assert found.shape == (480, 640, 3)
        assert found.any()

    def test_the_size_is_checked_before_it_is_developed(self) -> None:
        with pytest.raises(ImageError, match="640x480"):
            decode(dng(ramp(640, 480)), max_pixels=640 * 480 - 1)

    def test_a_raw_photo_cut_off_is_refused(self) -> None:
        with pytest.raises(ImageError):
            decode(dng(ramp(640, 480))[:4000])
