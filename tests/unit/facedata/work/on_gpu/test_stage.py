"""The stage for a GPU, run on a CPU: the rows and crops of the other stage, within what is allowed."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from facedata.config import PrepareConfig
from facedata.crops.codec import decode_crop
from facedata.detect.mtcnn.factory import MtcnnFactory
from facedata.detect.mtcnn.on_gpu.factory import MtcnnOnGpuFactory
from facedata.painted import paint
from facedata.sources.folder import FolderReader
from facedata.testing import FakeDetector
from facedata.types import Photo, Row, UInt8Image
from facedata.work.make_stage import choose_detector, make_stage
from facedata.work.on_gpu import jpegs, stage
from facedata.work.on_gpu.stage import FindAndCropOnGpu, JpegPicture
from facedata.work.stage import FindAndCrop
from tests.support.shared_data import SHARED, needs_shared
from tests.support.similarity import mean_ssim


@dataclass(frozen=True)
class MemoryReader:
    """Reads photos that are in memory."""

    photos: dict[str, bytes]

    def __call__(self, photo: str) -> bytes:
        """Return a photo's bytes."""
        return self.photos[photo]


def run_both(photos: dict[str, bytes], config: PrepareConfig) -> tuple[list[Row], list[Row]]:
    """Return the rows of the stage for a GPU, on a CPU, and those of the other."""
    named = [Photo(name, name, f"{name}.jpg") for name in photos]
    ours = FindAndCropOnGpu.on("cpu", config, "photo", MemoryReader(photos), MtcnnOnGpuFactory(device="cpu"))
    theirs = FindAndCrop.of(config, "photo", MemoryReader(photos), MtcnnFactory())
    return ours.run(named), theirs.run(named)


def encode(image: UInt8Image, kind: str = "JPEG", **options: object) -> bytes:
    written = io.BytesIO()
    Image.fromarray(image).save(written, kind, **options)
    return written.getvalue()


def assert_alike(found: Sequence[Row], wanted: Sequence[Row]) -> int:
    """Hold the rows against each other; return how many are kept."""
    kept = 0
    for row, other in zip(found, wanted, strict=True):
        assert row.keys() == other.keys()
        for column in (
            "record",
            "status",
            "reason",
            "sha256",
            "width",
            "height",
            "faces",
            "turned_deg",
            "path",
        ):
            assert row.get(column) == other.get(column), column
        if row["status"] == "kept":
            kept += 1
            assert np.abs(np.array(row["landmarks"]) - other["landmarks"]).max() < 0.2
            assert mean_ssim(*(decode_crop(one["crop"]) for one in (row, other))) >= 0.98
    return kept


def test_all_kinds_of_photos() -> None:
    """Plain ones, turned ones, large ones, a close-up that is shrunk, other formats, broken ones, none."""
    portrait = paint(0, 0, seed=2).image
    small = paint(1, 0, seed=2).image
    large = np.asarray(cv2.resize(small, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    photos = {
        "plain": encode(portrait, quality=95),
        "progressive": encode(portrait, quality=95, progressive=True),
        "turned": encode(np.ascontiguousarray(np.rot90(portrait, 1)), quality=95, exif=turned),
        "on its side": encode(np.ascontiguousarray(np.rot90(portrait, 1)), quality=95),
        "large": encode(large, quality=90),
        "png": encode(paint(2, 0, seed=2).image, "PNG"),
        "close-up": encode(large[::2, ::2], "PNG"),
        "no face": encode(np.full((200, 300, 3), 90, np.uint8)),
        "cut off": encode(portrait, quality=95)[:-200],
        "text": b"no photo at all",
        "empty": b"",
    }
    for size in (64, 240):
        found, wanted = run_both(photos, PrepareConfig(face="largest", size=size))
        assert assert_alike(found, wanted) >= 6
        assert {row["status"] for row in wanted} >= {"kept", "unreadable", "no_face"}


@pytest.mark.parametrize(("folder", "template"), [("lfw", "facenet160"), ("celeba", "arcface112")])
@needs_shared
def test_real_photos(folder: str, template: str) -> None:
    files = sorted((SHARED / "data" / folder).rglob("*.jpg"))
    photos = {file.name: file.read_bytes() for file in files[:: len(files) // 64][:64]}
    config = PrepareConfig(face="center" if folder == "lfw" else "largest", template=template)
    found, wanted = run_both(photos, config)
    assert assert_alike(found, wanted) >= 60


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    photos = {str(person): encode(paint(person, 0, seed=2).image) for person in range(4)}
    photos["broken"] = b"\xff\xd8\xff broken \xff\xd9"
    made = FindAndCropOnGpu.on(
        "cpu",
        PrepareConfig(face="largest", size=64),
        "photo",
        MemoryReader(photos),
        MtcnnOnGpuFactory(device="cpu"),
    )
    named = [Photo(name, name, f"{name}.jpg") for name in photos]
    together = made.run(named)
    assert [made.run([photo])[0] for photo in named] == together
    assert made.run(named[::-1]) == together[::-1]
    assert made.run([]) == []


def test_what_the_gpu_decodes_is_searched_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's decoder stands in for the GPU's; only plain, whole, upright JPEGs go to it."""
    seen: list[bytes] = []

    def decode(files: Sequence[bytes], device: torch.device) -> list[UInt8Image | None]:
        seen.extend(files)
        return [255 - image for image in jpegs.decode_with_torchvision(files, device)] if files else []

    monkeypatch.setattr(stage, "decode_jpegs", decode)
    negative = 255 - paint(0, 0, seed=2).image
    photos = {"negative": encode(negative, quality=95), "png": encode(paint(1, 0, seed=2).image, "PNG")}
    found, wanted = run_both(photos, PrepareConfig(face="largest", size=64))
    assert seen == [photos["negative"]]
    assert [row["status"] for row in found] == ["kept", "kept"]
    assert wanted[0]["status"] != "kept"


def test_pixels_of_another_size_are_not_a_photo_s() -> None:
    picture = JpegPicture(encode(paint(0, 0).image))
    width, height = picture.size
    picture.put(np.zeros((height + 1, width, 3), np.uint8))
    assert picture.at().shape == (height, width, 3)
    assert picture.at().any()
    other = JpegPicture(encode(paint(0, 0).image))
    other.put(np.zeros((height, width, 3), np.uint8))
    assert not other.at().any()


def test_the_options_choose_the_stage(tmp_path: Path) -> None:
    def choose(device: str, min_face: float = 20.0) -> FindAndCrop:
        config = PrepareConfig(device=device, face="largest", size=64, min_face=min_face)
        factory = choose_detector(config, None, lambda step: None)
        made = make_stage(config, "photo", FolderReader({"": tmp_path}), factory)
        assert isinstance(made, FindAndCrop)
        return made

    on_cpu, on_gpu = choose("cpu"), choose("cuda", min_face=33.0)
    assert type(on_cpu) is FindAndCrop
    assert on_cpu.detector == MtcnnFactory(20.0, "cpu")
    assert isinstance(on_gpu, FindAndCropOnGpu)
    assert on_gpu.detector == MtcnnOnGpuFactory(33.0, "cuda")
    assert pickle.loads(pickle.dumps(on_gpu)) == on_gpu
    given = make_stage(PrepareConfig(device="cuda", face="largest"), "photo", on_gpu.reader, FakeDetector)
    assert type(given) is FindAndCrop
