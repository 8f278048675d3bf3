"""A recipe that depends on the set: what `fit` says, writes down, and resumes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from facedata.sets.prepared import PreparedSet
from facemodel import fit
from facemodel.errors import RunError
from tests.support.fit_files import read_fit_config
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY

OPTIONS: dict[str, Any] = {k: v for k, v in TINY.items() if k not in ("batch", "epochs")}
OPTIONS |= {"recipe": "default", "precision": "fp32", "warmup_epochs": 0.5, "epochs": 2}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=12, photos=3)


def test_fit_says_what_it_chose_and_writes_it_down(
    few: PreparedSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="facemodel"):
        fit(few.path, tmp_path / "run", **OPTIONS, lr=2e-3)
    (line,) = [text for text in caplog.messages if text.startswith("chosen for")]
    assert line == (
        "chosen for 10 people with 3 photos each in the middle, from scratch: --photos-per-person 2 "
        "--loss multi-similarity --miner semihard --margin 0.2 --batch 64; an option that you give wins"
    )
    config = read_fit_config(tmp_path / "run" / "config.toml")
    assert (config.loss, config.miner, config.batch, config.lr, config.adapt) == (
        "multi-similarity", "semihard", 64, 2e-3, "",
    )  # fmt: skip
    # the file as run gives the same run again, whatever set it would be given
    fit(few.path, tmp_path / "again", config=config)
    assert _weights(tmp_path / "again") == _weights(tmp_path / "run")


def test_a_run_with_chosen_options_resumes_bit_for_bit(few: PreparedSet, tmp_path: Path) -> None:
    fit(few.path, tmp_path / "whole", **{**OPTIONS, "schedule": "constant"})
    fit(few.path, tmp_path / "parts", **{**OPTIONS, "schedule": "constant", "epochs": 1})
    fit(few.path, tmp_path / "parts", **{**OPTIONS, "schedule": "constant"}, resume=True)
    assert _weights(tmp_path / "parts") == _weights(tmp_path / "whole")
    with pytest.raises(RunError, match=r"lr: 0\.001 before, 0\.5 now"):
        fit(few.path, tmp_path / "parts", **{**OPTIONS, "schedule": "constant"}, lr=0.5, resume=True)


def _weights(run: Path) -> bytes:
    return (run / "last.safetensors").read_bytes()
