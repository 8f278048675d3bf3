"""Groups as wholes, against a loop over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facemodel.checks.who import groups
from facemodel.checks.who.groups import make_groups, mean_of_runs
from facemodel.checks.who.reference import choose_reference
from tests.support.synthetic_people import many_people


@pytest.mark.parametrize("block", [1, 2, 7, 4096])
def test_groups_are_those_of_a_loop(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_BLOCK", block)
    vectors, person = many_people(30, [1, 2, 5, 11], dim=16)
    chance = np.random.default_rng(0)
    shuffled = chance.permutation(len(person))
    vectors, person = vectors[shuffled], person[shuffled]
    of_photo = person * 3 + chance.integers(0, 2, len(person))  # gaps, and people in two groups
    of_photo[chance.random(len(person)) < 0.1] = -1
    chosen = choose_reference(vectors, person)
    made = make_groups(vectors, person, of_photo, chosen)
    numbers = sorted(set(of_photo.tolist()) - {-1})
    assert len(made) == len(numbers)
    for group, number in enumerate(numbers):
        mine = np.flatnonzero(of_photo == number)
        assert np.flatnonzero(made.of_photo == group).tolist() == mine.tolist()
        assert made.person[group] == person[mine[0]]
        assert made.size[group] == len(mine)
        mean = vectors[mine].astype(float).mean(0)
        np.testing.assert_allclose(made.mean(np.array([group]))[0], mean, atol=1e-7)
        assert made.length[group] == pytest.approx(mean @ mean - chosen.usual, abs=1e-6)
    assert (made.of_photo[of_photo < 0] == -1).all()
    near = chosen.measure(made.mean(np.arange(len(made))), made.person)
    np.testing.assert_allclose(made.near.mean, near.mean, atol=1e-6)
    left, right = chance.integers(0, len(made), (2, 200))
    means = made.mean(np.arange(len(made))).astype(float)
    slow = np.einsum("ij,ij->i", means[left], means[right]) - chosen.usual
    slow /= np.sqrt(made.length[left] * made.length[right])
    np.testing.assert_allclose(made.similarity(left, right, chosen.usual), slow, atol=1e-9)


def test_one_run_over_many_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(groups, "_BLOCK", 10)
    vectors, _ = many_people(99, 1, dim=4)
    vectors.tofile(tmp_path / "vectors")
    there = np.memmap(tmp_path / "vectors", np.float32, "r", shape=vectors.shape)
    order, size = np.random.default_rng(0).permutation(99), np.array([3, 55, 1, 1, 30, 9])
    slow = [run.astype(float).mean(0) for run in np.split(vectors[order], np.cumsum(size)[:-1])]
    np.testing.assert_allclose(mean_of_runs(there, order, size), slow, atol=1e-7)
    assert mean_of_runs(there, order[:0], size[:0]).shape == (0, 4)


def test_photos_alone_are_not_copied() -> None:
    """Else a set with one photo of each person would take its embeddings' memory twice."""
    vectors, person = many_people(50, [1, 1, 1, 2], dim=8)
    made = make_groups(vectors, person, person, choose_reference(vectors, person))
    assert made.means.shape == (12, 8)
    assert made.vectors is vectors
