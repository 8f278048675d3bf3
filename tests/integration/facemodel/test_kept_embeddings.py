"""What a check has embedded once it does not embed again: stopped, grown, changed, damaged."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import ClassManifest, PreparedSet, open_set
from facedata.config import SplitConfig
from facedata.errors import LockedError, StoreError
from facedata.files.locks import locked
from facemodel.checks.kept.keep import KeptEmbeddings, keep_embeddings
from facemodel.checks.kept.make import Embedding
from facemodel.errors import ScoreError, SpecError
from facemodel.models import embedding_file
from facemodel.models.embedding_file import EmbeddingParts, read_embeddings
from tests.support.colour_embedder import ColourEmbedder
from tests.support.processes import ROOT
from tests.support.small_set import crop_image, make_set

PEOPLE = {"ada": 9, "bo": 7, "cy": 1, "dee": 5}
PROGRAM = """
import os, sys
from pathlib import Path
import numpy as np
from facedata import ClassManifest
from facemodel.checks.kept.keep import keep_embeddings
from facemodel.checks.kept.make import Embedding
from facemodel.models import embedding_file
from tests.support.colour_embedder import ColourEmbedder

faces, folder, where = sys.argv[1:]
embedding_file.PART_ROWS = 4
classes = ClassManifest.open(faces)

def die(*_):
    os.kill(os.getpid(), 9)

if where == "close":
    embedding_file.EmbeddingParts.close = die
if where == "rename":
    embedding_file.EmbeddingParts.remove = die
keep_embeddings(Embedding(ColourEmbedder(), 3), classes, np.arange(len(classes)), Path(folder),
                lambda done, _: die() if where.isdigit() and done >= int(where) else None)
"""


class Broken(ColourEmbedder):
    """Gives NaN, infinity and zeros for the crops with these numbers."""

    numbers = (1, 4, 9)

    def embed(self, crops: Any) -> Any:
        found = super().embed(crops)
        for number, value in zip(self.numbers, (np.nan, np.inf, 0.0), strict=True):
            away = crops[:, 0, 0].astype(int) - crop_image(number)[0, 0]
            found[np.abs(away).max(axis=1) < 9] = value
        return found


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_file, "PART_ROWS", 4)


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", PEOPLE, skip_ids=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "check").mkdir()
    return tmp_path / "check"


def keep(
    embedder: ColourEmbedder, prepared: PreparedSet, folder: Path, lost: tuple[int, ...] = (), batch: int = 3
) -> KeptEmbeddings:
    classes = ClassManifest.open(prepared)
    rows = np.setdiff1d(np.arange(len(classes)), lost)
    return keep_embeddings(Embedding(embedder, batch), classes, rows, folder)


def directions(prepared: PreparedSet) -> Any:
    """Every crop's direction, one by one."""
    rows = [ColourEmbedder().embed(row.image()[None])[0] for row in ClassManifest.open(prepared)]
    return np.stack([row / np.linalg.norm(row) for row in rows])


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_what_is_kept(faces: PreparedSet, folder: Path) -> None:
    embedder = ColourEmbedder()
    found = keep(embedder, faces, folder)
    np.testing.assert_allclose(found.directions, directions(faces), atol=1e-6)
    assert found.rows.tolist() == list(range(22))
    assert (found.embedded, embedder.seen, found.unusable.tolist()) == (22, 22, [])
    assert [one.name for one in folder.iterdir()] == [found.file.name]
    assert found.file.name == f"embeddings-{embedder.fingerprint()[:12]}.parquet"
    kept, classes = read_embeddings(found.file), ClassManifest.open(faces)
    assert (kept.fingerprint, kept.model) == (faces.fingerprint, embedder.fingerprint())
    assert kept.ids.tolist() == classes.ids.tolist()
    assert kept.digests is not None
    assert kept.digests.to_pylist() == classes.table.column("crop_sha256").to_pylist()
    np.testing.assert_allclose(np.linalg.norm(found.directions, axis=1), 1, atol=1e-6)


