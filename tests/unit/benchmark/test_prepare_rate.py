"""The rate of `prepare` is that of the photos that one set has more than the other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tests.benchmark.gpu_rows import prepare_rate
from tests.benchmark.gpu_rows.prepare_rate import measure_rate, read_photos


def test_painted_photos_stand_in_for_celeba_s(tmp_path: Path) -> None:
    what, photos = read_photos(tmp_path)
    assert what == "painted photos of CelebA's size"
    assert len(set(photos)) == 64
    image = cv2.imdecode(np.frombuffer(photos[0], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (218, 178, 3)
    (tmp_path / "0.jpg").write_bytes(b"one")
    assert read_photos(tmp_path) == ("CelebA photos as photographed", [b"one"])


def test_start_and_end_are_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is read before and after each set: 10 s for the first, 14 s for the second."""
    _, photos = read_photos(tmp_path / "none")
    clock = iter([0.0, 10.0, 20.0, 34.0])
    monkeypatch.setattr(prepare_rate, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    rate, faces = measure_rate(photos, tmp_path, "cpu", 1, (2, 10))
    assert faces == 10
    assert rate == pytest.approx(8 / 4)
