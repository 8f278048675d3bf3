"""Naming by the nearest anchor against a slow loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facemodel.errors import ScoreError
from facemodel.scoring.nearest_anchor import class_figures, deal_roles, naming_figures

rng = np.random.default_rng(8)
PERSON = np.repeat(np.arange(14), [1, 6, 3, 2, 1, 9, 2, 2, 4, 1, 3, 5, 2, 2])[rng.permutation(43)]
CENTRES = rng.normal(size=(14, 5))
EMBEDDINGS = (CENTRES[PERSON] + 0.6 * rng.normal(size=(43, 5))).astype(np.float32)
NO_REFERENCE = np.zeros(43, np.bool_)


def slow(metric: str, threshold: float, roles: Any) -> dict[str, Any]:
    counts = {"rank1": 0, "right": 0, "wrong": 0, "unknown": 0}
    people: dict[int, list[dict[str, int]]] = {}
    for probe in roles.probes.tolist():
        name, near = nearest_of(probe, metric, roles)
        right = name == PERSON[probe]
        inside = near <= threshold if metric == "euclidean" else near >= threshold
        said = {
            "rank1": right,
            "right": right and inside,
            "wrong": inside and not right,
            "unknown": not inside,
        }
        people.setdefault(int(PERSON[probe]), []).append({k: int(v) for k, v in said.items()})
        for key in counts:
            counts[key] += said[key]
    let_in = sum(
        near <= threshold if metric == "euclidean" else near >= threshold
        for _, near in (nearest_of(row, metric, roles) for row in roles.strangers.tolist())
    )
    over = {key: np.mean([np.mean([one[key] for one in each]) for each in people.values()]) for key in counts}
    return {**{k: v / len(roles.probes) for k, v in counts.items()}, "let_in": let_in, "over_people": over}


def nearest_of(row: int, metric: str, roles: Any) -> tuple[int, float]:
    values = []
    for anchor in roles.anchors:
        one, other = EMBEDDINGS[row].astype(float), EMBEDDINGS[anchor].astype(float)
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        values.append(np.linalg.norm(one - other) if metric == "euclidean" else cosine)
    best = int(np.argmin(values) if metric == "euclidean" else np.argmax(values))
    return int(PERSON[roles.anchors[best]]), float(values[best])


@pytest.mark.parametrize(("metric", "threshold"), [("euclidean", 1.6), ("cosine", 0.7)])
def test_every_figure_is_the_slow_loops(metric: str, threshold: float) -> None:
    roles = deal_roles(PERSON, NO_REFERENCE, seed=1)
    found = naming_figures(EMBEDDINGS, PERSON, roles, metric, threshold)
    wanted = slow(metric, threshold, roles)
    assert 0.2 < wanted["unknown"] < 0.8
    assert wanted["wrong"] > 0
    for name in ("rank1", "right", "wrong", "unknown", "let_in"):
        assert found[name] == pytest.approx(wanted[name]), name
    assert found["over_people"] == pytest.approx(wanted["over_people"])
    assert (found["people"], found["known"], found["strangers"]) == (11, 29, 3)


def test_roles_share_no_crop_and_leave_none_out() -> None:
    roles = deal_roles(PERSON, NO_REFERENCE, seed=5)
    rows = np.concatenate([roles.anchors, roles.probes, roles.strangers])
    assert sorted(rows.tolist()) == list(range(43))
    assert len(set(PERSON[roles.anchors].tolist())) == len(roles.anchors)
    assert set(PERSON[roles.probes]) == set(PERSON[roles.anchors])
    assert not set(PERSON[roles.strangers]) & set(PERSON[roles.anchors])


def test_anchors_are_drawn_by_lot_and_the_seed_decides() -> None:
    found = [deal_roles(PERSON, NO_REFERENCE, seed).anchors.tolist() for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_a_reference_photo_is_the_anchor() -> None:
    reference = NO_REFERENCE.copy()
    wanted = [int(np.flatnonzero(one == PERSON)[-1]) for one in (1, 5)]
    reference[wanted] = True
    for seed in range(5):
        assert set(wanted) <= set(deal_roles(PERSON, reference, seed).anchors.tolist())


def test_without_a_threshold_only_the_nearest_is_told() -> None:
    roles = deal_roles(PERSON, NO_REFERENCE, seed=1)
    found = naming_figures(EMBEDDINGS, PERSON, roles, "euclidean", None)
    assert found["rank1"] == pytest.approx(slow("euclidean", 1.0, roles)["rank1"])
    for name in ("right", "wrong", "unknown"):
        assert found[name] is found["over_people"][name] is None
    assert found["let_in"] is found["let_in_rate"] is None


def test_one_person_cannot_be_told_from_nobody() -> None:
    person = np.array([0, 0, 1, 2])
    with pytest.raises(ScoreError, match="there are 1"):
        naming_figures(EMBEDDINGS[:4], person, deal_roles(person, NO_REFERENCE[:4], 0), "cosine", 0.5)


def test_nobody_at_all() -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(ScoreError, match="there are 0"):
        naming_figures(EMBEDDINGS[:0], none, deal_roles(none, none.astype(bool), 0), "cosine", 0.5)


def test_classes_weigh_alike_in_their_mean() -> None:
    """Nine photos of one class hide that the others are never right."""
    label = np.array([0] * 9 + [2, 3])
    found = class_figures(np.zeros(11, np.int64), label, ("ada", "bo", "cy", "dee"))
    assert found["accuracy"] == pytest.approx(9 / 11)
    assert found["accuracy_over_classes"] == pytest.approx(1 / 3)
    assert (found["classes"], found["classes_seen"]) == (4, 3)
    assert [one["identity"] for one in found["per_class"]] == ["ada", "cy", "dee"]
    with pytest.raises(ScoreError, match="no photo"):
        class_figures(label[:0], label[:0], ("ada",))