def test_it_is_not_done_again(faces: PreparedSet, folder: Path) -> None:
    first = keep(ColourEmbedder(), faces, folder)
    before = first.file.stat().st_mtime_ns
    embedder = ColourEmbedder()
    again = keep(embedder, faces, folder, batch=7)
    assert (again.embedded, embedder.seen) == (0, 0)
    assert again.file.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.directions, first.directions)


@pytest.mark.parametrize("where", ["10", "close", "rename"])
def test_killed_anywhere_it_goes_on(faces: PreparedSet, folder: Path, where: str, tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(faces.path), str(folder), where], check=False, cwd=ROOT
    )
    assert killed.returncode == -signal.SIGKILL
    embedder = ColourEmbedder()
    found = keep(embedder, faces, folder)
    there = {"10": 8, "close": 22, "rename": 22}[where]  # parts of four that were whole
    assert embedder.seen == found.embedded == 22 - there
    (tmp_path / "whole").mkdir()
    whole = keep(ColourEmbedder(), faces, tmp_path / "whole")
    assert found.file.read_bytes() == whole.file.read_bytes()
    np.testing.assert_array_equal(found.directions, whole.directions)


def test_a_grown_set_embeds_what_is_new(tmp_path: Path, folder: Path) -> None:
    """Ids shift, people come and go; what was embedded is known by its bytes."""
    before = make_set(tmp_path / "before", {"bo": 7, "dee": 5})
    keep(ColourEmbedder(), before, folder)
    numbers = {path: at for at, path in enumerate(ClassManifest.open(before).table["path"].to_pylist())}
    after = make_set(
        tmp_path / "after", {"ada": 3, "bo": 7, "dee": 4},
        picture=lambda path, at: crop_image(numbers.get(path, 100 + at)),
    )  # fmt: skip
    embedder = ColourEmbedder()
    found = keep(embedder, after, folder)
    assert embedder.seen == found.embedded == 3
    np.testing.assert_allclose(found.directions, directions(after), atol=1e-6)
    assert read_embeddings(found.file).fingerprint == after.fingerprint
    assert keep(embedder, after, folder).embedded == 0


def test_another_split_embeds_nothing(tmp_path: Path, folder: Path) -> None:
    one = make_set(tmp_path / "one", PEOPLE, split=SplitConfig(seed=1))
    other = make_set(tmp_path / "other", PEOPLE, split=SplitConfig(seed=5))
    assert one.fingerprint != other.fingerprint
    keep(ColourEmbedder(), one, folder)
    found = keep(ColourEmbedder(), other, folder)
    assert found.embedded == 0
    np.testing.assert_allclose(found.directions, directions(other), atol=1e-6)


def test_another_model_has_a_file_of_its_own(
    faces: PreparedSet, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "facemodel")
    first = keep(ColourEmbedder(), faces, folder)
    assert not caplog.records
    second = keep(ColourEmbedder(mean=(0.1, 0.1, 0.1)), faces, folder)
    assert second.embedded == 22
    assert second.file != first.file
    assert first.file.exists()
    (line,) = [record.getMessage() for record in caplog.records]
    assert "another model than before" in line
    assert str(first.file) in line
    assert keep(ColourEmbedder(), faces, folder).embedded == 0


def test_other_options_embed_anew(faces: PreparedSet, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "facemodel")
    keep(ColourEmbedder(), faces, folder)
    classes = ClassManifest.open(faces)
    how = Embedding(ColourEmbedder(), flip=True)
    found = keep_embeddings(how, classes, np.arange(len(classes)), folder)
    assert found.embedded == 22
    assert "made with other options (flip)" in caplog.text


