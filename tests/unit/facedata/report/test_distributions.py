from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata.checks.findings import FINDINGS
from facedata.checks.quality.measure import QUALITY
from facedata.pages.charts import Chart
from facedata.report.check_files import UNKNOWN, CheckFiles, read_check_files
from facedata.report.crop_columns import NO_SPLIT, UNKNOWN_SCORE, UNKNOWN_TILT, CropColumns, read_crop_columns
from facedata.report.distributions import draw_distributions, round_edges, whole_edges
from facedata.sets.prepared import open_set
from tests.support.damaged_sets import alter_table
from tests.support.report_sets import write_check
from tests.support.small_set import make_set

_NO_CHECK = CheckFiles([], FINDINGS.empty_table(), np.zeros(9, np.int64), state="none")


def _crops(people: int = 9, photos: int = 4, splits: int = 2) -> CropColumns:
    """Return crops of people in several splits by turns, the last person in none."""
    count = people * photos
    person = np.repeat(np.arange(people, dtype=np.int32), photos)
    split = np.where(person == people - 1, NO_SPLIT, person % splits).astype(np.uint8)
    score = np.linspace(9000, 9999, count).astype(np.uint16)
    tilt = np.linspace(-3000, 4500, count).astype(np.int16)
    score[:1], tilt[1:2] = UNKNOWN_SCORE, UNKNOWN_TILT
    face_px = np.linspace(20, 777, count).astype(np.uint16)
    names = ["train", *(f"split {number}" for number in range(1, splits))]
    return CropColumns(
        np.arange(count), [f"p{n}" for n in range(people)], person, names, split, score, tilt, face_px
    )


def _no_uses(crops: CropColumns) -> dict[str, np.ndarray[tuple[int], np.dtype[np.uint32]]]:
    return {kind: np.zeros(len(crops), np.uint32) for kind in ("pairs", "triplets")}


def _by_title(crops: CropColumns, check: CheckFiles = _NO_CHECK, **uses: object) -> dict[str, Chart]:
    groups = draw_distributions(crops, check, {**_no_uses(crops), **uses})  # type: ignore[dict-item]
    return {chart.title: chart for _, charts in groups for chart in charts}


def _totals(chart: Chart) -> list[int]:
    """Return how much each series of a chart counts, by its table."""
    columns = list(zip(*chart.rows, strict=True))[1:]
    return [sum(int(cell.replace(",", "")) for cell in column) for column in columns]


def test_every_crop_whose_number_is_known_is_counted_in_its_split() -> None:
    charts = _by_title(_crops())
    # 36 crops: five people in train, the last one in none; one crop of train has no score, one no tilt
    assert charts["Score of the face"].legend == ("train", "split 1", "no split")
    assert _totals(charts["Score of the face"]) == [15, 16, 4]
    assert _totals(charts["Tilt of the face"]) == [15, 16, 4]
    assert _totals(charts["Size of the face in the photo"]) == [16, 16, 4]
    assert _totals(charts["Photos per person"]) == [4, 4, 1]
    assert "Use in pairs" not in charts
    assert not [title for title in charts if title.startswith("Quality")]


def test_bins_hold_what_lies_between_their_edges() -> None:
    crops = _crops()
    chart = _by_title(crops)["Tilt of the face"]
    tilts = crops.tilt[crops.tilt != UNKNOWN_TILT] / 100
    for at, (place, *cells) in enumerate(chart.rows):
        low, high = (float(text) for text in place.split(" to "))
        is_last = at == len(chart.rows) - 1
        inside = (tilts >= low) & ((tilts <= high) if is_last else (tilts < high))
        assert sum(map(int, cells)) == inside.sum(), place


