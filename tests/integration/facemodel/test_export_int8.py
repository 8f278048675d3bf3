"""Int8 files of real networks, judged on real people, read by their own runtimes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facedata import ClassManifest, prepare
from facedata.options import look_up
from facemodel import enroll, evaluate, open_model
from facemodel.config import FORMATS
from tests.support.facemodel_command import done
from tests.support.onnx_networks import mobilefacenet
from tests.support.people_set import people_set
from tests.support.saved_runs import write_run
from tests.support.shared_data import SHARED, needs_shared


def test_a_run_becomes_an_int8_onnx_file_that_is_a_model_like_any_other(tmp_path: Path) -> None:
    trained, faces = write_run(tmp_path), people_set(tmp_path / "faces", 12, 4)
    out = tmp_path / "small.onnx"
    told = done("export", trained, "--int8", "--set", faces.path, "--out", out)
    values = json.loads(out.with_suffix(".json").read_text())
    figures = values["int8"]
    assert figures["bytes"] == out.stat().st_size < figures["bytes_before"]
    assert figures["judged_by"] == "cosine"
    assert "are too few for TAR at FAR 0.001" in told.stdout.replace("pairs", "are")
    model = open_model(out)
    crops = np.stack([row.image() for row in ClassManifest.open(faces, split="test")])
    ours, theirs = open_model(trained).embed(crops), model.embed(crops)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.mean() > 0.99
    evaluate(out, faces.path, tmp_path / "scores")
    assert (tmp_path / "scores" / "scores.json").is_file()


@pytest.mark.slow
def test_a_run_becomes_an_int8_tflite_file(tmp_path: Path) -> None:
    trained, faces = write_run(tmp_path), people_set(tmp_path / "faces", 12, 4)
    out = tmp_path / "small.tflite"
    told = done("export", trained, "--to", "tflite", "--int8", "--set", faces.path, "--out", out)
    assert "Calibration" not in told.stderr  # its bars are nobody's
    figures = json.loads(out.with_suffix(".json").read_text())["int8"]
    assert figures["bytes"] == out.stat().st_size < figures["bytes_before"]
    images = np.zeros((3, 3, 32, 32), np.float32)
    assert look_up(FORMATS, "tflite").read(out)(images)[0].shape == (3, 8)  # float32 in and out


@needs_shared
@pytest.mark.slow
def test_mobilefacenet_loses_at_most_two_tenths_of_a_point_on_real_people(tmp_path: Path) -> None:
    net = mobilefacenet(tmp_path / "model")
    prepare(
        SHARED / "data" / "celeba", tmp_path / "faces", kind="celeba", template="arcface112",
        splits="train=0.4,test=0.6", split_by="identity", workers=1,
    )  # fmt: skip
    out = tmp_path / "small.onnx"
    done("export", net, "--int8", "--set", tmp_path / "faces", "--out", out)
    figures = json.loads(out.with_suffix(".json").read_text())["int8"]
    assert figures["judged_by"] == "tar"
    assert figures["impostors"] >= 10_000
    assert 100 * (figures["tar_before"] - figures["tar_after"]) <= 0.2 + 1e-9
    assert figures["bytes"] < 0.5 * figures["bytes_before"]
    people = SHARED / "data" / "knn_examples" / "train"
    assert len(enroll(out, people, tmp_path / "g.parquet", threshold=0.3)) == 5
