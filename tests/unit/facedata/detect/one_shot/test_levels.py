"""The search from coarse to fine: how far it goes, and what both detectors that use it give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from facedata.detect.base import Detector, DetectorFactory
from facedata.detect.choose import box_iou
from facedata.detect.mtcnn.networks import CascadeNetworks, make_networks
from facedata.detect.one_shot.levels import search_levels
from facedata.detect.one_shot.refine import Candidates
from facedata.detect.one_shot.retinaface_factory import RetinafaceFactory
from facedata.detect.one_shot.yunet_factory import YunetFactory
from facedata.detect.search import SearchRule
from facedata.painted import paint, paint_empty
from facedata.types import Face, UInt8Image
from tests.support.shared_data import SHARED, needs_shared

_FACTORIES: dict[str, DetectorFactory] = {
    "yunet": YunetFactory(weights=str(SHARED / "weights/face_detection_yunet_2023mar.onnx")),
    "retinaface": RetinafaceFactory(weights=str(SHARED / "weights/retinaface_mobilenet0.25_Final.pth")),
}


class MarkFinder:
    """Finds bright squares of at least 8 px; notes which levels it was asked for."""

    def __init__(self, score: float = 0.95) -> None:
        self.score = score
        self.asked: list[tuple[int, int]] = []

    def find(self, images: Sequence[UInt8Image], side_px: int) -> list[Candidates]:
        self.asked.append((side_px, len(images)))
        return [self._find(image) for image in images]

    def _find(self, image: UInt8Image) -> Candidates:
        rows, columns = np.nonzero(image[:, :, 0] > 128)
        found = len(rows) > 0 and min(np.ptp(rows), np.ptp(columns)) >= 7
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if found else []
        return Candidates(
            np.array(box, np.float32).reshape(-1, 4),
            np.full(int(found), self.score, np.float32),
            np.zeros((int(found), 5, 2), np.float32),
        )


@pytest.fixture(scope="module")
def networks() -> CascadeNetworks:
    return make_networks()


def marked(size: tuple[int, int], at: int, side: int) -> UInt8Image:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[at : at + side, at : at + side] = 255
    return image


def asked_of(
    networks: CascadeNetworks, images: list[UInt8Image], search: SearchRule, score: float = 0.95
) -> list[tuple[int, int]]:
    finder = MarkFinder(score)
    with networks.one_thread():
        search_levels(finder, networks, images, [search] * len(images))
    return finder.asked


LARGEST = SearchRule("largest", 0.9, 20.0)


def test_a_large_face_ends_the_search_at_once(networks: CascadeNetworks) -> None:
    assert asked_of(networks, [marked((1000, 800), 100, 500)], LARGEST) == [(160, 1)]


def test_only_photos_whose_choice_is_open_are_searched_finer(networks: CascadeNetworks) -> None:
    images = [marked((1000, 800), 100, 500), marked((1000, 800), 100, 30), marked((1000, 800), 0, 0)]
    # 30 px of 1,000 are seen at 320 px, and settled where no face of 30 px can be overlooked; nothing at all
    # is looked for to the end
    assert asked_of(networks, images, LARGEST) == [(160, 3), (320, 2), (640, 2), (1280, 2)]


def test_a_search_ends_at_the_photos_own_size_and_at_a_bound(networks: CascadeNetworks) -> None:
    assert asked_of(networks, [marked((100, 90), 0, 0)], LARGEST) == [(160, 1)]
    assert asked_of(networks, [marked((320, 90), 0, 0)], LARGEST) == [(160, 1), (320, 1)]
    assert asked_of(networks, [marked((9000, 50), 0, 0)], LARGEST)[-1] == (2560, 1)


def test_for_every_face_the_search_goes_on_until_none_can_be_overlooked(networks: CascadeNetworks) -> None:
    image = marked((1000, 800), 100, 500)
    assert asked_of(networks, [image], SearchRule("all", 0.9, 20.0))[-1] == (1280, 1)
    assert asked_of(networks, [image], SearchRule("all", 0.9, 60.0))[-1] == (320, 1)


def test_where_nothing_good_is_found_the_search_goes_to_the_end(networks: CascadeNetworks) -> None:
    """A face that is unsure on few pixels may be sure on more, however large it must be."""
    image, search = marked((1000, 800), 100, 500), SearchRule("largest", 0.9, 200.0)
    assert asked_of(networks, [image], search) == [(160, 1)]
    assert asked_of(networks, [image], search, score=0.8)[-1] == (1280, 1)


def test_no_photos_are_no_search(networks: CascadeNetworks) -> None:
    assert asked_of(networks, [], LARGEST) == []


@pytest.fixture(scope="module", params=_FACTORIES)
def detector(request: pytest.FixtureRequest) -> Detector:
    if not (SHARED / "weights").is_dir():
        pytest.skip(f"no weights at {SHARED} (set FACEDATA_SHARED)")
    return _FACTORIES[str(request.param)]()


@pytest.fixture(scope="module")
def photos() -> list[UInt8Image]:
    """Painted people of several sizes, two of them together, and nobody."""
    images = [paint(person, photo, seed=1).image for person in range(3) for photo in range(2)]
    images += [paint(5, 0, beside=6).image, paint_empty().image, images[0][:301, :203], images[1][::3, ::3]]
    return [np.ascontiguousarray(image) for image in images]


def as_bytes(faces: list[list[Face]]) -> list[list[tuple[bytes, bytes, float]]]:
    return [[(f.box.tobytes(), f.landmarks.tobytes(), f.score) for f in photo] for photo in faces]


def test_it_is_a_detector(detector: Detector) -> None:
    assert isinstance(detector, Detector)
    assert detector.name in _FACTORIES


def test_painted_eyes_are_found_where_they_were_painted(detector: Detector) -> None:
    painted = [paint(person, photo, seed=1) for person in range(5) for photo in range(3)]
    found = detector.detect([photo.image for photo in painted], [LARGEST] * len(painted))
    off = []
    for photo, faces in zip(painted, found, strict=True):
        gap = np.linalg.norm(photo.eyes[0, 1] - photo.eyes[0, 0])
        off.append(
            min(np.linalg.norm(f.landmarks[:2] - photo.eyes[0], axis=1).mean() / gap for f in faces)
            if faces
            else np.inf
        )
    assert np.isfinite(off).sum() >= 14
    assert np.median(off) < 0.08


def test_a_photo_does_not_depend_on_its_batch_or_on_earlier_ones(
    detector: Detector, photos: list[UInt8Image]
) -> None:
    rules = [LARGEST, SearchRule(), LARGEST, SearchRule("only", 0.9, 20.0), LARGEST] * 2
    alone = [detector.detect([image], [rule])[0] for image, rule in zip(photos, rules, strict=True)]
    order = np.random.default_rng(5).permutation(len(photos))
    shuffled = detector.detect([photos[i] for i in order], [rules[i] for i in order])
    assert as_bytes(detector.detect(photos, rules)) == as_bytes(alone)
    assert as_bytes(shuffled) == as_bytes([alone[i] for i in order])


def test_a_photo_does_not_depend_on_the_number_of_threads(
    detector: Detector, photos: list[UInt8Image]
) -> None:
    import cv2

    torch_threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            cv2.setNumThreads(threads)
            found.append(as_bytes(detector.detect(photos[:4])))
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (threads, threads)
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv_threads)
    assert found[0] == found[1]


@pytest.mark.parametrize("shape", [(1, 1), (11, 300), (12, 12), (13, 21), (700, 20), (33, 31)])
def test_odd_sizes_are_searched_without_error(detector: Detector, shape: tuple[int, int]) -> None:
    assert detector.detect([np.zeros((*shape, 3), np.uint8)]) == [[]]


def test_no_photos_give_no_faces(detector: Detector) -> None:
    assert detector.detect([]) == []


@needs_shared
def test_every_face_of_a_group_is_found_where_mtcnn_finds_it(detector: Detector) -> None:
    from facedata.detect.mtcnn.detector import Mtcnn
    from facedata.photos.image import decode

    image = decode((SHARED / "data/group_photos/bald_guys.jpg").read_bytes())
    wanted = [face for face in Mtcnn().detect([image])[0] if face.score > 0.95]
    found = detector.detect([image])[0]
    assert len(wanted) > 5
    missed = [w for w in wanted if max(box_iou(w.box, f.box) for f in found) < 0.6]
    assert len(missed) <= 1
