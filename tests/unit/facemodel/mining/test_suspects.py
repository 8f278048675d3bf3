"""Pairs that may be one person: each once, with their names, distances as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from facedata.tables.parquet import read_footer, read_table
from facemodel.mining.matches import COSINE, EUCLIDEAN
from facemodel.mining.rules import COPY, MARGIN, ONE_PERSON, OWN_PERSON
from facemodel.mining.suspects import KIND, SUSPECTS, Suspects

CROPS = pa.table({"id": [5, 6, 7, 9], "photo": ["a/1", "a/2", "b/1", "c/1"], "identity": [*"aabc"]})


def found() -> Suspects:
    """Both sides of one pair, one refused by the user's wish, and two more."""
    candidates = np.array([[2, 3], [3, 2], [0, 3]])
    codes = np.array([[OWN_PERSON, MARGIN], [ONE_PERSON, 0], [OWN_PERSON, COPY]], np.int8)
    similar = np.array([[0.8, 0.7], [0.2, 0.1], [0.8, 0.99]], np.float32)
    own = np.array([0.5, 0.6, 0.4], np.float32)
    return Suspects.of((np.array([0, 1, 2]), candidates), similar, own, codes)


def test_each_pair_stands_once_the_most_similar_first() -> None:
    suspects = found()
    assert np.stack([suspects.anchor, suspects.candidate], 1).tolist() == [[2, 3], [0, 2], [1, 3]]
    assert suspects.count() == {"own_person": 1, "copy": 1, "one_person": 1}
    again = Suspects.join([suspects, found(), suspects])
    assert again.table(CROPS).equals(suspects.table(CROPS))


def test_the_table_has_the_names(tmp_path: Path) -> None:
    table = found().table(CROPS, COSINE)
    assert table.slice(1, 1).to_pylist()[0] == {
        "anchor": 5, "anchor_photo": "a/1", "anchor_identity": "a", "candidate": 7, "candidate_photo": "b/1",
        "candidate_identity": "b", "value": np.float32(0.8), "own_value": 0.5, "reason": "own_person",
    }  # fmt: skip
    found().write(tmp_path / "s.parquet", CROPS, COSINE, "f" * 64)
    assert read_footer(tmp_path / "s.parquet").fingerprint == "f" * 64
    assert read_table(tmp_path / "s.parquet", KIND).equals(table)


def test_distances_are_written_as_distances() -> None:
    values = found().table(CROPS, EUCLIDEAN)["value"].to_numpy()
    assert values.tolist() == (-found().similar).tolist()


def test_none() -> None:
    nothing = Suspects.join([])
    assert len(nothing) == 0
    assert nothing.count() == {}
    assert nothing.table(CROPS).schema == SUSPECTS
