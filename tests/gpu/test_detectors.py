"""`prepare --device`: the same photos kept, and faces within half a pixel of the CPU's.

Scores near a threshold may fall on the other side, which painted portraits do not have.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facedata import PrepareConfig, PreparedSet, prepare
from facedata.crops.codec import decode_crop
from facedata.detect.mtcnn.on_gpu.factory import MtcnnOnGpuFactory
from facedata.testing import painted_folder
from tests.support.shared_data import SHARED, needs_shared
from tests.support.similarity import mean_ssim

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


@needs_shared
@pytest.mark.parametrize(("folder", "face"), [("lfw", "center"), ("celeba", "largest")])
def test_real_photos_give_the_crops_of_a_cpu(
    device: torch.device, tmp_path: Path, folder: str, face: str
) -> None:
    """No photo is lost; eyes within .2 px, crops with a structural similarity of .98 and more.

    On a CPU the same steps are taken, but for nvJPEG's.
    """
    files = sorted((SHARED / "data" / folder).rglob("*.jpg"))
    for number, file in enumerate(files[:: len(files) // 64][:64]):
        home = tmp_path / "photos" / f"p{number // 2:02d}"
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{number}.jpg").write_bytes(file.read_bytes())
    options = PrepareConfig(face=face, size=160, workers=1, device="cpu")
    wanted = prepare(tmp_path / "photos", tmp_path / "cpu", options)
    found = prepare(
        tmp_path / "photos", tmp_path / "here", options, detector=MtcnnOnGpuFactory(device=device.type)
    )
    kept = 0
    for row, other in zip(found.table("photos").to_pylist(), wanted.table("photos").to_pylist(), strict=True):
        assert row["status"] == "kept" or other["status"] != "kept", row["photo"]
        if row["status"] == other["status"] == "kept":
            kept += 1
            eyes, others = (np.array(one["landmarks"][:4]) for one in (row, other))
            assert np.abs(eyes - others).max() < 0.2, row["photo"]
            crops = [
                decode_crop((tmp_path / name / "crops" / row["path"]).read_bytes())
                for name in ("here", "cpu")
            ]
            assert mean_ssim(*crops) >= 0.98, row["photo"]
    assert kept >= 60


def test_workers_and_order_leave_no_trace(device: torch.device, tmp_path: Path) -> None:
    """The byte promise, on the device: a set by one worker and by two."""
    painted_folder(tmp_path / "photos", people=5, photos=3)
    detector = MtcnnOnGpuFactory(device=device.type)
    sets = [
        prepare(
            tmp_path / "photos", tmp_path / f"by{workers}",
            PrepareConfig(size=64, workers=workers, device="cpu"), detector=detector,
        )
        for workers in (1, 2)
    ]  # fmt: skip
    one, two = (Path(str(made.path)) for made in sets)
    for file in sorted(
        path.relative_to(one) for path in one.rglob("*") if path.suffix in (".parquet", ".jpg")
    ):
        if file.parts[0] != "report":
            assert (one / file).read_bytes() == (two / file).read_bytes(), file
