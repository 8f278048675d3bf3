"""Sets, manifests and folders to a file of embeddings; stopped anywhere, it comes to the same bytes."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import ClassManifest, PairManifest, PreparedSet
from facedata.errors import LockedError, NotASetError, OtherSettingsError, StoreError, UsageError
from facedata.files.locks import locked
from facemodel.batches.reader import CropReader
from facemodel.commands.embed import embed_set
from facemodel.errors import DataError, ScoreError, SpecError
from facemodel.models import embedding_file
from facemodel.models.embed_crops import embed_crops, embed_rows
from facemodel.models.embedding_file import read_embeddings
from tests.support.colour_embedder import ColourEmbedder
from tests.support.small_set import make_set

PEOPLE = {"ada": 9, "bo": 7, "cy": 1, "dee": 5}
PROGRAM = """
import os, sys
from facemodel.commands.embed import embed_set
from facemodel.models import embedding_file
from tests.support.colour_embedder import ColourEmbedder

faces, out, where = sys.argv[1:]
embedding_file.PART_ROWS = 4

def die(*_):
    os.kill(os.getpid(), 9)

if where == "close":
    embedding_file.EmbeddingParts.close = die
if where == "rename":
    embedding_file.EmbeddingParts.remove = die
embed_set(ColourEmbedder(), faces, out, batch=3,
          on_progress=lambda done, _: die() if where.isdigit() and done >= int(where) else None)
"""


def parts_folder(out: Path) -> Path:
    return out.with_name(f".{out.name}.parts")


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", PEOPLE, skip_ids=2)


def embedded(prepared: PreparedSet) -> np.ndarray:
    """Every crop's embedding, one by one."""
    embedder = ColourEmbedder()
    return np.concatenate([embedder.embed(row.image()[None]) for row in ClassManifest.open(prepared.path)])


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_set(faces: PreparedSet, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    out = tmp_path / "deep/er.parquet"
    done = embed_set(ColourEmbedder(), faces.path, out, batch=5, on_progress=lambda *two: seen.append(two))
    classes = ClassManifest.open(faces.path)
    assert seen[-1] == (22, 22)
    assert done["crops"] == done["embedded"] == 22
    found = read_embeddings(out)
    assert found.ids.tolist() == classes.ids.tolist()
    assert found.paths == classes.table.column("path").to_pylist()
    np.testing.assert_array_equal(found.values, embedded(faces))
    assert (found.fingerprint, found.model) == (faces.fingerprint, ColourEmbedder().fingerprint())
    assert not parts_folder(out).exists()


def test_plain_pandas_reads_it(faces: PreparedSet, tmp_path: Path) -> None:
    embed_set(ColourEmbedder(), faces.path, tmp_path / "e.parquet")
    frame = pd.read_parquet(tmp_path / "e.parquet")
    assert list(frame.columns) == ["id", "path", "embedding"]
    np.testing.assert_array_equal(np.stack(frame.embedding.tolist()), embedded(faces))
    schema = pa.parquet.read_schema(tmp_path / "e.parquet")
    assert schema.field("embedding").type == pa.list_(pa.float32())
    assert schema.metadata[b"facedata.fingerprint"].decode() == faces.fingerprint


def test_a_file_of_schema_version_1_is_read(faces: PreparedSet, tmp_path: Path) -> None:
    """There the embeddings were lists of a fixed size."""
    embed_set(ColourEmbedder(), faces.path, tmp_path / "e.parquet")
    table = pq.read_table(tmp_path / "e.parquet")
    metadata = {**table.schema.metadata, b"facedata.schema_version": b"1"}
    old = table.column("embedding").cast(pa.list_(pa.float32(), 6))
    table = table.set_column(2, "embedding", old).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "old.parquet")
    found, today = read_embeddings(tmp_path / "old.parquet"), read_embeddings(tmp_path / "e.parquet")
    np.testing.assert_array_equal(found.values, today.values)
    assert (found.settings, found.paths) == (today.settings, today.paths)