def test_parts_of_another_state_are_made_anew(
    faces: PreparedSet, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(EmbeddingParts, "close"), pytest.raises(StoreError, match="cannot be read"):
        keep(ColourEmbedder(), faces, folder)
    assert list(folder.glob(".*.parts/*.f4"))
    grown = make_set(tmp_path / "grown", {**PEOPLE, "eve": 3})
    found = keep(ColourEmbedder(), grown, folder)
    assert "another state of the set" in "".join(warnings_of(caplog))
    np.testing.assert_allclose(found.directions, directions(grown), atol=1e-6)


def damage(file: Path, how: str) -> None:
    data, table = file.read_bytes(), pq.read_table(file)
    if how == "cut short":
        file.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "text":
        file.write_text("no embeddings")
    elif how == "a bit":
        column, spoilt = pq.read_metadata(file).row_group(0).column(2), bytearray(data)
        spoilt[column.data_page_offset + column.total_compressed_size // 2] ^= 1
        file.write_bytes(spoilt)
    elif how == "another table":
        pq.write_table(pa.table({"id": [1]}), file)
    elif how == "NaN rows":
        values = table.column("embedding").to_pylist()
        values[3] = [float("nan")] * 6
        pq.write_table(table.set_column(2, "embedding", pa.array(values, pa.list_(pa.float32()))), file)
    elif how == "other numbers":
        values = [[one + 0.01 for one in row] for row in table.column("embedding").to_pylist()]
        pq.write_table(table.set_column(2, "embedding", pa.array(values, pa.list_(pa.float32()))), file)
    elif how == "another type":
        values = [[str(one) for one in row] for row in table.column("embedding").to_pylist()]
        pq.write_table(table.set_column(2, "embedding", pa.array(values)), file)
    elif how == "other digests":
        digests = table.column("crop_sha256").to_pylist()
        turned = pa.array([*digests[1:], digests[0]])
        pq.write_table(table.set_column(3, table.schema.field(3), turned), file)
    elif how == "without metadata":
        pq.write_table(table.replace_schema_metadata(None), file)


@pytest.mark.parametrize(
    "how",
    [
        "cut short", "empty", "text", "a bit", "another table", "NaN rows", "other numbers", "another type",
        "without metadata",
    ],
)  # fmt: skip
def test_a_damaged_file_is_noticed_and_made_again(
    how: str, faces: PreparedSet, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = keep(ColourEmbedder(), faces, folder)
    whole = first.file.read_bytes()
    damage(first.file, how)
    found = keep(ColourEmbedder(), faces, folder)
    assert found.embedded == 22
    (line,) = warnings_of(caplog)
    assert str(first.file) in line
    assert "embedded again" in line
    assert found.file.read_bytes() == whole


@pytest.mark.parametrize("how", ["a bit", "NaN rows", "other numbers", "other digests"])
def test_of_a_damaged_file_nothing_is_taken_over(
    how: str, faces: PreparedSet, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(keep(ColourEmbedder(), faces, folder).file, how)
    grown = make_set(tmp_path / "grown", {**PEOPLE, "eve": 3})
    found = keep(ColourEmbedder(), grown, folder)
    assert len(warnings_of(caplog)) == 1
    np.testing.assert_allclose(found.directions, directions(grown), atol=1e-6)


def test_embeddings_of_another_set_under_this_name(faces: PreparedSet, folder: Path, tmp_path: Path) -> None:
    other = make_set(tmp_path / "other", {"zoe": 4}, picture=lambda path, at: crop_image(200 + at))
    (tmp_path / "its").mkdir()
    file = keep(ColourEmbedder(), other, tmp_path / "its").file
    shutil.copy(file, folder / file.name)
    found = keep(ColourEmbedder(), faces, folder)
    assert found.embedded == 22
    np.testing.assert_allclose(found.directions, directions(faces), atol=1e-6)


def test_crops_that_are_gone_are_not_asked_for(faces: PreparedSet, folder: Path) -> None:
    for path in ("ada/3.jpg", "dee/0.jpg"):
        Path(str(faces.path), "crops", path).unlink()
    found = keep(ColourEmbedder(), faces, folder, lost=(3, 17))
    assert found.rows.tolist() == [row for row in range(22) if row not in (3, 17)]
    assert len(found.directions) == found.embedded == 20


def test_a_crop_that_comes_back_is_embedded_alone(faces: PreparedSet, folder: Path) -> None:
    keep(ColourEmbedder(), faces, folder, lost=(3,))
    found = keep(ColourEmbedder(), faces, folder)
    assert found.embedded == 1
    np.testing.assert_allclose(found.directions, directions(faces), atol=1e-6)


def test_a_crop_that_vanishes_meanwhile_stops_nobody(
    faces: PreparedSet, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Path(str(faces.path), "crops/bo/2.jpg").unlink()
    found = keep(ColourEmbedder(), faces, folder)
    assert found.unusable.tolist() == [11]
    assert len(found.directions) == len(found.rows) == 21
    np.testing.assert_array_equal(found.rows, np.delete(np.arange(22), 11))
    assert "1 of 22 crops are left out" in caplog.text
    assert "bo/2.jpg" in caplog.text


def test_nan_infinity_and_zeros_are_left_out(
    faces: PreparedSet, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = keep(Broken(), faces, folder)
    assert found.unusable.tolist() == [1, 4, 9]
    np.testing.assert_allclose(found.directions, np.delete(directions(faces), [1, 4, 9], 0), atol=1e-6)
    assert "3 of 22 crops are left out" in caplog.text
    embedder = Broken()
    again = keep(embedder, faces, folder)
    assert (again.embedded, embedder.seen) == (0, 0)
    assert again.unusable.tolist() == [1, 4, 9]


def test_a_model_that_gives_nothing_usable_is_refused(faces: PreparedSet, folder: Path) -> None:
    class Silent(ColourEmbedder):
        def embed(self, crops: Any) -> Any:
            return np.full((len(crops), 6), np.nan, np.float32)

    with pytest.raises(ScoreError, match=r"no usable numbers .* for any of the 22 crops"):
        keep(Silent(), faces, folder)


def test_another_template_is_refused(faces: PreparedSet, folder: Path) -> None:
    with pytest.raises(SpecError, match=r"arcface112 crops and .* has square crops"):
        keep(ColourEmbedder(template="arcface112"), faces, folder)
    assert not list(folder.iterdir())


def test_two_runs_on_one_folder(faces: PreparedSet, folder: Path) -> None:
    parts = folder / f".embeddings-{ColourEmbedder().fingerprint()[:12]}.parquet.parts"
    parts.mkdir()
    with locked(parts), pytest.raises(LockedError, match="another run"):
        keep(ColourEmbedder(), faces, folder)


def test_a_full_disk_or_a_folder_in_the_way_is_one_line(faces: PreparedSet, folder: Path) -> None:
    (folder / f"embeddings-{ColourEmbedder().fingerprint()[:12]}.parquet").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        keep(ColourEmbedder(), faces, folder)


def test_large_numbers_lie_in_a_file_meanwhile(
    faces: PreparedSet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = keep(ColourEmbedder(), faces, folder)
    monkeypatch.setattr(embedding_file, "_IN_MEMORY_BYTES", 100)
    found = keep(ColourEmbedder(), faces, folder)
    assert isinstance(found.directions, np.memmap)
    np.testing.assert_array_equal(found.directions, in_memory.directions)
    kept = read_embeddings(found.file, folder)
    np.testing.assert_array_equal(kept.values, read_embeddings(found.file).values)
    assert [one.name for one in folder.iterdir()] == [found.file.name]


def test_a_set_without_crops_that_can_be_read(faces: PreparedSet, folder: Path) -> None:
    found = keep(ColourEmbedder(), faces, folder, lost=tuple(range(22)))
    assert (len(found.rows), len(found.directions), found.embedded) == (0, 0, 0)


def test_parts_do_not_show(faces: PreparedSet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = keep(ColourEmbedder(), faces, folder).file.read_bytes()
    for rows, batch in ((1, 1), (22, 5), (512, 64)):
        monkeypatch.setattr(embedding_file, "PART_ROWS", rows)
        for file in folder.iterdir():
            file.unlink()
        assert keep(ColourEmbedder(), faces, folder, batch=batch).file.read_bytes() == first
    assert isinstance(open_set(faces), PreparedSet)
    assert EmbeddingParts.settings_name not in {one.name for one in folder.iterdir()}
