"""The benchmark of GPUs runs where there is none, in small sizes; its crops are as large as real ones."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from facemodel.batches.reader import CropReader
from tests.benchmark import gpu
from tests.benchmark.gpu_rows.painted_set import encode_crops, write_crops
from tests.benchmark.gpu_rows.steps import Sizes, make_trainer, time_steps


def test_the_table_has_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the set that is prepared, which takes worker processes and is tested elsewhere."""
    parts = ["fit", "embed", "head", "mining"]
    assert gpu.main(["--device", "cpu", "--small", "--parts", *parts]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = [line.split(" | ") for line in lines if line.startswith("| ")]
    found = {row[1]: row[2] for row in table}
    assert all(any(words in name for name in found) for words in (
        "end to end", "over and over", "loader alone", "from files to arrays", "all centres", "top 10",
    ))  # fmt: skip
    assert "failed" not in str(found)


def test_a_row_that_fails_leaves_the_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(bench: gpu.Bench) -> list[gpu.Row]:
        raise RuntimeError("no kernel image is available")

    monkeypatch.setitem(gpu.PARTS, "fit", fail)
    assert gpu.main(["--device", "cpu", "--small", "--parts", "fit", "mining"]) == 1
    said = capsys.readouterr()
    assert "| !! | fit | failed: RuntimeError: no kernel image is available |" in said.out
    assert "top 10" in said.out
    assert "Traceback" in said.err


def test_without_a_gpu_it_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 1
    assert "torch finds no GPU here" in capsys.readouterr().out


def test_painted_crops_are_all_different_and_as_large_as_real_ones(tmp_path: Path) -> None:
    crops = list(encode_crops(40, 112))
    assert len(set(crops)) == 40
    assert 4000 < np.mean([len(data) for data in crops]) < 9000
    classes = write_crops(tmp_path / "faces", 10, 4, 112)
    with CropReader(classes, workers=1) as reader:
        assert reader.read(np.arange(40)).shape == (40, 112, 112, 3)
    assert classes.table.column("identity").to_pylist()[:5] == ["p0000000"] * 4 + ["p0000001"]


def test_a_rate_is_over_the_timed_steps_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a second later: of all steps only the time between two looks counts."""
    sizes = Sizes("timm:test_resnet", 32, 20, 8, 3, "fp32")
    classes = write_crops(tmp_path / "faces", 20, 2, 32)
    trainer, seconds = make_trainer(classes, sizes, torch.device("cpu")), iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    before = [value.clone() for value in trainer.objective.parameters()]
    with CropReader(classes, workers=1) as reader:
        assert time_steps(trainer, np.arange(40), sizes, reader).photos_s == 3 * 8
    assert time_steps(trainer, np.arange(40), sizes, None).photos_s == 3 * 8
    after = list(trainer.objective.parameters())
    assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))
