"""A gallery as NumPy's file: what NumPy alone reads, the same bytes each time, and never a face too many."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from facedata.errors import UsageError
from facemodel.outputs import npz_out
from facemodel.recognition.gallery import Gallery
from facemodel.recognition.gallery_arrays import write_arrays

PEOPLE = Gallery(
    ("Bo", "Zoë", "王"), np.arange(12, dtype=np.float32).reshape(3, 4), ((), (), ()), "f" * 64, "cosine", 0.4
)


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    write_arrays(PEOPLE, tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz", allow_pickle=False) as file:
        assert file["names"].tolist() == ["Bo", "Zoë", "王"]
        assert np.array_equal(file["embeddings"], PEOPLE.embeddings)
        assert file["embeddings"].dtype == np.float32
        assert (float(file["threshold"]), str(file["metric"]), str(file["model"])) == (
            0.4,
            "cosine",
            "f" * 64,
        )


def test_the_same_gallery_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_arrays(PEOPLE, tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("threshold", "doubt"), [(0.4, "poor"), (None, None)])
def test_where_identify_names_nobody_no_face_reaches_the_threshold(
    tmp_path: Path, metric: str, threshold: float | None, doubt: str | None
) -> None:
    gallery = dataclasses.replace(PEOPLE, metric=metric, threshold=threshold, doubt=doubt)
    write_arrays(gallery, tmp_path / "g.npz")
    limit = float(np.load(tmp_path / "g.npz")["threshold"])
    values = np.array([-1.0, 0.0, 1.0, 1e9])
    assert not (values >= limit if metric == "cosine" else np.abs(values) <= limit).any()


def test_only_a_gallery_s_arrays_are_replaced(tmp_path: Path) -> None:
    ours, other = tmp_path / "g.npz", tmp_path / "other.npz"
    write_arrays(PEOPLE, ours)
    np.savez(other, weights=np.ones(3))
    assert npz_out(ours) == ours
    with pytest.raises(UsageError, match="exists and is not a gallery's arrays: choose another name"):
        npz_out(other)
    with pytest.raises(UsageError, match=r"the name of a gallery's arrays must end in \.npz"):
        npz_out(tmp_path / "g.npy")