@pytest.mark.parametrize("lengths", [[6, 6, 5], [6, 12, 0], [None, 6, 6]])
def test_embeddings_of_several_lengths_are_refused(
    lengths: list[int | None], faces: PreparedSet, tmp_path: Path
) -> None:
    embed_set(ColourEmbedder(), faces.path, tmp_path / "e.parquet")
    table = pq.read_table(tmp_path / "e.parquet").slice(0, len(lengths))
    values = pa.array([None if n is None else [0.5] * n for n in lengths], pa.list_(pa.float32()))
    pq.write_table(table.set_column(2, "embedding", values), tmp_path / "uneven.parquet")
    with pytest.raises(NotASetError, match="not all of one length"):
        read_embeddings(tmp_path / "uneven.parquet")


def test_parts_and_batches_show_nowhere(faces: PreparedSet, tmp_path: Path) -> None:
    files = []
    for name, rows, batch, workers in (("a", 512, 64, 1), ("b", 4, 3, 2), ("c", 1, 1, 1), ("d", 22, 5, 3)):
        with patch.object(embedding_file, "PART_ROWS", rows):
            embed_set(
                ColourEmbedder(), faces.path, tmp_path / f"{name}.parquet", batch=batch, workers=workers
            )
        files.append(digest(tmp_path / f"{name}.parquet"))
    assert len(set(files)) == 1


