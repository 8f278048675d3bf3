"""`prepare --device`: the same photos kept, and faces within half a pixel of the CPU's.

Scores near a threshold may fall on the other side, which painted portraits do not have.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facedata import PrepareConfig, PreparedSet, prepare
from facedata.testing import painted_folder
from tests.support.shared_data import SHARED

WEIGHTS = {
    "mtcnn": None,
    "yunet": SHARED / "weights" / "face_detection_yunet_2023mar.onnx",
    "retinaface": SHARED / "weights" / "retinaface_mobilenet0.25_Final.pth",
}


def make_set(folder: Path, out: str, detector: str, device: str) -> PreparedSet:
    weights = WEIGHTS[detector]
    return prepare(
        folder / "photos", folder / out,
        PrepareConfig(
            detector=detector, device=device, weights=str(weights) if weights else None, size=64, workers=1
        ),
    )  # fmt: skip


@pytest.mark.parametrize("detector", WEIGHTS)
def test_faces_are_where_a_cpu_finds_them(device: torch.device, tmp_path: Path, detector: str) -> None:
    weights = WEIGHTS[detector]
    if weights is not None and not weights.is_file():
        pytest.skip(f"the weights of {detector} are not at {weights}")
    if detector == "retinaface":
        pytest.importorskip("face_detection", reason="facedata[retinaface] is not installed")
    painted_folder(tmp_path / "photos", people=3, photos=2)
    found, want = (
        make_set(tmp_path, name, detector, kind).table("photos").to_pylist()
        for name, kind in (("here", device.type), ("cpu", "cpu"))
    )
    assert [row["status"] for row in found] == [row["status"] for row in want]
    assert sum(row["status"] == "kept" for row in want) == 6
    for column in ("box", "landmarks"):
        ours, theirs = (np.array([row[column] for row in rows]) for rows in (found, want))
        assert np.abs(ours - theirs).max() < 0.5, column
