"""A second look: what it believes, what it does not, and what it says about a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from facedata.detect.choose import box_iou
from facedata.detect.doubt import DOUBTFUL, MAY_BE_TURNED
from facedata.detect.mtcnn.detector import Mtcnn
from facedata.detect.mtcnn.networks import CascadeNetworks, make_networks
from facedata.detect.mtcnn.on_onnxruntime import OnnxRuntimeNetworks
from facedata.detect.mtcnn.second_look import look_again
from facedata.detect.pyramid import Halves
from facedata.detect.search import SearchRule
from facedata.painted import paint
from facedata.photos.image import decode
from facedata.testing import landmarks_in
from facedata.types import CloserLook, Face, Float32Array, UInt8Image
from tests.support.shared_data import SHARED, needs_shared

BOX = (60.0, 50.0, 100.0, 100.0)
TURNS, NEARBY, SIDES = range(3), range(3, 6), range(6, 8)
"""Which of a face's eight crops show what."""


class Told(OnnxRuntimeNetworks):
    """O-Net that gives what it is told for a face's eight crops, and the points of a face in the middle."""

    def __init__(self, scores: dict[int, float], side_points: Sequence[float] = (0.0, 0.0)) -> None:
        self.scores, self.side_points = scores, side_points
        self.shown = 0

    def onet(self, crops: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Return the scores, no shifts, and points; at the sides moved by shares of the crop."""
        self.shown += len(crops)
        count = len(crops) // 8
        scores = np.array([self.scores.get(index, 0.01) for index in range(8)] * count, np.float32)
        points = np.stack([landmarks_in((0, 0, 1, 1), 0.0)] * len(crops))
        points[6::8, :, 0] += self.side_points[0]
        points[7::8, :, 0] += self.side_points[1]
        return scores, np.zeros((len(crops), 4), np.float32), points


def doubtful(box: tuple[float, ...] = BOX, doubt: float = -3.0, score: float = 0.97) -> Face:
    return Face(np.array(box, np.float32), score, landmarks_in(box, 0.0), look=CloserLook(doubt))


def look(networks: CascadeNetworks, face: Face, side_px: int = 200, may_lower: bool = True) -> Face:
    (seen,) = look_again(networks, [face], [Halves(np.zeros((side_px, side_px, 3), np.uint8))], may_lower)
    return seen


ALL_NEARBY = dict.fromkeys(NEARBY, 0.98)


def test_a_face_in_no_doubt_is_not_looked_at() -> None:
    sure, networks = doubtful(doubt=DOUBTFUL - 0.1), Told({})
    assert look(networks, sure) is sure
    assert networks.shown == 0


def test_a_face_that_stays_one_nearby_keeps_its_score() -> None:
    seen = look(Told(ALL_NEARBY), doubtful())
    assert seen.score == 0.97
    assert seen.look is not None
    assert seen.look.first_score is None
    assert seen.look.doubt < -3


def test_what_is_no_face_nearby_gets_the_score_it_has_there() -> None:
    seen = look(Told({**ALL_NEARBY, 4: 0.02, 5: 0.05}), doubtful())
    assert seen.score == pytest.approx(0.35)
    assert seen.look is not None
    assert seen.look.first_score == 0.97
    np.testing.assert_array_equal(seen.box, doubtful().box)


@pytest.mark.parametrize(
    "box", [(10.0, 10.0, 170.0, 190.0), (-12.0, 50.0, 40.0, 100.0), (150, 160, 200, 230)]
)
def test_a_close_up_and_a_face_at_the_edge_are_not_judged_by_their_surroundings(
    box: tuple[float, ...],
) -> None:
    assert look(Told({}), doubtful(box)).score == 0.97


def test_a_small_face_has_to_be_in_little_doubt() -> None:
    assert look(Told(ALL_NEARBY), doubtful(), 1000).score == 0.97
    assert look(Told(ALL_NEARBY), doubtful(doubt=2.9), 1000).score == pytest.approx(0.00126, abs=1e-5)
    assert look(Told(ALL_NEARBY), doubtful(doubt=2.9), 200).score == 0.97


def test_a_surer_face_that_shares_the_box_takes_it() -> None:
    beside = {**ALL_NEARBY, 6: 0.995}
    assert look(Told(beside, (0.2, 0)), doubtful()).score == pytest.approx(0.005)
    assert look(Told(beside, (-0.3, 0)), doubtful()).score == 0.97  # these eyes are its own
    assert look(Told({**ALL_NEARBY, 6: 0.97}, (0.2, 0)), doubtful()).score == 0.97  # no surer face
    assert look(Told(beside, (1.2, 0)), doubtful()).score == pytest.approx(0.005)


def test_two_faces_one_at_either_side_take_the_box_between_them() -> None:
    both = {**ALL_NEARBY, 6: 0.999, 7: 0.995}
    assert look(Told(both, (-0.05, 0.05)), doubtful()).score == pytest.approx(0.005)
    assert look(Told(both, (-0.25, 0.25)), doubtful()).score == 0.97  # both are the face itself


@pytest.mark.parametrize("turned_score", [0.999, 0.01])
def test_a_face_after_a_turn_says_that_the_photo_may_be_turned(turned_score: float) -> None:
    seen = look(Told({**dict.fromkeys(NEARBY, 0.8), 1: turned_score}), doubtful(doubt=-1.0))
    assert seen.look is not None
    assert (seen.look.doubt > MAY_BE_TURNED) == (turned_score > 0.5)


def test_scores_that_two_networks_gave_are_not_lowered() -> None:
    seen = look(Told({}), doubtful(doubt=3.0), 1000, may_lower=False)
    assert seen.score == 0.97
    assert seen.look is not None
    assert seen.look.doubt > 3


@pytest.fixture(scope="module")
def networks() -> CascadeNetworks:
    return make_networks()


def test_a_face_does_not_depend_on_those_looked_at_with_it(networks: CascadeNetworks) -> None:
    images = [Halves(paint(person, 0, seed=1).image) for person in range(5)]
    faces = [replace(doubtful((60.0 + person, 50, 150, 180)), score=0.99) for person in range(5)]
    with networks.one_thread():
        together = look_again(networks, faces, images)
        alone = [look_again(networks, [one], [image])[0] for one, image in zip(faces, images, strict=True)]
        backwards = look_again(networks, faces[::-1], images[::-1])[::-1]
    for one, other, third in zip(together, alone, backwards, strict=True):
        assert (one.score, one.look) == (other.score, other.look) == (third.score, third.look)


@needs_shared
@pytest.mark.parametrize(
    ("photo", "patch"),
    [
        ("lfw/lfw-deepfunneled/Mahmoud_Abbas/Mahmoud_Abbas_0026.jpg", (127, 200, 151, 226)),
        ("lfw/lfw-deepfunneled/Omar_Sharif/Omar_Sharif_0004.jpg", (109, 189, 134, 217)),
        ("lfw/lfw-deepfunneled/Robert_Fico/Robert_Fico_0001.jpg", (56, 186, 83, 219)),
        ("celeba/img_celeba/183656.jpg", (150, 349, 249, 460)),  # a necklace
        ("group_photos/bald_guys.jpg", (203, 1115, 242, 1164)),
    ],
)
def test_patches_that_scored_above_nine_tenths_are_no_faces(photo: str, patch: tuple[int, ...]) -> None:
    image = decode((SHARED / "data" / photo).read_bytes())
    (faces,) = Mtcnn().detect([image], [SearchRule("all", 0.9, 20.0)])
    (there,) = [one for one in faces if box_iou(one.box, np.array(patch)) > 0.9]
    assert there.look is not None
    assert there.look.first_score is not None
    assert there.look.first_score > 0.9 > there.score
    assert any(one.score > 0.99 and one is not there for one in faces)


@needs_shared
def test_a_patch_of_hillside_is_not_taken_in_place_of_a_tilted_head() -> None:
    """On its side, this photo was kept for a patch of 36 px with a score of .926."""
    image = decode((SHARED / "data/celeba/img_celeba/183341.jpg").read_bytes())
    rule = SearchRule("largest", 0.9, 20.0)
    (faces,) = Mtcnn().detect([np.ascontiguousarray(np.rot90(image))], [rule])
    chosen, status, _ = rule.choose(faces, (image.shape[0], image.shape[1]))
    assert chosen is None or chosen.box[2] - chosen.box[0] > 100, status


@needs_shared
@pytest.mark.parametrize("left_shift", [25, 26])
def test_a_box_between_two_faces_is_left_for_one_of_them(left_shift: int) -> None:
    """Two people of LFW cheek to cheek: a box with half a face of each was kept at a score of .999."""
    people = SHARED / "data/lfw/lfw-deepfunneled"
    left = decode((people / "Brad_Johnson/Brad_Johnson_0003.jpg").read_bytes())
    right = decode((people / "Tom_Scully/Tom_Scully_0001.jpg").read_bytes())
    image = np.zeros((250, 250, 3), np.uint8)
    image[:247, :125] = left[3:, left_shift : left_shift + 125]
    image[:247, 125:] = right[3:, 101:226]
    rule = SearchRule("center", 0.9, 20.0)
    (faces,) = Mtcnn().detect([image], [rule])
    chosen, _, _ = rule.choose(faces, (250, 250))
    assert chosen is not None
    between = np.array([78, 54, 183, 177])  # what was kept, within some pixels
    assert box_iou(chosen.box, between) < 0.6
