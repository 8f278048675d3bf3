"""The copy of a set with exchanged photos: the same records, other pictures, and only where asked; and what
an arm is compared with.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata import ClassManifest
from facemodel.recipe_choice import SetFacts, adapt_options
from facemodel.recipes import fit_config
from tests.benchmark.dirty import ARMS, BASE, make_dirty, untreated
from tests.benchmark.people_sets import SPLITS
from tests.support.people_set import people_set


def test_photos_change_places_between_people_of_one_split(tmp_path: Path) -> None:
    clean = people_set(tmp_path / "clean", people=20, photos=4, splits=SPLITS)
    dirty = make_dirty(clean, tmp_path / "dirty", 0.4, 1, ("train", "val"))
    before, after = (ClassManifest.open(faces).table.to_pylist() for faces in (clean, dirty))
    for name in ("path", "identity", "split"):
        assert [row[name] for row in before] == [row[name] for row in after]
    shows = {row["crop_sha256"]: row for row in before}
    moved = [(row, shows[row["crop_sha256"]]) for row in after]
    moved = [(here, real) for here, real in moved if here["path"] != real["path"]]
    assert {here["split"] for here, _ in moved} == {"train", "val"}
    assert all(here["split"] == real["split"] for here, real in moved)
    assert all(here["identity"] != real["identity"] for here, real in moved)
    trains = sum(row["split"] == "train" for row in before)
    assert sum(here["split"] == "train" for here, _ in moved) == round(0.4 * trains) // 2 * 2
    assert make_dirty(clean, tmp_path / "dirty", 0.4, 1, ("train",)).fingerprint == dirty.fingerprint


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_is_compared_with_the_same_loss(arm: str) -> None:
    few = SetFacts(people=721, photos_each=2.0)
    mine, other = (adapt_options(fit_config({**BASE, **ARMS[one]}), few)[0] for one in (arm, untreated(arm)))
    treats = {name for name, value in vars(mine).items() if value != getattr(other, name)}
    assert treats == set(ARMS[arm]) - set(ARMS[untreated(arm)])
    assert treats <= {"doubted", "sub_centres", "interclass_filter"}
    assert (untreated(arm) == arm) == (not treats)
