"""What files say of people they were made with: those that models leave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata.forgetting.made_files import Asked, look_at
from facedata.tables.parquet import write_table
from facemodel.mining.suspects import SUSPECTS
from tests.support.small_set import make_set


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    prepared = make_set(tmp_path_factory.mktemp("set") / "faces", {"Ada": 2, "Berta": 2})
    return Asked(prepared, frozenset({prepared.fingerprint}), ("Zoë",))


def _suspects(path: Path, candidate: str) -> Path:
    row = {
        "anchor": 1, "anchor_photo": "a/1.jpg", "anchor_identity": "Ada",
        "candidate": 2, "candidate_photo": "b/2.jpg", "candidate_identity": candidate,
        "value": 0.9, "own_value": 0.5, "reason": "copy",
    }  # fmt: skip
    write_table(
        path, pa.Table.from_pylist([row], SUSPECTS), kind="suspects", schema=SUSPECTS, fingerprint="f" * 64
    )
    return path


@pytest.mark.parametrize(("candidate", "is_named"), [("Zoë", True), ("Zora", False)])
def test_suspects_of_an_older_state_of_the_set_name_people(
    tmp_path: Path, asked: Asked, candidate: str, is_named: bool
) -> None:
    made = look_at(_suspects(tmp_path / "x.suspects.parquet", candidate), asked)
    assert (made is not None and made.is_sure) == is_named


@pytest.mark.parametrize(("name", "is_named"), [("Zoë", True), ("Zora", False)])
def test_the_arrays_of_a_gallery_name_people(tmp_path: Path, asked: Asked, name: str, is_named: bool) -> None:
    np.savez(tmp_path / "gallery.npz", names=np.array(["Ada", name]), embeddings=np.zeros((2, 4), np.float32))
    made = look_at(tmp_path / "gallery.npz", asked)
    assert (made is not None and made.kind == "gallery" and made.is_sure) == is_named


def test_arrays_that_hold_objects_or_nothing_say_nothing(tmp_path: Path, asked: Asked) -> None:
    np.savez(tmp_path / "objects.npz", names=np.array(["Zoë", None], object))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "objects.npz").read_bytes()[:40])
    (tmp_path / "empty.npz").touch()
    assert [look_at(path, asked) for path in sorted(tmp_path.iterdir())] == [None] * 3


@pytest.mark.parametrize(("name", "is_named"), [("Zoë", True), ("Zora", False)])
def test_a_comparison_names_the_people_of_its_pairs(
    tmp_path: Path, asked: Asked, name: str, is_named: bool
) -> None:
    pairs = [{"left_identity": "Ada", "right_identity": name}]
    (tmp_path / "compare.json").write_text(json.dumps({"disagreements": pairs}))
    assert (look_at(tmp_path, asked) is not None) == is_named


@pytest.mark.parametrize(("name", "is_named"), [("Zoë", True), ("Zora", False)])
def test_a_run_names_whose_labels_it_doubted(tmp_path: Path, asked: Asked, name: str, is_named: bool) -> None:
    (tmp_path / "spec.json").write_text("{}")
    table = pa.table({"id": [1], "photo": ["a/1.jpg"], "identity": ["Ada"], "to_identity": [name]})
    write_table(
        tmp_path / "doubted.parquet", table, kind="doubted", schema=table.schema, fingerprint="f" * 64
    )
    assert (look_at(tmp_path, asked) is not None) == is_named
