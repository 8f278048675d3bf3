"""A set of finished crops (`prepare --as-crops`) in every command that reads sets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from facedata.sets.prepared import PreparedSet
from facemodel import FitConfig
from facemodel.commands.check import check
from facemodel.commands.embed import embed_set
from facemodel.commands.evaluate import evaluate
from facemodel.errors import SpecError
from facemodel.network.model import input_spec
from tests.support.colour_embedder import ColourEmbedder
from tests.support.finished_crops import SIDE, take_crops, write_crops


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    home = tmp_path_factory.mktemp("finished")
    return take_crops(write_crops(home / "crops", {f"p{number}": 6 for number in range(8)}), home / "faces")


def test_it_is_embedded_scored_and_checked(faces: PreparedSet, tmp_path: Path) -> None:
    model = ColourEmbedder(size_px=SIDE, template="arcface112")
    embed_set(model, faces.path, tmp_path / "embeddings.parquet")
    assert len(pd.read_parquet(tmp_path / "embeddings.parquet")) == 48
    scores = evaluate(model, faces.path, tmp_path / "scores", split="test", by=("score",))
    assert scores["pairs"]["genuine"] > 0
    assert [one["groups"] for one in scores["slices"]] == [[]]  # no face was looked for, so none has a score
    found = check(faces, model, out=tmp_path / "check")
    assert found.summary["crops"] == found.summary["readable"] == 48
    assert found.summary["who_is_who"]["unusable"] == 0


def test_its_template_and_size_bind_a_model(faces: PreparedSet, tmp_path: Path) -> None:
    spec = input_spec(FitConfig(), faces)
    assert (spec.template, spec.crop_px, spec.margin) == ("arcface112", SIDE, 0)
    with pytest.raises(SpecError, match="arcface112"):
        evaluate(ColourEmbedder(size_px=SIDE, template="square"), faces.path, tmp_path / "scores")
