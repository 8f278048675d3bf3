"""`fit --doubted`: what check doubts is left out or moved, and a resumed run doubts what it began with."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from facedata import ClassManifest, PreparedSet
from facedata.errors import UsageError
from facemodel import fit
from facemodel.config import FitConfig
from facemodel.errors import DataError, RunError
from tests.support.findings import write_findings
from tests.support.kept_check import write_kept
from tests.support.people_set import people_set
from tests.support.tiny_fit import FEW, TINY

PEOPLE: dict[str, Any] = {
    **TINY, "batches": "people", "loss": "cosface", "margin": 0.35, "scale": 16.0, "normalised": True,
    "photos_per_person": 3, "save_steps": 1,
}  # fmt: skip


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    """Two photos of the first people who train are exchanged, by the findings; a third shows a stranger."""
    made = people_set(tmp_path / "faces", splits="train=0.6,val=0.2,test=0.2")
    rows = [row for row in ClassManifest.open(made).table.to_pylist() if row["split"] == "train"]
    left, stranger = rows[0], rows[1]
    right = next(row for row in rows if row["identity"] != left["identity"])
    write_findings(
        made,
        [
            {
                "kind": "swapped", "proposal": "move", "left": left["id"], "right": right["id"],
                "left_identity": left["identity"], "right_identity": right["identity"],
            },
            {
                "kind": "stranger", "proposal": "drop", "left": stranger["id"],
                "left_identity": stranger["identity"],
            },
        ],
    )  # fmt: skip
    return made


def photos(run: Path) -> dict[str, int]:
    table = pq.read_table(run / "people.parquet").to_pylist()
    return {row["identity"]: row["photos"] for row in table if row["trains"]}


def test_photos_are_left_out_or_moved(
    faces: PreparedSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = {**PEOPLE, "epochs": 1, "rows_per_epoch": 12}
    fit(faces.path, tmp_path / "keep", **few)
    everybody = photos(tmp_path / "keep")
    with caplog.at_level(logging.INFO):
        fit(faces.path, tmp_path / "drop", **few, doubted="drop")
        fit(faces.path, tmp_path / "move", **few, doubted="move")
    assert "`check` doubts 3 photos: 3 are left out" in caplog.messages
    assert (
        "`check` doubts 3 photos: 1 are left out, 2 count for the person they seem to show" in caplog.messages
    )
    dropped, moved = photos(tmp_path / "drop"), photos(tmp_path / "move")
    assert sum(everybody.values()) == sum(dropped.values()) + 3 == sum(moved.values()) + 1
    assert sorted(moved.values()) == [5, 6, 6, 6, 6, 6]
    assert not (tmp_path / "keep" / "doubted.parquet").exists()
    to = pq.read_table(tmp_path / "move" / "doubted.parquet").column("to_identity").to_pylist()
    assert sorted(one or "" for one in to) == ["", *sorted(everybody)[:2]]
    last = [load_file(tmp_path / how / "last.safetensors")["goal.head.W"] for how in ("keep", "move")]
    assert not torch.equal(*last)


def test_a_killed_run_doubts_what_it_began_with(faces: PreparedSet, tmp_path: Path) -> None:
    options = {**PEOPLE, "doubted": "move"}
    fit(faces.path, tmp_path / "whole", **options)
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces.path), str(tmp_path / "run")]
    subprocess.run([*command, json.dumps([[options, "step 3"]])], check=True, stdout=subprocess.PIPE)
    assert not (tmp_path / "run" / "state" / "done.json").exists()
    write_findings(faces, [])  # check has been convinced of everything since
    fit(faces.path, tmp_path / "run", **options, resume=True)
    whole, resumed = (load_file(tmp_path / run / "last.safetensors") for run in ("whole", "run"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    (tmp_path / "run" / "doubted.parquet").unlink()
    with pytest.raises(RunError, match="start over with --overwrite"):
        fit(faces.path, tmp_path / "run", **{**options, "epochs": 3}, resume=True)


def lose_person(faces: PreparedSet) -> None:
    """Let two photos, under two names, show one person whose name nobody has."""
    table = ClassManifest.open(faces).table
    rows = [row for row in table.to_pylist() if row["split"] == "train"]
    two = [rows[0], next(row for row in rows if row["identity"] != rows[0]["identity"])]
    vectors = np.eye(len(table), dtype=np.float32)
    places = [table.column("id").to_pylist().index(row["id"]) for row in two]
    vectors[places[1]] = vectors[places[0]]
    write_kept(faces, vectors)
    wrong = [{"kind": "wrong_person", "left": row["id"], "left_identity": row["identity"]} for row in two]
    write_findings(faces, wrong)


def test_a_classifier_has_no_new_people(faces: PreparedSet, tmp_path: Path) -> None:
    lose_person(faces)
    few = {**PEOPLE, "epochs": 1, "rows_per_epoch": 12, "doubted": "move"}
    fit(faces.path, tmp_path / "open", **few)
    fit(faces.path, tmp_path / "closed", **few, closed=True)
    assert "(new person 1)" in photos(tmp_path / "open")
    assert "(new person 1)" not in photos(tmp_path / "closed")


def test_a_killed_run_keeps_its_new_people(faces: PreparedSet, tmp_path: Path) -> None:
    lose_person(faces)
    options = {**PEOPLE, "doubted": "move", "photos_per_person": 2}
    fit(faces.path, tmp_path / "whole", **options)
    assert photos(tmp_path / "whole")["(new person 1)"] == 2
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces.path), str(tmp_path / "run")]
    subprocess.run([*command, json.dumps([[options, "step 3"]])], check=True, stdout=subprocess.PIPE)
    assert not (tmp_path / "run" / "state" / "done.json").exists()
    (Path(str(faces.path)) / "check" / "summary.json").unlink()
    fit(faces.path, tmp_path / "run", **options, resume=True)
    whole, resumed = (load_file(tmp_path / run / "last.safetensors") for run in ("whole", "run"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    tables = [(tmp_path / run / "doubted.parquet").read_bytes() for run in ("whole", "run")]
    assert tables[0] == tables[1]


def test_the_sets_own_triplets_have_the_old_names_so_others_are_drawn(
    faces: PreparedSet, tmp_path: Path
) -> None:
    few = {name: value for name, value in FEW.items() if name != "rows_per_epoch"}
    fit(faces.path, tmp_path / "drop", **few, doubted="drop")
    fit(faces.path, tmp_path / "move", **few, doubted="move")
    with pytest.raises(UsageError, match="--doubted move gives photos other names than --triplets FILE"):
        FitConfig(doubted="move", triplets="rows.parquet")


def test_without_findings_a_line_says_what_to_do(faces: PreparedSet, tmp_path: Path) -> None:
    (Path(str(faces.path)) / "check" / "findings.parquet").unlink()
    with pytest.raises(DataError, match="run `facemodel check MODEL"):
        fit(faces.path, tmp_path / "run", **FEW, doubted="drop")
    assert not (tmp_path / "run" / "best.safetensors").exists()
