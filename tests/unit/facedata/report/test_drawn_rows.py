from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from facedata.errors import NotASetError
from facedata.report import drawn_rows
from facedata.report.crop_columns import read_crop_columns
from facedata.report.drawn_rows import read_drawn_rows
from facedata.sets.prepared import PreparedSet, open_set
from facedata.types import Int32Array
from tests.support.damaged_sets import alter_table
from tests.support.small_set import make_set

_SIDES = {"pairs": ("left", "right"), "triplets": ("anchor", "positive", "negative")}
each_kind = pytest.mark.parametrize("kind", _SIDES)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """A set of 40 crops whose ids have holes."""
    people = {f"p{number}": 5 for number in range(8)}
    return make_set(tmp_path_factory.mktemp("drawn"), people, skip_ids=2)


def _places(prepared: PreparedSet) -> dict[int, int]:
    """Every crop's place on a page that has them in reverse."""
    ids = prepared.table("classes").column("id").to_pylist()
    return {one: len(ids) - 1 - at for at, one in enumerate(ids)}


def _reversed(prepared: PreparedSet) -> Int32Array:
    places: Int32Array = np.arange(len(prepared.table("classes")), dtype=np.int32)[::-1].copy()
    return places


@each_kind
def test_every_use_of_a_crop_counts(prepared: PreparedSet, kind: str) -> None:
    crops = read_crop_columns(prepared)
    rows = prepared.table(kind).to_pylist()
    uses = read_drawn_rows(prepared, kind, crops, _reversed(prepared)).uses
    slow = [sum(row[side] == one for row in rows for side in _SIDES[kind]) for one in crops.ids.tolist()]
    assert uses.tolist() == slow
    assert sum(slow) == len(rows) * len(_SIDES[kind])


@each_kind
def test_samples_are_rows_of_their_split_by_places_on_the_page(prepared: PreparedSet, kind: str) -> None:
    places = _places(prepared)
    found = read_drawn_rows(prepared, kind, read_crop_columns(prepared), _reversed(prepared)).samples
    assert set(found) == {"train", "test"}
    for split, samples in found.items():
        rows = {
            (*(places[row[side]] for side in _SIDES[kind]), *([int(row["same"])] if kind == "pairs" else []))
            for row in prepared.table(kind).to_pylist()
            if row["split"] == split
        }
        assert (
            len({tuple(sample) for sample in samples})
            == len(samples)
            == min(len(rows), 240, 120 if kind == "triplets" else 240)
        )
        assert {tuple(sample) for sample in samples} <= rows


def test_half_of_the_pairs_are_of_one_person_where_there_are_enough(
    prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn_rows, "MOST_PAIRS", 10)
    found = read_drawn_rows(prepared, "pairs", read_crop_columns(prepared), _reversed(prepared)).samples
    assert [sample[2] for sample in found["train"]] == [1] * 5 + [0] * 5
    again = read_drawn_rows(prepared, "pairs", read_crop_columns(prepared), _reversed(prepared)).samples
    assert again == found


def test_where_one_kind_of_pair_is_rare_the_other_fills_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn_rows, "MOST_PAIRS", 10)

    for same in (True, False):
        make_set(tmp_path / str(same), {f"p{number}": 4 for number in range(6)})
        alter_table(tmp_path / str(same), "pairs", _with_one_other if same else _with_one_alike)
        prepared = open_set(tmp_path / str(same))
        samples = read_drawn_rows(prepared, "pairs", read_crop_columns(prepared), _reversed(prepared)).samples
        split = prepared.table("pairs").column("split").to_pylist()[-1]
        assert len(samples[split]) == 10
        assert [sample[2] for sample in samples[split]].count(int(not same)) == 1


@each_kind
def test_rows_with_a_crop_off_the_page_are_not_shown_but_count(prepared: PreparedSet, kind: str) -> None:
    crops = read_crop_columns(prepared)
    place = _reversed(prepared)
    place[::2] = -1
    found = read_drawn_rows(prepared, kind, crops, place)
    shown = {
        at for samples in found.samples.values() for sample in samples for at in sample[: len(_SIDES[kind])]
    }
    assert shown
    assert shown <= set(place[1::2].tolist())
    assert found.uses[::2].sum() > 0


def test_a_set_without_the_table_uses_no_crop(prepared: PreparedSet, tmp_path: Path) -> None:
    bare = make_set(tmp_path, {"anna": 3, "ben": 3})
    bare.info["tables"].pop("triplets")
    found = read_drawn_rows(bare, "triplets", read_crop_columns(bare), _reversed(bare))
    assert (found.uses.tolist(), found.samples) == ([0] * 6, {})


def test_an_id_that_no_crop_has_is_refused(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 4, "ben": 4, "chidi": 4, "dora": 4})
    alter_table(tmp_path, "pairs", _with_id(999))
    prepared = open_set(tmp_path)
    with pytest.raises(NotASetError, match="has ids that no crop has"):
        read_drawn_rows(prepared, "pairs", read_crop_columns(prepared), _reversed(prepared))


def _with_one_other(table: pa.Table) -> pa.Table:
    return _all_but_one(table, of=False)


def _with_one_alike(table: pa.Table) -> pa.Table:
    return _all_but_one(table, of=True)


def _all_but_one(table: pa.Table, of: bool) -> pa.Table:
    """Return pairs with only one that is, or is not, of one person."""
    mine, others = (pc.equal(table.column("same"), same) for same in (not of, of))
    return pa.concat_tables([table.filter(mine), table.filter(others).slice(0, 1)])


def _with_id(number: int) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index("left")
        values = [number, *table.column("left").to_pylist()[1:]]
        return table.set_column(at, table.schema.field(at), pa.array(values, pa.int64()))

    return change
