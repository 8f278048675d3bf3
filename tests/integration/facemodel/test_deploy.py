"""The script of docs/deploy.md, run as it stands there: `embed`'s numbers, and `identify`'s names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facedata import find_crops
from facedata.crops.codec import decode_crop, encode_crop
from facemodel import enroll, identify, open_model
from facemodel.models.placement import describe_placement
from tests.support.onnx_networks import MOBILEFACENET
from tests.support.shared_data import SHARED, needs_shared

PAGE = Path(__file__).parents[3] / "docs" / "deploy.md"
PEOPLE = SHARED / "data" / "knn_examples"

pytestmark = needs_shared


def script() -> str:
    """Return the program that the page prints."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (code,) = [block for block in blocks if "FaceDetectorYN" in block]
    return str(code)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with all that the script reads: a real network, YuNet, a gallery of five people."""
    for source, name in (("mobilefacenet_112_ms1m", "model"), ("face_detection_yunet_2023mar",) * 2):
        (tmp_path / f"{name}.onnx").symlink_to(SHARED / "weights" / f"{source}.onnx")
    (tmp_path / "model.json").write_text(json.dumps(MOBILEFACENET))
    spec = open_model(tmp_path / "model.onnx").spec
    (tmp_path / "model.json").write_text(
        json.dumps({**MOBILEFACENET, "layout": "NCHW", **describe_placement(spec)})
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cosine(one: Any, other: Any) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_it_has_about_twenty_lines_and_needs_three_packages() -> None:
    lines = [line for line in script().splitlines() if line.strip()]
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert len(lines) - len(imports) <= 28
    others = {line.split()[1] for line in imports} - {"json", "sys", "pathlib"}
    assert others == {"cv2", "numpy", "onnxruntime"}


def test_with_the_same_points_its_embeddings_are_those_of_embed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal where the photo is not shrunk to less than half, but for the JPEG of a set's crops."""
    enroll(folder / "model.onnx", PEOPLE / "train", folder / "g.parquet", npz=str(folder / "gallery.npz"))
    monkeypatch.setattr(sys, "argv", ["name.py"])
    program: dict[str, Any] = {}
    exec(script(), program)
    model, found = open_model(folder / "model.onnx"), []
    photos = [
        *sorted((PEOPLE / "test").glob("*.jpg")),
        *sorted((SHARED / "data/lfw/lfw-deepfunneled").rglob("*.jpg"))[::600],
        *sorted((SHARED / "data/celeba").rglob("*.jpg"))[::80],
    ]
    for photo in photos:
        for crop in find_crops(photo, face="largest", template="arcface112"):
            mine = program["embed"](cv2.imread(str(photo)), crop.face.landmarks.reshape(-1))
            stored = decode_crop(encode_crop(crop.image))
            scale = float(np.sqrt(np.linalg.det(crop.matrix[:, :2])))
            found.append((scale, cosine(mine, model.embed(stored)), cosine(mine, model.embed(crop.image))))
    scales, cosines, exact = np.array(found).T
    assert len(scales) >= 15
    assert {True, False} == set(scales > 0.5)
    assert cosines.min() > 0.98
    assert np.median(cosines) > 0.998
    assert exact[scales > 0.5].min() > 0.99999


def test_its_names_are_those_of_identify(folder: Path) -> None:
    arrays = str(folder / "gallery.npz")
    enroll(folder / "model.onnx", PEOPLE / "train", folder / "g.parquet", npz=arrays, threshold=0.3)
    (folder / "name.py").write_text(script(), encoding="utf-8")
    photos = [str(photo) for photo in sorted((PEOPLE / "test").glob("*.jpg"))]
    told = subprocess.run(
        [sys.executable, "name.py", *photos], capture_output=True, text=True, check=True, cwd=folder
    )
    named: dict[str, list[str]] = {photo: [] for photo in photos}
    for line in told.stdout.splitlines():
        photo, who, _ = line.split("\t")
        named[photo].append(who)
    expected = {
        one.photo: sorted(face.name or "unknown" for face in one.faces)
        for one in identify(folder / "model.onnx", folder / "g.parquet", photos).photos
    }
    assert {photo: sorted(names) for photo, names in named.items()} == expected
    assert sum(name != "unknown" for names in named.values() for name in names) == 7