def test_bars_count_what_the_tables_measure(tmp_path: Path) -> None:
    count = 401
    draw = np.random.default_rng(3).random
    make_set(tmp_path, {"anna": count})

    def measure(table: pa.Table) -> pa.Table:
        sides = 30 + 300 * draw((len(table), 2))
        boxes = np.column_stack([np.zeros_like(sides), sides])
        columns = {"score": 0.94 + 0.06 * draw(len(table)), "tilt_deg": 50 * draw(len(table)) - 25}
        for name, values in {**columns, "box": list(boxes)}.items():
            at = table.schema.get_field_index(name)
            field = table.schema.field(at)
            table = table.set_column(at, field, pa.array(values, field.type))
        return table

    alter_table(tmp_path, "photos", measure)
    prepared = open_set(tmp_path)
    qualities = draw((count, len(QUALITY.names) - 1)).astype(np.float32)
    write_check(prepared, [], qualities.tolist())
    crops = read_crop_columns(prepared)
    charts = _by_title(crops, read_check_files(prepared, crops))
    kept = [row for row in prepared.table("photos").to_pylist() if row["path"]]
    true = {
        "Score of the face": [row["score"] for row in kept],
        "Tilt of the face": [row["tilt_deg"] for row in kept],
        "Size of the face in the photo": [max(row["box"][2:]) for row in kept],
    }
    for at, name in enumerate(QUALITY.names[1:]):
        true[f"Quality: {name.replace('_', ' ')}"] = qualities[:, at].tolist()
    for title, values in true.items():
        rows = charts[title].rows
        edges = [float(place.split(" to ")[0]) for place, *_ in rows] + [float(rows[-1][0].split(" to ")[1])]
        assert [int(row[1]) for row in rows] == np.histogram(values, edges)[0].tolist(), title


def test_people_and_uses_are_counted_one_by_one_and_then_in_ranges() -> None:
    crops = _crops(people=3, photos=40, splits=2)
    uses = np.zeros(120, np.uint32)
    uses[:6] = [0, 1, 12, 13, 14, 1234]
    chart = _by_title(crops, triplets=uses)["Use in triplets"]
    table = {place: sum(map(int, cells)) for place, *cells in chart.rows}
    assert table["1"] == table["12"] == 1
    assert table["13–19"] == 2
    assert table["1,000–1,234"] == 1
    assert sum(table.values()) == 80  # those in no split are in no triplet
    assert table["0"] == 75
    people = {place: sum(map(int, cells)) for place, *cells in _by_title(crops)["Photos per person"].rows}
    assert people == {"40": 3}


def test_qualities_have_their_threshold_and_leave_out_what_is_unknown() -> None:
    crops = _crops()
    values = np.full(36, 127, np.uint8)
    values[:3] = UNKNOWN
    check = replace(_NO_CHECK, state="current", quality={"pose": values}, thresholds={"pose": 0.4})
    chart = _by_title(crops, check)["Quality: pose"]
    assert sum(_totals(chart)) == 33
    assert [mark.label for mark in chart.marks] == ["limit 0.4"]
    assert (chart.rows[0][0].split(" to ")[0], chart.rows[-1][0].split(" to ")[1]) == ("0", "1")


def test_one_split_alone_needs_no_legend() -> None:
    crops = replace(_crops(splits=1), split=np.zeros(36, np.uint8))
    assert _by_title(crops)["Score of the face"].legend == ()


def test_more_splits_than_colours_are_drawn_as_one() -> None:
    charts = _by_title(_crops(people=15, splits=8), pairs=np.ones(60, np.uint32))
    assert charts["Score of the face"].legend == ("in a split", "no split")
    assert _totals(charts["Use in pairs"]) == [56]


def test_a_set_in_no_split_has_charts_too() -> None:
    crops = replace(_crops(), split=np.full(36, NO_SPLIT, np.uint8), splits=[])
    assert _totals(_by_title(crops)["Photos per person"]) == [9]


def test_where_nothing_is_measured_there_is_no_chart(tmp_path: Path) -> None:
    crops = read_crop_columns(make_set(tmp_path, {"anna": 3}))
    assert list(_by_title(crops)) == ["Photos per person"]
    assert _by_title(_crops(people=0)) == {}


@pytest.mark.parametrize(
    ("least", "most"),
    [(0, 0), (1, 8), (3, 42), (3, 43), (20, 60), (100, 250), (0, 41), (1, 530), (0, 10**6), (50, 3000)],
)
def test_bins_of_whole_numbers_hold_each_in_one(least: int, most: int) -> None:
    edges = whole_edges(least, most)
    assert edges == sorted(set(edges))
    assert edges[0] <= least
    assert edges[-1] > most
    assert edges[-2] <= most
    assert len(edges) <= 42
    if most - least < 40:
        assert edges == list(range(least, most + 2))


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.9, 0.9999), (-180, 180), (21, 6000), (0.5, 0.5), (0, 65_535), (-0.1, 0.1)]
)
def test_edges_are_round_and_hold_everything(low: float, high: float) -> None:
    edges = round_edges(low, high)
    assert edges[0] <= low
    assert high <= edges[-1]
    assert 2 <= len(edges) <= 41
    width = float(np.diff(edges)[0])
    assert np.allclose(np.diff(edges), width)
    assert float(f"{width:.0e}"[0]) in (1, 2, 5)
    assert edges[1] > low
    assert edges[-2] < max(high, edges[-1])
