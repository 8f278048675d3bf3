"""Galleries: what is written comes back; nearest people against a slow loop; what is no gallery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facemodel.errors import GalleryError
from facemodel.recognition.gallery import (
    Gallery,
    LeftOut,
    accepts,
    compared,
    in_byte_order,
    read_gallery,
    stand_in,
)

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
    assert field.type == pa.list_(pa.float32(), DIM)


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


def test_blocks_of_a_large_gallery_join_without_a_gap() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 3000))
    found = compared(a, b, "euclidean")
    wanted = np.linalg.norm(a.astype(float)[:, None] - b.astype(float)[None], axis=2)
    assert np.allclose(found, wanted, atol=1e-12)


def test_near_faces_keep_their_digits() -> None:
    """|a|² - 2ab + |b|² would give 0 or NaN here."""
    a = np.full((1, 4), 1000, np.float32)
    b = a + np.array([[0.001, 0, 0, 0]], np.float32)
    assert compared(a, b, "euclidean")[0, 0] == pytest.approx(float(b[0, 0]) - 1000, rel=1e-9)


def test_a_threshold_is_the_most_of_a_distance_and_the_least_of_a_similarity() -> None:
    values = np.array([0.2, 0.3, 0.4])
    assert accepts(values, 0.3, "euclidean").tolist() == [True, True, False]
    assert accepts(values, 0.3, "cosine").tolist() == [False, True, True]
    assert accepts(values, None, "cosine").all()


def test_what_stands_for_several() -> None:
    rows = np.array([[3, 0], [0, 4]], np.float32)
    assert np.allclose(stand_in(rows, "euclidean", normalised=False), [1.5, 2])
    diagonal = np.array([1, 1]) / np.sqrt(2)
    assert np.allclose(stand_in(rows, "cosine", normalised=False), diagonal)  # their lengths do not count
    unit = np.array([[1, 0], [0, 1]], np.float32)
    assert np.allclose(stand_in(unit, "euclidean", normalised=True), diagonal)


def test_one_photo_stands_for_itself() -> None:
    row = np.array([[3, 4]], np.float32)
    assert np.array_equal(stand_in(row, "euclidean", normalised=False), row[0])


def test_another_models_gallery_is_refused() -> None:
    gallery().check_model("ab" * 32, DIM)
    with pytest.raises(GalleryError, match=r"abababababab, not by this one \(cdcdcdcdcdcd\): enroll"):
        gallery().check_model("cd" * 32, DIM)


def test_names_are_in_the_order_of_their_bytes() -> None:
    assert in_byte_order(["b", "é", "a", "Z", "a"]) == ["Z", "a", "b", "é"]


def _refused(path: Path) -> str:
    with pytest.raises(GalleryError) as refusal:
        read_gallery(path)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_what_is_no_gallery(tmp_path: Path) -> None:
    file = tmp_path / "g.parquet"
    assert "there is no gallery" in _refused(file)
    file.write_bytes(b"no parquet at all")
    assert "cannot read" in _refused(file)
    pq.write_table(pa.table({"identity": ["a"]}), file)
    assert "is no gallery" in _refused(file)
    assert "cannot read" in _refused(tmp_path)  # a folder


@pytest.mark.parametrize("size", [10, 200, -20])
def test_a_gallery_that_was_cut_short(size: int, tmp_path: Path) -> None:
    gallery().write(tmp_path / "g.parquet")
    (tmp_path / "g.parquet").write_bytes((tmp_path / "g.parquet").read_bytes()[:size])
    assert "cannot read" in _refused(tmp_path / "g.parquet")


def test_galleries_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "g.parquet"
    gallery(names=()).write(file)
    assert "it holds nobody" in _refused(file)
    gallery(names=("a", "a")).write(file)
    assert "one is there twice" in _refused(file)
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