@pytest.mark.parametrize("where", ["3", "10", "22", "close", "rename"])
def test_killed_anywhere_it_comes_to_the_same_bytes(faces: PreparedSet, tmp_path: Path, where: str) -> None:
    whole, out = tmp_path / "whole.parquet", tmp_path / "killed.parquet"
    program = [sys.executable, "-c", PROGRAM, str(faces.path)]
    killed = subprocess.run([*program, str(out), where], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert out.exists() == (where == "rename")
    with patch.object(embedding_file, "PART_ROWS", 4):
        embed_set(ColourEmbedder(), faces.path, whole)
        done = embed_set(ColourEmbedder(), faces.path, out)
    kept = {"3": 0, "10": 8, "22": 20, "close": 22, "rename": 22}  # parts of four that were whole
    assert done["embedded"] == 22 - kept[where]
    assert digest(out) == digest(whole)
    assert not parts_folder(out).exists()


def test_a_damaged_part_is_made_again(faces: PreparedSet, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    with patch.object(embedding_file, "PART_ROWS", 4):
        with patch.object(embedding_file.EmbeddingParts, "close"):
            embed_set(ColourEmbedder(), faces.path, out)
        (parts_folder(out) / "000001.f4").write_bytes(b"cut short")
        (parts_folder(out) / "000003.f4").unlink()
        assert embed_set(ColourEmbedder(), faces.path, out)["embedded"] == 8
    np.testing.assert_array_equal(read_embeddings(out).values, embedded(faces))


def test_what_is_there_is_not_done_again(faces: PreparedSet, tmp_path: Path) -> None:
    out, embedder = tmp_path / "e.parquet", ColourEmbedder()
    embed_set(embedder, faces.path, out)
    before = out.stat().st_mtime_ns, embedder.seen
    assert embed_set(embedder, faces.path, out)["embedded"] == 0
    assert (out.stat().st_mtime_ns, embedder.seen) == before
    assert embed_set(embedder, faces.path, out, overwrite=True)["embedded"] == 22


def test_other_settings_are_refused_until_overwritten(faces: PreparedSet, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    embed_set(ColourEmbedder(), faces.path, out)
    with pytest.raises(OtherSettingsError, match="flip: False before, True now"):
        embed_set(ColourEmbedder(), faces.path, out, flip=True)
    with pytest.raises(OtherSettingsError, match="model: "):
        embed_set(ColourEmbedder(mean=(0.1, 0.1, 0.1)), faces.path, out)
    with pytest.raises(OtherSettingsError, match="rows: "):
        embed_set(ColourEmbedder(), faces.path, out, split="test")
    embed_set(ColourEmbedder(), faces.path, out, flip=True, overwrite=True)
    assert read_embeddings(out).settings["flip"]


def test_other_settings_are_refused_half_way(faces: PreparedSet, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    with patch.object(embedding_file.EmbeddingParts, "close"):
        embed_set(ColourEmbedder(), faces.path, out)
    with pytest.raises(OtherSettingsError, match="flip"):
        embed_set(ColourEmbedder(), faces.path, out, flip=True)


@pytest.mark.parametrize("kind", ["text", "table", "folder"])
def test_a_file_of_something_else_is_not_overwritten_by_chance(
    faces: PreparedSet, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "mine.parquet"
    if kind == "folder":
        out.mkdir()
    elif kind == "text":
        out.write_text("mine")
    else:
        pd.DataFrame({"mine": [1]}).to_parquet(out)
    with pytest.raises((UsageError, StoreError)):
        embed_set(ColourEmbedder(), faces.path, out)
    assert out.is_dir() if kind == "folder" else out.stat().st_size


def test_two_runs_on_one_file(faces: PreparedSet, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    parts_folder(out).mkdir()
    with locked(parts_folder(out)), pytest.raises(LockedError, match="another run"):
        embed_set(ColourEmbedder(), faces.path, out)


@pytest.mark.parametrize("normalised", [False, True])
def test_mirror_images(normalised: bool) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (9, 24, 24, 3), dtype=np.uint8)
    crops[:, :, 12:] //= 2  # the right half is darker
    embedder = ColourEmbedder(normalised=normalised)
    slow = [(embedder.embed(i[None]) + embedder.embed(np.fliplr(i)[None]))[0] / 2 for i in crops]
    if normalised:
        slow = [one / np.linalg.norm(one) for one in slow]
    found = embed_crops(embedder, crops, flip=True)
    np.testing.assert_allclose(found, slow, atol=1e-6)
    np.testing.assert_allclose(found, embed_crops(embedder, crops[:, :, ::-1], flip=True), atol=1e-6)
    assert np.abs(found - embedder.embed(crops)).max() > 0.1


def test_a_file_with_mirror_images(faces: PreparedSet, tmp_path: Path) -> None:
    embedder = ColourEmbedder()
    embed_set(embedder, faces.path, tmp_path / "e.parquet", flip=True)
    assert embedder.seen == 2 * 22
    assert read_embeddings(tmp_path / "e.parquet").settings["flip"]


def test_a_split(faces: PreparedSet, tmp_path: Path) -> None:
    embed_set(ColourEmbedder(), faces.path, tmp_path / "e.parquet", split="test")
    wanted = ClassManifest.open(faces.path, split="test").ids
    assert read_embeddings(tmp_path / "e.parquet").ids.tolist() == wanted.tolist()
    with pytest.raises(UsageError, match="'holdout'"):
        embed_set(ColourEmbedder(), faces.path, tmp_path / "f.parquet", split="holdout")


def test_a_manifest_of_crops_that_lies_elsewhere(faces: PreparedSet, tmp_path: Path) -> None:
    ClassManifest.open(faces.path)[5:9].write(tmp_path / "some.parquet")
    embed_set(ColourEmbedder(), tmp_path / "some.parquet", tmp_path / "e.parquet", of=str(faces.path))
    np.testing.assert_array_equal(read_embeddings(tmp_path / "e.parquet").values, embedded(faces)[5:9])
    with pytest.raises(UsageError, match="name the set it belongs to"):
        embed_set(ColourEmbedder(), tmp_path / "some.parquet", tmp_path / "f.parquet")


def test_a_manifest_of_pairs_means_the_crops_in_it(faces: PreparedSet, tmp_path: Path) -> None:
    pairs = PairManifest.open(faces.path, split="test")[:2]
    pairs.write(tmp_path / "some.parquet")
    embed_set(ColourEmbedder(), tmp_path / "some.parquet", tmp_path / "e.parquet", of=str(faces.path))
    wanted = sorted({*pairs.left.tolist(), *pairs.right.tolist()})
    assert read_embeddings(tmp_path / "e.parquet").ids.tolist() == wanted


def test_a_folder_of_crops_gives_what_the_set_gives(faces: PreparedSet, tmp_path: Path) -> None:
    folder = tmp_path / "copied"
    shutil.copytree(Path(str(faces.path)) / "crops", folder)
    (folder / "notes.txt").write_text("no crop")
    done = embed_set(ColourEmbedder(), folder, tmp_path / "e.parquet")
    found = read_embeddings(tmp_path / "e.parquet")
    assert done["crops"] == 22
    assert found.paths == ClassManifest.open(faces.path).table.column("path").to_pylist()
    np.testing.assert_array_equal(found.values, embedded(faces))
    (folder / "cy/0.jpg").write_bytes((folder / "bo/1.jpg").read_bytes())  # the same names, another crop
    with pytest.raises(OtherSettingsError, match="fingerprint"):
        embed_set(ColourEmbedder(), folder, tmp_path / "e.parquet")


def test_a_folder_with_crops_of_several_sizes(tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    colours = np.random.default_rng(0).integers(0, 256, (9, 3))
    for number, colour in enumerate(colours):
        side = 20 + 4 * (number % 3)
        image = np.full((side, side, 3), colour[::-1], np.uint8)
        cv2.imwrite(str(tmp_path / f"crops/{number}.png"), image)
    embed_set(ColourEmbedder(), tmp_path / "crops", tmp_path / "e.parquet", batch=4)
    wanted = np.concatenate([colours, colours], axis=1) / 255 - 0.5
    np.testing.assert_allclose(read_embeddings(tmp_path / "e.parquet").values, wanted, atol=1e-6)


def test_a_folder_of_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos/wide.png"), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(DataError, match="30x20 px, and a crop is square"):
        embed_set(ColourEmbedder(), tmp_path / "photos", tmp_path / "e.parquet")


def test_an_image_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    with pytest.raises(DataError, match=r"broken\.jpg cannot be decoded"):
        embed_set(ColourEmbedder(), tmp_path / "crops", tmp_path / "e.parquet")
    assert not (tmp_path / "e.parquet").exists()


def test_folders_have_no_splits_and_no_set(tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    cv2.imwrite(str(tmp_path / "crops/a.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(UsageError, match="--split"):
        embed_set(ColourEmbedder(), tmp_path / "crops", tmp_path / "e.parquet", split="test")
    with pytest.raises(UsageError, match="--of"):
        embed_set(ColourEmbedder(), tmp_path / "crops", tmp_path / "e.parquet", of=str(tmp_path))
    with pytest.raises(UsageError, match="no set, folder or manifest"):
        embed_set(ColourEmbedder(), tmp_path / "nowhere", tmp_path / "e.parquet")


def test_another_template_is_refused(faces: PreparedSet, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"arcface112 crops and .* has square crops"):
        embed_set(ColourEmbedder(template="arcface112"), faces.path, tmp_path / "e.parquet")


def test_crops_gone_and_changed_are_counted_before_anything_is_embedded(
    faces: PreparedSet, tmp_path: Path
) -> None:
    crops = Path(str(faces.path)) / "crops"
    (crops / "ada/3.jpg").unlink()
    changed = (crops / "bo/2.jpg").read_bytes()
    (crops / "bo/2.jpg").write_bytes(changed[:-3] + b"xyz")  # as long as before
    embedder = ColourEmbedder()
    with pytest.raises(DataError, match="1 are gone and 1 changed"):
        embed_set(embedder, faces.path, tmp_path / "e.parquet")
    assert not embedder.seen


def test_nan_is_not_written(faces: PreparedSet, tmp_path: Path) -> None:
    class Broken(ColourEmbedder):
        def embed(self, crops: np.ndarray) -> np.ndarray:
            found = super().embed(crops)
            found[:, 2][crops[:, 0, 0, 0] > 200] = np.nan
            return found

    with pytest.raises(ScoreError, match=r"NaN or infinity for the crop \w+/\d\.jpg"):
        embed_set(Broken(), faces.path, tmp_path / "e.parquet")
    assert not (tmp_path / "e.parquet").exists()


def test_rows_are_embedded_in_the_order_asked(faces: PreparedSet) -> None:
    rows = np.random.default_rng(0).integers(22, size=50)
    with CropReader(ClassManifest.open(faces.path), workers=2) as reader:
        found = embed_rows(ColourEmbedder(), reader, rows, batch=7)
        assert embed_rows(ColourEmbedder(), reader, rows[:0]).shape == (0, 6)
    np.testing.assert_array_equal(found, embedded(faces)[rows])


def test_a_file_of_something_else_is_not_read_as_embeddings(faces: PreparedSet, tmp_path: Path) -> None:
    with pytest.raises(NotASetError, match="facemodel embed"):
        read_embeddings(Path(str(faces.path)) / "classes.parquet")
    with pytest.raises(NotASetError, match="there is no file"):
        read_embeddings(tmp_path / "nowhere.parquet")
