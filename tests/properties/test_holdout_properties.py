"""Whatever the people and the seed: who judges does not train, and enough people do both."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facedata.config import SplitConfig
from facemodel.batches.people import TrainingPeople
from facemodel.config import FitConfig
from facemodel.epochs.holdout import hold_out
from facemodel.errors import DataError
from tests.support.small_set import make_set

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=15)


@settings(max_examples=25)
@given(SIZES, st.integers(0, 1000), st.floats(0.01, 0.5), st.booleans())
def test_who_judges_does_not_train(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: int, share: float, closed: bool
) -> None:
    folder: Path = tmp_path_factory.mktemp("set") / "faces"
    people = {f"p{number:02d}": size for number, size in enumerate(sizes)}
    prepared = make_set(folder, people, split=SplitConfig(splits="train=1"))
    changes = {"batches": "photos", "loss": "cross-entropy", "best_by": "accuracy"} if closed else {}
    config = FitConfig(closed=closed, seed=seed, val_share=share, **changes)  # type: ignore[arg-type]
    try:
        found = hold_out(prepared, config)
    except DataError:
        # there are fewer than four people, or nobody has two photos
        assert max(sizes) == 1 or (not closed and len(sizes) < 5)
        return
    training, judges = TrainingPeople.of(found.training), TrainingPeople.of(found.validation)
    assert not set(training.ids.tolist()) & set(judges.ids.tolist())
    assert len(training) + len(judges) == sum(sizes)
    if closed:
        assert set(training.names) == set(people)
    else:
        assert not set(training.names) & set(judges.names)
        assert min(len(training.names), len(judges.names)) >= 2
        assert found.pairs.same.any()
        assert not found.pairs.same.all()
