"""The photos that others are compared with, against slow loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facemodel.checks.who import reference
from facemodel.checks.who.reference import choose_reference, own_length, similarity_of_rows
from tests.support.synthetic_people import many_people


def test_nearest_others_are_those_of_a_loop() -> None:
    vectors, person = many_people(40, [1, 2, 5], dim=16, offset=0.5)
    chosen = choose_reference(vectors, person)
    near = chosen.measure(vectors, person)
    for row in range(0, len(vectors), 7):
        length = np.sqrt((1 - chosen.usual) * (vectors[row].astype(float) @ vectors[row] - chosen.usual))
        similar = [
            (float(vectors[row].astype(float) @ other) - chosen.usual) / length
            if whose != person[row]
            else -1.0
            for other, whose in zip(chosen.vectors, chosen.person, strict=True)
        ]
        top = sorted(similar)[-chosen.nearest :]
        assert near.mean[row] == pytest.approx(np.mean(top), abs=1e-5)
        assert near.deviation[row] == pytest.approx(np.std(top), abs=1e-5)


def test_the_usual_cosine_is_that_of_different_people() -> None:
    vectors, person = many_people(300, 3, offset=2.0)
    chosen = choose_reference(vectors, person)
    assert (person[chosen.pairs[:, 0]] != person[chosen.pairs[:, 1]]).all()
    cosines = vectors.astype(float) @ vectors.T
    assert chosen.usual == pytest.approx(np.median(cosines[person[:, None] != person]), abs=0.003)
    assert chosen.usual > 0.7


def test_as_many_of_each_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person with most of the photos is not most of the others."""
    monkeypatch.setattr(reference, "_MOST", 100)
    vectors, person = many_people(60, [1000] + [3] * 59, dim=8)
    chosen = choose_reference(vectors, person)
    counts = np.bincount(chosen.person, minlength=60)
    assert counts.sum() == 100
    assert set(counts.tolist()) == {1, 2}


@pytest.mark.parametrize("photos", [(1, 1), (1, 9), (9, 1), (500, 2)])
def test_two_people(photos: tuple[int, int]) -> None:
    vectors, person = many_people(2, photos)
    near = choose_reference(vectors, person).measure(vectors, person)
    assert np.isfinite(near.mean).all()
    assert (near.mean > -1).all()  # no photo of the person itself counts
    assert (near.deviation > 0).all()


def test_cosines_of_rows_in_a_file(tmp_path: Path) -> None:
    vectors, _ = many_people(3000, 1, dim=8)
    vectors.tofile(tmp_path / "vectors")
    there = np.memmap(tmp_path / "vectors", np.float32, "r", shape=vectors.shape)
    pairs = np.random.default_rng(0).integers(0, 3000, (5000, 2))
    slow = [float(vectors[one].astype(float) @ vectors[other].astype(float)) for one, other in pairs]
    np.testing.assert_allclose(similarity_of_rows(there, pairs), slow, atol=1e-12)
    assert similarity_of_rows(there, pairs[:0]).shape == (0,)


def test_lengths_stay_above_nothing() -> None:
    assert (own_length(np.zeros((2, 4), np.float32), 0.3) > 0).all()
