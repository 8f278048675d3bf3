"""Pictures of scores: there, readable, the same bytes each time."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from facedata.errors import MissingExtraError, StoreError
from facemodel.scoring.metrics import roc
from facemodel.scoring.plots import NamedRoc, draw_roc, draw_scores, visible_points

rng = np.random.default_rng(0)
SAME = rng.random(500) < 0.5
VALUES = rng.normal(size=500) + 2 * SAME


def test_pictures_can_be_read_and_do_not_change(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw_roc(tmp_path / f"{name}-roc.png", [NamedRoc("cosine", roc(VALUES, SAME))])
        draw_scores(tmp_path / f"{name}-scores.png", VALUES, SAME, 1.0, "cosine")
    for kind in ("roc", "scores"):
        one, other = (tmp_path / f"{name}-{kind}.png" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()
        image = cv2.imread(str(one))
        assert image is not None
        assert min(image.shape[:2]) > 300
        assert len(np.unique(image.reshape(-1, 3), axis=0)) > 10  # something is drawn


def test_a_threshold_and_the_kinds_of_pairs_show(tmp_path: Path) -> None:
    draw_scores(tmp_path / "with.png", VALUES, SAME, 1.0, "euclidean")
    draw_scores(tmp_path / "without.png", VALUES, SAME, None, "euclidean")
    assert (tmp_path / "with.png").read_bytes() != (tmp_path / "without.png").read_bytes()


def test_equal_scores_have_a_picture(tmp_path: Path) -> None:
    draw_scores(tmp_path / "s.png", np.ones(4), np.array([True, True, False, False]), None, "head")
    assert (tmp_path / "s.png").stat().st_size


def test_a_long_curve_is_drawn_with_few_points_that_lose_nothing() -> None:
    same = np.arange(300_000) % 2 == 0
    curve = roc(np.random.default_rng(1).normal(size=300_000) + 2 * same, same)
    rows = visible_points(curve)
    assert len(rows) <= 4002 < len(curve.thresholds)
    assert rows[0] == 0
    assert rows[-1] == len(curve.thresholds) - 1
    far = np.geomspace(1e-4, 1, 200)
    drawn, whole = (np.interp(far, curve.far[some], curve.tar[some]) for some in (rows, slice(None)))
    assert np.abs(drawn - whole).max() < 2e-3


def test_matplotlib_is_an_extra(tmp_path: Path) -> None:
    with (
        patch.dict(sys.modules, {"matplotlib": None}),
        pytest.raises(MissingExtraError, match="train"),
    ):
        draw_scores(tmp_path / "s.png", VALUES, SAME, None, "cosine")


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        draw_scores(tmp_path / "file/s.png", VALUES, SAME, None, "cosine")
