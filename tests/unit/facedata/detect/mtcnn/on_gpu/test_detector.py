"""The search for a GPU, run on a CPU: the faces that the other way finds, in any batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from facedata.detect.mtcnn.detector import Mtcnn
from facedata.detect.mtcnn.on_gpu.detector import MtcnnOnGpu
from facedata.detect.mtcnn.on_gpu.factory import MtcnnOnGpuFactory
from facedata.detect.search import SearchRule
from facedata.errors import DetectorError
from facedata.painted import paint
from facedata.photos.image import decode
from facedata.types import Face, UInt8Image
from tests.support.shared_data import SHARED, needs_shared

LARGEST, CENTER = SearchRule("largest", 0.9, 20.0), SearchRule("center", 0.9, 20.0)


@pytest.fixture(scope="module")
def ours() -> MtcnnOnGpu:
    return MtcnnOnGpu(device="cpu")


@pytest.fixture(scope="module")
def theirs() -> Mtcnn:
    return Mtcnn()


def crowd() -> tuple[list[UInt8Image], list[SearchRule]]:
    """Portraits, a small face, no face, two faces, and a part of one; by every rule."""
    portraits = [paint(person, 0, seed=2).image for person in range(3)]
    far = np.full((900, 1100, 3), 90, np.uint8)
    small = portraits[0][::2, ::2]
    far[300 : 300 + small.shape[0], 400 : 400 + small.shape[1]] = small
    empty = np.random.default_rng(3).integers(0, 255, (300, 200, 3)).astype(np.uint8)
    height = min(portraits[1].shape[0], portraits[2].shape[0])
    group = np.concatenate([portraits[1][:height], portraits[2][:height]], axis=1)
    images = [*portraits, far, empty, group, portraits[2][:200, :150], group, group, empty, far]
    coarse = SearchRule("largest", 0.9, 20.0, coarse_only=True)
    box = SearchRule("largest", 0.9, 20.0, given_box=(group.shape[1] / 2, 0.0, group.shape[1], height))
    return images, [LARGEST] * 7 + [CENTER, box, coarse, SearchRule("all")]


def compare(found: Sequence[list[Face]], wanted: Sequence[list[Face]], most_px: float) -> int:
    """Hold faces against each other, the best score first; return how many there are."""
    count = 0
    for some, others in zip(found, wanted, strict=True):
        assert len(some) == len(others)
        by_score = [sorted(faces, key=lambda face: -face.score) for faces in (some, others)]
        for face, other in zip(*by_score, strict=True):
            assert np.abs(face.box - other.box).max() < most_px
            assert np.abs(face.landmarks - other.landmarks).max() < most_px
            assert abs(face.score - other.score) < 1e-3
            assert (face.look is None) == (other.look is None)
            count += 1
    return count


def test_it_finds_the_same_faces(ours: MtcnnOnGpu, theirs: Mtcnn) -> None:
    images, rules = crowd()
    assert compare(ours.detect(images, rules), theirs.detect(images, rules), 0.05) >= 10


def test_a_photo_does_not_depend_on_its_batch(ours: MtcnnOnGpu) -> None:
    def as_bytes(faces: list[Face]) -> list[tuple[bytes, bytes, float]]:
        return [(face.box.tobytes(), face.landmarks.tobytes(), face.score) for face in faces]

    images, rules = crowd()
    alone = [as_bytes(ours.detect([image], [rule])[0]) for image, rule in zip(images, rules, strict=True)]
    assert sum(map(bool, alone)) >= 8
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(images))[: len(images) - 3 * seed]
        found = ours.detect([images[i] for i in order], [rules[i] for i in order])
        assert [as_bytes(faces) for faces in found] == [alone[i] for i in order]


def test_no_photos_and_no_rules(ours: MtcnnOnGpu) -> None:
    assert ours.detect([]) == []
    image = paint(0, 0, seed=2).image
    assert len(ours.detect([image])[0]) == 1


@needs_shared
@pytest.mark.parametrize(("folder", "rule"), [("lfw", CENTER), ("celeba", LARGEST)])
def test_real_faces_are_where_the_other_way_finds_them(
    ours: MtcnnOnGpu, theirs: Mtcnn, folder: str, rule: SearchRule
) -> None:
    """On a GPU .2 px are allowed; on a CPU both see the same pixels, and only last bits differ."""
    files = sorted((SHARED / "data" / folder).rglob("*.jpg"))
    images = [decode(file.read_bytes()) for file in files[:: len(files) // 64][:64]]
    rules = [rule] * len(images)
    assert compare(ours.detect(images, rules), theirs.detect(images, rules), 0.05) >= 64


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DetectorError, match="torch sees no GPU here; use --device cpu"):
        MtcnnOnGpuFactory()()
