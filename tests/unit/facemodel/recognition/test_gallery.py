"""Galleries: what is written comes back; nearest people against a slow loop; what is not a gallery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facemodel.errors import GalleryError
from facemodel.recognition.gallery import Gallery, LeftOut, mean_embedding, read_gallery

DIM = 5


def gallery(metric: str = "euclidean", names: tuple[str, ...] = ("Zoë", "ana\nb", "王菲")) -> Gallery:
    rng = np.random.default_rng(3)
    return Gallery(
        names,
        rng.normal(size=(len(names), DIM)).astype(np.float32),
        tuple((f"{name}/1.jpg", f"{name}/2.jpg") for name in names),
        "ab" * 32,
        metric,
        0.35,
        "mean",
        (LeftOut("x/\\xff.jpg", None, "no_face", "no face"),),
    )


def test_what_is_written_comes_back_and_twice_the_same_bytes(tmp_path: Path) -> None:
    made = gallery()
    for name in ("a.parquet", "b.parquet"):
        made.write(tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    read = read_gallery(tmp_path / "a.parquet")
    assert np.array_equal(read.embeddings, made.embeddings)
    assert read.embeddings.dtype == np.float32
    for field in ("names", "photos", "model", "metric", "threshold", "anchor", "left_out"):
        assert getattr(read, field) == getattr(made, field), field
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_its_folder_is_made(tmp_path: Path) -> None:
    gallery().write(tmp_path / "a" / "b" / "g.parquet")
    assert len(read_gallery(tmp_path / "a" / "b" / "g.parquet")) == 3


def test_plain_pandas_makes_sense_of_it(tmp_path: Path) -> None:
    gallery().write(tmp_path / "g.parquet")
    frame = pd.read_parquet(tmp_path / "g.parquet")
    assert list(frame.columns) == ["identity", "embedding", "photos"]
    assert frame.loc[0, "identity"] == "Zoë"
    assert np.array_equal(np.stack(frame["embedding"].tolist()), gallery().embeddings)
    field = pq.read_schema(tmp_path / "g.parquet").field("embedding")
    assert field.type == pa.list_(pa.float32())


def test_a_gallery_with_lists_of_a_fixed_size_is_read(tmp_path: Path) -> None:
    """As earlier releases wrote them."""
    gallery().write(tmp_path / "g.parquet")
    table = pq.read_table(tmp_path / "g.parquet")
    old = table.column("embedding").cast(pa.list_(pa.float32(), DIM))
    pq.write_table(table.set_column(1, "embedding", old), tmp_path / "old.parquet")
    assert np.array_equal(read_gallery(tmp_path / "old.parquet").embeddings, gallery().embeddings)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_nearest_as_a_slow_loop_finds_them(metric: str) -> None:
    some = gallery(metric)
    faces = np.random.default_rng(1).normal(size=(40, DIM)).astype(np.float32)
    who, values = some.nearest(faces)
    for face, person, value in zip(faces.astype(float), who, values, strict=True):
        each = []
        for other in some.embeddings.astype(float):
            if metric == "euclidean":
                each.append(sum((a - b) ** 2 for a, b in zip(face, other, strict=True)) ** 0.5)
            else:
                lengths = (face @ face) ** 0.5 * (other @ other) ** 0.5
                each.append(float(face @ other / lengths))
        best = min(each) if metric == "euclidean" else max(each)
        assert value == pytest.approx(best, abs=1e-12)
        assert person == each.index(best)


def test_the_mean_of_several() -> None:
    rows = np.array([[3, 0], [0, 4]], np.float32)
    assert np.allclose(mean_embedding(rows, "euclidean", normalised=False), [1.5, 2])
    diagonal = np.array([1, 1]) / np.sqrt(2)
    assert np.allclose(
        mean_embedding(rows, "cosine", normalised=False), diagonal
    )  # their lengths do not count
    unit = np.array([[1, 0], [0, 1]], np.float32)
    assert np.allclose(mean_embedding(unit, "euclidean", normalised=True), diagonal)


def test_one_photo_stands_for_itself() -> None:
    row = np.array([[3, 4]], np.float32)
    assert np.array_equal(mean_embedding(row, "euclidean", normalised=False), row[0])


def test_another_models_gallery_is_refused() -> None:
    gallery().check_model("ab" * 32, DIM)
    with pytest.raises(GalleryError, match=r"abababababab, not by this one \(cdcdcdcdcdcd\): enroll"):
        gallery().check_model("cd" * 32, DIM)


def _refused(path: Path) -> str:
    with pytest.raises(GalleryError) as refusal:
        read_gallery(path)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_what_is_not_a_gallery(tmp_path: Path) -> None:
    file = tmp_path / "g.parquet"
    assert "there is no gallery" in _refused(file)
    file.write_bytes(b"no parquet at all")
    assert "cannot read" in _refused(file)
    pq.write_table(pa.table({"identity": ["a"]}), file)
    assert "is not a gallery" in _refused(file)
    assert "cannot read" in _refused(tmp_path)  # a folder


@pytest.mark.parametrize("size", [10, 200, -20])
def test_a_gallery_that_was_cut_short(size: int, tmp_path: Path) -> None:
    gallery().write(tmp_path / "g.parquet")
    (tmp_path / "g.parquet").write_bytes((tmp_path / "g.parquet").read_bytes()[:size])
    assert "cannot read" in _refused(tmp_path / "g.parquet")


def test_galleries_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "g.parquet"
    gallery(names=()).write(file)
    assert "it has no people" in _refused(file)
    gallery(names=("a", "a")).write(file)
    assert "is listed twice" in _refused(file)
    bad = gallery()
    bad.embeddings[0, 0] = np.nan
    bad.write(file)
    assert "not all numbers" in _refused(file)


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "g.parquet"
    gallery().write(file)
    table = pq.read_table(file)
    about = table.schema.metadata[b"facemodel"].replace(b'"version": 1', b'"version": 9')
    pq.write_table(table.replace_schema_metadata({b"facemodel": about}), file)
    assert "has version 9 and this facemodel reads 1" in _refused(file)
