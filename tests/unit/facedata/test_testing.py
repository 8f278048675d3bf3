"""The shipped fakes do what tests rely on."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facedata.detect.base import Detector, check_faces
from facedata.errors import DetectorError
from facedata.testing import (
    BEHAVIOURS,
    CrashingDetector,
    FakeDetector,
    MarkedFace,
    NonsenseDetector,
    landmarks_in,
    marked_folder,
    marked_image,
    painted_folder,
)

coordinates = st.floats(0, 500, width=32)
marked_faces = st.builds(
    lambda x, y, side, tilt, score: MarkedFace((x, y, x + side, y + side), tilt, score),
    coordinates,
    coordinates,
    st.floats(1, 400, width=32),
    st.floats(-89, 89, width=32),
    st.floats(0, 1, width=32),
)


@given(faces=st.lists(marked_faces, max_size=4), seed=st.integers(0, 2**40))
def test_marked_faces_are_read_back(faces: list[MarkedFace], seed: int) -> None:
    [found] = FakeDetector().detect([marked_image(40, 30, faces, seed)])
    assert len(found) == len(faces)
    for face, marked in zip(found, faces, strict=True):
        assert np.array_equal(face.box, np.array(marked.box, np.float32))
        assert face.score == marked.score
        assert face.tilt_deg == pytest.approx(marked.tilt_deg, abs=0.1)


def test_a_mark_survives_a_png_and_nothing_is_found_without_one(tmp_path: Path) -> None:
    image = marked_image(64, 64, [MarkedFace((1, 2, 30, 40))])
    Image.fromarray(image).save(tmp_path / "a.png")
    loaded = np.asarray(Image.open(tmp_path / "a.png"))
    damaged = image.copy()
    damaged[0, 9] += 1
    found = FakeDetector().detect(
        [loaded, damaged, np.zeros((5, 5, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)]
    )
    assert [len(faces) for faces in found] == [1, 0, 0, 0]
    assert FakeDetector().detect([]) == []


def test_a_view_of_a_larger_array_is_read_like_a_copy() -> None:
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, :50] = marked_image(50, 40, [MarkedFace((1, 2, 30, 40))])
    assert len(FakeDetector().detect([wide[:, :50]])[0]) == 1


def test_a_mark_that_does_not_fit_or_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        marked_image(4, 3, [MarkedFace((0, 0, 2, 2))])
    with pytest.raises(ValueError, match="behaviour"):
        marked_image(40, 30, behaviour="sing")


def test_landmarks_turn_about_the_middle_of_the_eyes() -> None:
    level, turned = landmarks_in((10, 20, 70, 120), 0), landmarks_in((10, 20, 70, 120), 30)
    assert np.allclose(level[:2].mean(axis=0), turned[:2].mean(axis=0))
    assert turned[1, 1] > turned[0, 1]  # positive: the image-right eye is lower
    assert np.allclose(np.linalg.norm(level - level[0], axis=1), np.linalg.norm(turned - turned[0], axis=1))


@pytest.mark.parametrize("detector", [FakeDetector(), CrashingDetector(), NonsenseDetector()])
def test_fakes_are_detectors_and_picklable(detector: FakeDetector) -> None:
    assert isinstance(detector, Detector)
    image = marked_image(60, 50, [MarkedFace((5, 5, 40, 40))])
    again = pickle.loads(pickle.dumps(detector))
    [[before]], [[after]] = detector.detect([image]), again.detect([image])
    assert (again.name, after.box.tolist()) == (detector.name, before.box.tolist())


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_only_nonsense_brings_nonsense(behaviour: str) -> None:
    image = marked_image(60, 50, [MarkedFace((5, 5, 40, 40))], behaviour=behaviour)
    check_faces(FakeDetector().detect([image])[0], 60, 50)
    [faces] = NonsenseDetector().detect([image])
    if behaviour == "nonsense":
        with pytest.raises(DetectorError, match="not finite"):
            check_faces(faces, 60, 50)
    else:
        check_faces(faces, 60, 50)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_crash_mark_kills_the_process(behaviour: str) -> None:
    code = (
        "from facedata.testing import *\n"
        f"image = marked_image(60, 50, [MarkedFace((5, 5, 40, 40))], behaviour={behaviour!r})\n"
        "CrashingDetector().detect([image])"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode == (-signal.SIGKILL if behaviour == "crash" else 0)


def test_torch_is_not_imported() -> None:
    code = "import sys, facedata.testing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_marked_folder_holds_different_photos_of_one_face_each(tmp_path: Path) -> None:
    marked_folder(tmp_path / "a", people=3, photos=4)
    marked_folder(tmp_path / "b", people=3, photos=4, seed=1)
    files = sorted(tmp_path.glob("*/person-*/*.png"))
    assert len(files) == 24
    assert len({file.read_bytes() for file in files}) == 24
    images = [np.asarray(Image.open(file)) for file in files]
    for image, faces in zip(images, FakeDetector().detect(images), strict=True):
        assert len(faces) == 1
        check_faces(faces, image.shape[1], image.shape[0])
        assert faces[0].box.max() < image.shape[1]


def test_a_painted_folder_holds_portraits(tmp_path: Path) -> None:
    painted_folder(tmp_path, people=2, photos=2)
    files = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.glob("*/*"))
    assert files == ["Amara/01.jpg", "Amara/02.jpg", "Birgit/01.jpg", "Birgit/02.jpg"]
    assert len({(tmp_path / file).read_bytes() for file in files}) == 4
    with pytest.raises(ValueError, match="13 people"):
        painted_folder(tmp_path / "more", people=13)
