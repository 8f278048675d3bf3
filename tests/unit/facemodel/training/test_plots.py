"""Pictures of a run: what they show is what was there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from facemodel.batches.to_input import ToInput
from facemodel.spec import InputSpec
from facemodel.training.history import EpochRow
from facemodel.training.plots import draw_batch, draw_curves, draw_usage, seen_images

SPEC = InputSpec(size_px=8, template="square", dim=4, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))


def crops(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), np.uint8)


def read(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def test_what_the_network_sees_is_drawn_in_true_colours() -> None:
    for colour in ("rgb", "bgr"):
        spec = InputSpec(**{**vars(SPEC), "colour": colour})
        images = ToInput(spec)(crops(3)).numpy()
        assert np.array_equal(seen_images(images, spec), crops(3))


def test_a_triplets_photos_stand_side_by_side(tmp_path: Path) -> None:
    images = ToInput(SPEC)(crops(6)).numpy()
    draw_batch(tmp_path / "first_batch.png", images, SPEC, columns=3)
    page = read(tmp_path / "first_batch.png")
    assert page.shape == (2 * 10 + 2, 3 * 10 + 2, 3)
    for place, crop in enumerate(crops(6)):
        line, column = divmod(place, 3)
        assert np.array_equal(page[2 + 10 * line :][:8, 2 + 10 * column :][:, :8], crop)


def test_curves_and_usage_are_drawn_of_any_history(tmp_path: Path) -> None:
    rows = [EpochRow(epoch=0, val_loss=1.0), EpochRow(epoch=1, loss=0.5, lr=0.1, val_auc=0.7)]
    draw_curves(tmp_path / "curves.png", rows)
    draw_curves(tmp_path / "nothing.png", [])
    draw_usage(tmp_path / "usage.png", np.array([0, 3, 3, 500]))
    draw_usage(tmp_path / "none.png", np.zeros(0, np.int64))
    for name in ("curves", "nothing", "usage", "none"):
        assert read(tmp_path / f"{name}.png").std() > 0
    assert len(list(tmp_path.iterdir())) == 4  # no temporary file
