"""Figures are scikit-learn's, whatever the scores: ties, weights and lopsided numbers included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from facedata.types import BoolArray, Float64Array
from facemodel.errors import ScoreError
from facemodel.scoring.intervals import fair_weights, people_weights
from facemodel.scoring.metrics import (
    FARS,
    accuracy,
    auc_of,
    decide,
    roc,
)

CLOSE = 1e-12
seeds = st.integers(0, 2**32 - 1)
Scores = tuple[Float64Array, BoolArray, Float64Array]


@st.composite
def scores(draw: st.DrawFn) -> Scores:
    """Likenesses (few distinct ones at times, so that they tie), which are genuine, and weights."""
    rng = np.random.default_rng(draw(seeds))
    count = draw(st.integers(2, 150))
    same = rng.random(count) < draw(st.floats(0.02, 0.98))
    assume(0 < same.sum() < count)
    likeness = rng.normal(size=count) + same * draw(st.floats(-1, 3))
    if draw(st.booleans()):
        likeness = np.round(likeness, draw(st.integers(0, 1)))
    return likeness, same, rng.integers(1, 5, count) / rng.integers(1, 5, count)


@given(scores(), st.booleans())
def test_roc_and_auc(found: Scores, weighted: bool) -> None:
    likeness, same, weights = found
    given_weights = weights if weighted else None
    curve = roc(likeness, same, given_weights)
    far, tar, thresholds = roc_curve(same, likeness, sample_weight=given_weights, drop_intermediate=False)
    np.testing.assert_allclose(curve.far, far, atol=CLOSE)
    np.testing.assert_allclose(curve.tar, tar, atol=CLOSE)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    theirs = roc_auc_score(same, likeness, sample_weight=given_weights)
    assert roc(likeness, same, given_weights).auc() == pytest.approx(theirs, abs=CLOSE)


@given(scores(), seeds)
def test_the_quick_area_of_many_weightings(found: Scores, seed: int) -> None:
    likeness, same, _ = found
    weights = np.random.default_rng(seed).integers(0, 4, len(same)).astype(np.float64)
    if weights[same].sum() and weights[~same].sum():
        theirs = roc_auc_score(same, likeness, sample_weight=weights)
        assert auc_of(likeness, same)(weights) == pytest.approx(theirs, abs=CLOSE)
    else:
        with pytest.raises(ScoreError, match="one kind"):
            auc_of(likeness, same)(weights)


@given(scores())
def test_auc_is_the_share_of_two_pairs_in_the_right_order(found: Scores) -> None:
    likeness, same, _ = found
    ahead = likeness[same][:, None] - likeness[~same]
    assert roc(likeness, same).auc() == pytest.approx(((ahead > 0) + (ahead == 0) / 2).mean(), abs=CLOSE)


@given(scores())
def test_what_weighs_nothing_is_as_if_it_were_not_there(found: Scores) -> None:
    likeness, same, weights = found
    none = np.concatenate([weights, np.zeros(3)])
    more = np.concatenate([likeness, [0.123, -7, 9]]), np.concatenate([same, [True, False, True]])
    curve, plain = roc(*more, none), roc(likeness, same, weights)
    np.testing.assert_array_equal(curve.thresholds, plain.thresholds)
    np.testing.assert_array_equal(curve.far, plain.far)
    assert (curve.genuine, curve.impostors) == (plain.genuine, plain.impostors)


@given(scores(), st.booleans())
def test_equal_error_rate_lies_where_the_curve_crosses(found: Scores, weighted: bool) -> None:
    likeness, same, weights = found
    given_weights = weights if weighted else None
    far, tar, _ = roc_curve(same, likeness, sample_weight=given_weights, drop_intermediate=False)
    low, high = 0.0, 1.0  # bisect along the curve, a part of its length in false and true accepts
    length = far + tar
    for _ in range(200):
        middle = (low + high) / 2
        at = np.interp(middle * 2, length, far), np.interp(middle * 2, length, tar)
        low, high = (middle, high) if at[0] + at[1] < 1 else (low, middle)
    assert roc(likeness, same, given_weights).eer() == pytest.approx(
        np.interp(high * 2, length, far), abs=1e-9
    )


@given(scores())
def test_best_threshold_is_the_first_best_of_scikit_learn(found: Scores) -> None:
    likeness, same, _ = found
    _, _, thresholds = roc_curve(same, likeness, drop_intermediate=False)
    right = [accuracy_score(same, likeness >= threshold) for threshold in thresholds]
    threshold = roc(likeness, same).best_threshold()
    np.testing.assert_array_equal(likeness >= threshold, likeness >= thresholds[int(np.argmax(right))])
    assert np.isfinite(threshold)
    assert accuracy(likeness, same, threshold) == pytest.approx(max(right), abs=CLOSE)


@given(scores(), st.floats(-3, 3), st.booleans())
def test_decisions(found: Scores, threshold: float, weighted: bool) -> None:
    likeness, same, weights = found
    given_weights = weights if weighted else None
    said = likeness >= threshold
    ours = decide(said, same, given_weights)
    extra = {"sample_weight": given_weights}
    assert ours.accuracy == pytest.approx(accuracy_score(same, said, **extra), abs=CLOSE)
    assert ours.recall == pytest.approx(recall_score(same, said, **extra), abs=CLOSE)
    assert ours.f1 == pytest.approx(f1_score(same, said, **extra), abs=CLOSE)
    if said.any():
        assert ours.precision == pytest.approx(precision_score(same, said, **extra), abs=CLOSE)
    else:
        assert ours.precision is None
    table = [[ours.true_rejects, ours.false_accepts], [ours.false_rejects, ours.true_accepts]]
    np.testing.assert_allclose(table, confusion_matrix(same, said, labels=[False, True], **extra), atol=1e-9)


@given(st.integers(20, 3000), st.integers(1, 60), seeds)
def test_rate_at_a_rate(impostors: int, genuine: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    same = np.repeat([True, False], [genuine, impostors])
    likeness = np.round(rng.normal(size=len(same)) + same, 2)
    far, tar, _ = roc_curve(same, likeness, drop_intermediate=False)
    curve = roc(likeness, same)
    for one in (curve.tar_at_far(rate) for rate in FARS):
        assert one.impostors == impostors
        if impostors * one.far < 10 - 1e-9:
            assert one.tar is None
            assert one.threshold is None
        else:
            assert one.tar == pytest.approx(tar[far <= one.far].max(), abs=CLOSE)
            assert one.threshold is not None
            assert (likeness[~same] >= one.threshold).mean() <= one.far
            assert (likeness[same] >= one.threshold).mean() == pytest.approx(one.tar, abs=CLOSE)


def test_ten_false_accepts_are_enough_and_fewer_are_not() -> None:
    for far in FARS[:4]:
        enough = round(10 / far)
        for impostors, there in ((enough, True), (enough - 1, False)):
            same = np.arange(impostors + 5) < 5
            found = roc(np.where(same, 1.0, 0.0), same).tar_at_far(far)
            assert (found.tar == 1.0) if there else found.tar is None


@given(st.integers(2, 8), st.integers(1, 200), seeds)
def test_fair_weights_give_everybody_the_same_say(people: int, pairs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = np.minimum(rng.geometric(0.4, pairs), people) - 1  # a few have most
    right = np.where(rng.random(pairs) < 0.5, left, rng.integers(people, size=pairs))
    same = left == right
    weights = fair_weights(left, right, same)
    for kind in (same, ~same):
        assert weights[kind].sum() == pytest.approx(kind.sum())
        if not kind.any():
            continue
        if kind is same:
            says = [weights[kind & (left == one)].sum() for one in np.unique(left[kind])]
            assert max(says) == pytest.approx(min(says))
        else:
            counts = np.bincount(np.concatenate([left[kind], right[kind]]), minlength=people)
            slow = np.array(
                [1 / counts[a] + 1 / counts[b] for a, b in zip(left[kind], right[kind], strict=True)]
            )
            np.testing.assert_allclose(weights[kind], slow * kind.sum() / slow.sum())


@given(st.integers(1, 8), st.integers(1, 50), seeds)
def test_a_draw_of_people_weighs_pairs_as_often_as_they_occur(people: int, pairs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(people, size=(2, pairs))
    there = np.unique(np.concatenate([left, right]))
    for weights in people_weights(left, right, 5, seed):
        alone = dict.fromkeys(there.tolist(), 0.0)
        for a, b, weight in zip(left.tolist(), right.tolist(), weights.tolist(), strict=True):
            assert weight == int(weight)
            alone[a] = max(alone[a], weight if a == b else 0.0)
            assert a != b or weight == alone[a]  # all genuine pairs of a person alike
