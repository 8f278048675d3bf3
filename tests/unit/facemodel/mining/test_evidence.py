"""From which similarity a pair may be one person: drawn similarities, and real faces with swapped names."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.types import Float32Array, Int64Array
from facemodel.mining.evidence import Evidence, weigh_samples, weigh_set
from facemodel.mining.matches import COSINE, EUCLIDEAN
from facemodel.mining.whole_set import Comparison, nearest_others

PEOPLE, PHOTOS, DIM = 300, 8, 48


def faces(spread: float, seed: int = 0) -> tuple[Float32Array, Int64Array]:
    """Return directions of photos that scatter around their people's, and who they are."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(PEOPLE), PHOTOS)
    rows = rng.normal(size=(PEOPLE, DIM))[person] + spread * rng.normal(size=(len(person), DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), person


def swap(person: Int64Array, share: float, seed: int = 1) -> Int64Array:
    """Return labels of which a share has changed places at random."""
    rng = np.random.default_rng(seed)
    labels: Int64Array = person.copy()
    some = rng.choice(len(person), round(share * len(person)), replace=False)
    labels[some] = labels[np.roll(some, 1)]
    return labels


@pytest.mark.parametrize(("share", "metric"), [(0.0, COSINE), (0.2, COSINE), (0.2, EUCLIDEAN), (0.4, COSINE)])
def test_wrong_negatives_are_found_and_hard_ones_stay(share: float, metric: str) -> None:
    features, truth = faces(0.6)
    labels = swap(truth, share)
    near = nearest_others(features, labels, 16, Comparison(metric))
    evidence = weigh_set(features, labels, metric, near)
    assert evidence.wrong_share == pytest.approx(1 - (1 - share) ** 2, abs=0.05)
    same = truth[near.columns] == truth[:, None]
    refused = near.similarities >= evidence.limit
    assert refused[~same].mean() < 0.002
    if share:
        assert refused[same].mean() > 0.95
    first = np.argmin(refused, axis=1)
    left = ~refused[np.arange(len(first)), first]
    assert same[np.arange(len(first)), first][left].mean() <= same[:, 0].mean() / 5


def test_a_network_that_tells_nobody_from_anybody_refuses_nothing() -> None:
    features, truth = faces(20.0)
    for share in (0.0, 0.4):
        labels = swap(truth, share)
        near = nearest_others(features, labels, 16)
        refused = near.similarities >= weigh_set(features, labels, COSINE, near).limit
        assert refused.mean() < 0.01


def test_equal_embeddings_refuse_nothing() -> None:
    features, person = np.repeat(faces(0.5)[0][:1], 400, axis=0), np.repeat(np.arange(100), 4)
    evidence = weigh_set(features, person)
    assert evidence.limit == np.inf


def test_few_photos_say_nothing() -> None:
    features, person = faces(0.5)
    for rows in (slice(0, 7 * PHOTOS), slice(0, PHOTOS), slice(0, len(person), PHOTOS)):
        some = np.unique(person[rows], return_inverse=True)[1]
        assert weigh_set(features[rows], some).limit == np.inf


def test_random_pairs_alone_say_nearly_the_same() -> None:
    """Where no nearest others are known, as for some random candidates."""
    features, truth = faces(0.6)
    labels = swap(truth, 0.2)
    counted = weigh_set(features, labels, COSINE, nearest_others(features, labels, 16))
    sampled = weigh_set(features, labels)
    assert sampled.limit == pytest.approx(counted.limit, abs=0.1)
    assert sampled.wrong_share == counted.wrong_share


def test_the_same_embeddings_say_the_same() -> None:
    features, truth = faces(0.6)
    labels = swap(truth, 0.2)
    assert weigh_set(features, labels) == weigh_set(features.copy(), labels.copy())


def test_twice_as_many_strangers_raise_the_limit() -> None:
    """The chance that a pair is one person falls with the number of others, not with its likeness alone."""
    chance = np.random.default_rng(0)
    own, cross = chance.normal(0.6, 0.15, 5000), chance.normal(0.0, 0.1, 100_000)
    limits = [weigh_samples(own, cross, 5000, others).limit for others in (10**5, 10**7)]
    assert limits[0] < limits[1]
    assert weigh_samples(own, cross[:10], 5000, 10**5) == Evidence()
