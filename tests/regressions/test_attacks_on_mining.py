"""Sets and options with which nothing can be mined: a line that says so, and no file that lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata import TripletManifest
from facedata.config import SplitConfig
from facedata.sets.prepared import PreparedSet
from facedata.tables.parquet import read_table
from tests.support.command_line import Finished
from tests.support.facemodel_command import here
from tests.support.small_set import make_set
from tests.support.trainable_onnx import node_net

_COLOURS: list[Any] = [("GlobalAveragePool", {}, {}), ("Flatten", {}, {})]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A network of mean colours, compared by their distance."""
    return node_net(tmp_path / "net", _COLOURS, dim=3, metric="euclidean")


def made(folder: Path, people: dict[str, int], skip_ids: int = 0) -> PreparedSet:
    return make_set(folder, people, skip_ids=skip_ids, split=SplitConfig(splits="train=1"))


def mined(net: Path, prepared: PreparedSet, out: Path, *more: object) -> Finished:
    return here("mine", net, prepared.path, "--out", out, "--device", "cpu", "--workers", "1", *more)


def test_a_network_that_gives_nan_is_named_and_no_training_advised(tmp_path: Path) -> None:
    nan = node_net(tmp_path / "nan", [*_COLOURS, ("Sqrt", {}, {})], dim=3)
    ended = mined(nan, made(tmp_path / "faces", {"a": 3, "b": 3, "c": 3}), tmp_path / "hard.parquet")
    assert ended.status == 1
    assert f"embeddings of training crops are NaN or infinite: {nan} cannot be used here" in ended.stderr
    assert "--lr" not in ended.stderr
    assert not (tmp_path / "hard.parquet").exists()


def test_suspects_do_not_replace_the_triplets_however_the_file_is_spelt(net: Path, tmp_path: Path) -> None:
    (tmp_path / "there").symlink_to(tmp_path)
    prepared = made(tmp_path / "faces", {"a": 3, "b": 3})
    for other in (tmp_path / "x" / ".." / "hard.parquet", tmp_path / "there" / "hard.parquet"):
        ended = mined(net, prepared, tmp_path / "hard.parquet", "--suspects", other)
        assert (ended.status, "is the file of triplets, --out" in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    ("people", "text"),
    [({"a": 5}, "one person"), ({"a": 1, "b": 1, "c": 1}, "none of the 3 people here has two photos")],
    ids=["one person", "one photo each"],
)
def test_sets_without_triplets_are_refused(
    people: dict[str, int], text: str, net: Path, tmp_path: Path
) -> None:
    ended = mined(net, made(tmp_path / "faces", people), tmp_path / "hard.parquet")
    assert ended.status == 1
    assert text in ended.stderr
    assert not (tmp_path / "hard.parquet").exists()


@pytest.mark.parametrize(
    "options",
    [("--range-min", 1000), ("--max-score", 1e6), ("--margin", 1e6), ("--candidates", 2, "--range-min", 2)],
)
def test_rules_that_leave_nothing_are_said_and_write_nothing(
    options: tuple[object, ...], net: Path, tmp_path: Path
) -> None:
    prepared = made(tmp_path / "faces", {"a": 3, "b": 3, "c": 3})
    ended = mined(net, prepared, tmp_path / "hard.parquet", *options)
    assert ended.status == 1
    assert "the rules leave no negative for any triplet" in ended.stderr
    assert not list(tmp_path.glob("*.parquet"))


def test_ids_with_holes_stay_those_of_the_set(net: Path, tmp_path: Path) -> None:
    prepared = made(tmp_path / "faces", {"a": 3, "b": 2, "王": 3}, skip_ids=6)
    assert mined(net, prepared, tmp_path / "hard.parquet", "--max-score", 0).status == 0
    triplets = TripletManifest.open(tmp_path / "hard.parquet", of=prepared)
    ids = set(triplets.anchor) | set(triplets.positive) | set(triplets.negative)
    assert ids <= set(range(0, 56, 7))
    assert len(ids) > 5
    assert read_table(tmp_path / "hard.suspects.parquet", "suspects").num_rows == 0
