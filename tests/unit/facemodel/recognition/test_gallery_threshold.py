"""A gallery's threshold: by the share of strangers who may get a name, and why it may name nobody."""

from __future__ import annotations

from typing import Any

import pytest

from facedata.errors import UsageError
from facemodel.recognition.gallery_threshold import choose_gallery_threshold
from facemodel.spec import InputSpec
from facemodel.validated.summary import AcceptRate, ValidationSummary

RATES = tuple(
    AcceptRate(far, threshold, tar, far >= 1e-3)
    for far, threshold, tar in [(0.1, 0.2, 1.0), (0.01, 0.3, 0.9), (1e-3, 0.4, 0.6), (1e-4, 0.5, 0.04)]
)


def spec(threshold: float | None = 0.25, **changes: Any) -> InputSpec:
    known = {"people": 50, "photos": 300, "impostors": 40_000, "unseen": True, "auc": 0.98, "rates": RATES}
    summary = ValidationSummary(**{**known, **changes})
    return InputSpec(112, "square", 4, threshold=threshold, metric="cosine", validation=summary)


def test_the_more_people_the_stricter() -> None:
    values = [choose_gallery_threshold(spec(), people, None) for people in (1, 10)]
    assert [one and round(one.value, 3) for one in values] == [0.3, 0.4]  # rates of .01 and .001 a comparison
    assert all(one is not None and one.doubt is None for one in values)
    looser = choose_gallery_threshold(spec(), 1, 0.1)
    assert looser is not None
    assert looser.value == pytest.approx(0.2)
    assert looser.basis.startswith("10% of strangers get a name among 1 person, by 40,000 comparisons")


def test_a_rate_that_validation_does_not_reach_is_not_claimed() -> None:
    """One in a million among 1,000 people is one in a billion of comparisons; it shows one in 10,000."""
    strict, loose = (choose_gallery_threshold(spec(), *asked) for asked in ((1000, 1e-6), (1, 0.5)))
    assert strict is not None
    assert loose is not None
    assert strict.value == pytest.approx(0.5)
    assert strict.basis.startswith("9.52% of strangers get a name among 1,000 people, extrapolated")
    assert loose.value == pytest.approx(0.2)
    assert loose.basis.startswith("10% of strangers get a name among 1 person, by")


def test_a_threshold_that_accepts_too_few_known_faces_names_nobody() -> None:
    poor = choose_gallery_threshold(spec(), 100, None)
    assert poor is not None
    assert poor.doubt is not None
    assert "validation was poor (AUC 0.980)" in poor.doubt
    assert "accepts 4.12% (" in poor.doubt  # the interval over 50 people
    assert "--threshold 0.25 gives names all the same" in poor.doubt
    assert "extrapolated" in poor.basis


def test_two_people_in_validation_are_too_few() -> None:
    few = choose_gallery_threshold(spec(people=2), 5, None)
    assert few is not None
    assert few.doubt is not None
    assert "validation had 2 people with two photos, too few for an interval (10 are needed)" in few.doubt
    none = choose_gallery_threshold(spec(people=2, rates=()), 5, None)
    assert none is not None
    assert none.value == 0.25
    assert none.doubt is not None


def test_of_people_it_was_trained_on_the_stricter_threshold_counts() -> None:
    closed = choose_gallery_threshold(spec(0.38, unseen=False), 1, None)
    assert closed is not None
    assert closed.value == 0.38
    assert "trained on" in closed.basis
    assert choose_gallery_threshold(spec(0.28, unseen=False), 1, None).value == pytest.approx(0.3)  # type: ignore[union-attr]


def test_models_that_only_have_a_threshold_still_work_and_it_is_said() -> None:
    plain = InputSpec(112, "square", 4, threshold=0.25, metric="cosine")
    found = choose_gallery_threshold(plain, 500, None)
    assert found is not None
    assert (found.value, found.doubt) == (0.25, None)
    assert "how many strangers get a name is not known" in found.basis
    with pytest.raises(UsageError, match="--keep-threshold"):
        choose_gallery_threshold(plain, 500, 0.01)
    assert choose_gallery_threshold(InputSpec(112, "square", 4), 5, None) is None
