"""The commands with ``--device``: what they find is what they find on a CPU.

Embeddings to a cosine of 1 - 1e-5, scores to 2e-3, nearly all the same triplets and findings, since of two
that are equally near either may be the nearest. The model is one that a few steps have trained.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facedata import PreparedSet, TripletManifest
from facemodel import check, embed_set, evaluate, fit, mine, open_model
from facemodel.models.embedding_file import read_embeddings
from tests.support.history import read_csv
from tests.support.tiny_fit import TINY

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(faces: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs, on the CPU."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    fit(faces.path, folder, **TINY, rows_per_epoch=36)
    return folder


def test_a_run_on_the_device_is_read_on_a_cpu(
    faces: PreparedSet, run: Path, device: torch.device, tmp_path: Path
) -> None:
    """From the first batch's picture to the card: all that a run does, once."""
    options = {**TINY, "optimizer": "sgd", "lr": 1e-3, "rows_per_epoch": 36}
    fit(faces.path, tmp_path / "here", **{**options, "device": str(device)})
    fit(faces.path, tmp_path / "cpu", **options)
    for one, other in zip(
        *(read_csv(tmp_path / name / "history.csv") for name in ("here", "cpu")), strict=True
    ):
        assert one.val_loss == pytest.approx(other.val_loss, rel=5e-3)
    crops = np.random.default_rng(0).integers(0, 256, (5, 24, 24, 3), np.uint8)
    ours, theirs = (open_model(tmp_path / name, "cpu").embed(crops) for name in ("here", "cpu"))
    assert np.allclose(ours, theirs, atol=1e-2)


def test_auto_precision_is_measured_on_the_device(
    faces: PreparedSet, device: torch.device, tmp_path: Path
) -> None:
    fit(faces.path, tmp_path / "run", **{**TINY, "device": str(device), "precision": "auto", "epochs": 1})
    settings = json.loads((tmp_path / "run" / "state" / "settings.json").read_text())
    assert settings["settings"]["precision"] in ("fp32", "bf16")


def test_embeddings_are_a_cpus(faces: PreparedSet, run: Path, device: torch.device, tmp_path: Path) -> None:
    kept: list[Any] = []
    for kind in (str(device), "cpu"):
        out = tmp_path / f"{kind}-{len(kept)}.parquet"
        embed_set(run, faces.path, out, device=kind, flip=True)
        kept.append(read_embeddings(out))
    assert np.array_equal(kept[0].ids, kept[1].ids)
    lengths = [np.linalg.norm(one.values, axis=1) for one in kept]
    cosines = (kept[0].values * kept[1].values).sum(1) / (lengths[0] * lengths[1])
    assert cosines.min() > 1 - 1e-5
    assert np.allclose(lengths[0], lengths[1], rtol=1e-3)


def test_scores_are_a_cpus(faces: PreparedSet, run: Path, device: torch.device, tmp_path: Path) -> None:
    found, want = (
        evaluate(run, faces.path, tmp_path / name, device=kind)["figures"]
        for name, kind in (("here", str(device)), ("cpu", "cpu"))
    )
    assert numbers(found) == pytest.approx(numbers(want), abs=2e-3, rel=1e-3)


def numbers(value: Any, name: str = "") -> dict[str, float]:
    """Return all numbers of nested figures, by the way to them."""
    if isinstance(value, dict):
        return {key: one for part in value for key, one in numbers(value[part], f"{name}.{part}").items()}
    if isinstance(value, list):
        return {key: one for i, part in enumerate(value) for key, one in numbers(part, f"{name}.{i}").items()}
    return {name: float(value)} if isinstance(value, int | float) else {}


def test_mined_triplets_are_a_cpus(
    faces: PreparedSet, run: Path, device: torch.device, tmp_path: Path
) -> None:
    tables: list[Any] = []
    for kind in (str(device), "cpu"):
        out = tmp_path / f"{kind}-{len(tables)}.parquet"
        mine(run, faces.path, out, device=kind)
        tables.append(TripletManifest.open(out, of=faces.path).table.to_pylist())
    same = [one == other for one, other in zip(*tables, strict=True)]
    assert np.mean(same) > 0.95  # embeddings differ by rounding, and so may the nearest of two


def test_findings_are_a_cpus(faces: PreparedSet, run: Path, device: torch.device, tmp_path: Path) -> None:
    found = [
        {
            (row["kind"], row["left"], row["right"], row["identity"])
            for row in check(faces.path, run, out=tmp_path / name, device=kind).table.to_pylist()
        }
        for name, kind in (("here", str(device)), ("cpu", "cpu"))
    ]
    assert len(found[0] ^ found[1]) <= max(1, len(found[1]) // 20)
