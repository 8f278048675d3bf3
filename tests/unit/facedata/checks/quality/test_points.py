"""The pose of a rigid head whose angles are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.checks.quality.points import measure_pose
from tests.support.measured_faces import head_points


@pytest.mark.parametrize("pitch_deg", [-40.0, -20.0, 0.0, 20.0, 40.0])
@pytest.mark.parametrize("yaw_deg", [-75.0, -50.0, -20.0, 0.0, 20.0, 50.0, 75.0])
def test_it_is_the_squared_cosine_of_the_angle_to_the_camera(yaw_deg: float, pitch_deg: float) -> None:
    expected = (np.cos(np.radians(yaw_deg)) * np.cos(np.radians(pitch_deg))) ** 2
    # yaw and pitch are read one at a time, so far aside and nodding they mix
    allowed = 0.01 if 0 in (yaw_deg, pitch_deg) else 0.1
    assert measure_pose(head_points(yaw_deg, pitch_deg)) == pytest.approx(expected, abs=allowed)


@given(st.floats(-180, 180), st.floats(5, 500), st.floats(-60, 60))
def test_turn_in_the_plane_and_size_do_not_count(roll_deg: float, eyes_px: float, yaw_deg: float) -> None:
    turned = measure_pose(head_points(yaw_deg, roll_deg=roll_deg, eyes_px=eyes_px))
    assert turned == pytest.approx(measure_pose(head_points(yaw_deg)), abs=1e-6)


def test_it_falls_all_the_way_to_the_profile_and_behind() -> None:
    aside = [measure_pose(head_points(yaw_deg=yaw)) for yaw in range(0, 120, 5)]
    assert (np.diff(aside) <= 1e-9).all()
    assert aside[18:] == pytest.approx([0.0] * len(aside[18:]), abs=1e-9)
    for pitches in (range(0, 75, 5), range(0, -75, -5)):
        nodding = [measure_pose(head_points(pitch_deg=pitch)) for pitch in pitches]
        assert (np.diff(nodding) < 0).all()


def test_points_that_tell_nothing() -> None:
    assert np.isnan(measure_pose(np.full((5, 2), np.nan)))
    assert np.isnan(measure_pose(np.full((5, 2), 7.0)))
