from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader

from facedata.pages import page as page_module
from facedata.pages.charts import Chart, draw_bars, draw_histogram, draw_lines, number_text, ticks_of

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


def svg_of(chart: Chart) -> ElementTree.Element:
    """Return the chart as look/charts.html draws it."""
    look = Environment(loader=FileSystemLoader(page_module._LOOK), autoescape=True)
    text = look.from_string('{% from "charts.html" import chart %}{{ chart(one) }}').render(one=chart)
    return ElementTree.fromstring(text)


def test_bars_are_as_high_as_their_counts_and_stand_on_one_another() -> None:
    chart = draw_histogram("t", "x", [0, 1, 2], {"train": [10, 4], "test": [10, 0]})
    train, low, test = chart.bars
    assert (train.series, low.series, test.series) == (0, 0, 1)
    assert train.height == pytest.approx(test.height) == pytest.approx(low.height * 2.5)
    assert train.y + train.height == pytest.approx(chart.bottom)
    assert test.y + test.height == pytest.approx(train.y)
    assert test.y == pytest.approx(chart.top)
    assert chart.left <= train.x < low.x < low.x + low.width <= chart.right


def test_hovering_and_the_table_say_the_counts() -> None:
    chart = draw_histogram("t", "tilt, degrees", [0, 0.5, 1], {"train": [1234, 0], "test": [0, 7]})
    assert [bar.hint for bar in chart.bars] == ["0 to 0.5: 1,234 train", "0.5 to 1: 7 test"]
    assert chart.head == ("tilt, degrees", "train", "test")
    assert chart.rows == (("0 to 0.5", "1,234", "0"), ("0.5 to 1", "0", "7"))


def test_overlaid_series_are_shares_of_their_own() -> None:
    chart = draw_histogram("t", "x", [0, 1, 2], {"same": [1, 3], "other": [300, 100]}, is_overlaid=True)
    assert [bar.hint for bar in chart.bars] == ["0 to 1: 25.00% same", "1 to 2: 75.00% same",
                                                "0 to 1: 75.00% other", "1 to 2: 25.00% other"]  # fmt: skip
    assert {bar.y + bar.height for bar in chart.bars} == {chart.bottom}
    assert "overlaid" in svg_of(chart).attrib["class"]


@pytest.mark.parametrize("counts", [[], [0], [0, 0, 0]])
def test_nothing_to_count_draws_no_bar(counts: list[int]) -> None:
    assert draw_histogram("t", "x", range(len(counts) + 1), {"": counts}).bars == ()
    assert draw_bars("t", "x", [str(one) for one in counts], {"": counts}).bars == ()
    svg_of(draw_histogram("t", "x", range(len(counts) + 1), {"": counts}))


def test_a_mark_stands_at_its_value_and_only_within_the_axis() -> None:
    chart = draw_histogram("t", "x", [0, 10], {"": [1]}, marks={"here": 5.0, "beyond": 11.0})
    (mark,) = chart.marks
    assert mark.label == "here 5"
    assert mark.place == pytest.approx((chart.left + chart.right) / 2)


def test_a_mark_at_the_end_of_the_axis_has_its_name_before_it() -> None:
    chart = draw_lines("t", "x", "y", {"a": ([0, 1, 2, 3], [1, 2, 3, 4])}, marks={"early": 1.0, "late": 3.0})
    early, late = (text for text in svg_of(chart).iter("text") if text.get("class") == "mark")
    places = [mark.place for mark in chart.marks]
    assert (early.get("text-anchor"), float(early.attrib["x"])) == (None, places[0] + 4)
    assert (late.get("text-anchor"), float(late.attrib["x"])) == ("end", places[1] - 4)


def test_a_point_alone_is_seen_without_a_line() -> None:
    chart = draw_lines("t", "x", "y", {"one": ([1], [2]), "two": ([0, 1], [1, 3])})
    alone = [circle.get("class") for circle in svg_of(chart).iter("circle")]
    assert alone == ["s0 alone", "s1", "s1"]


def test_bars_of_many_places_label_some() -> None:
    chart = draw_bars("t", "epoch", [str(at) for at in range(100)], {"": [1] * 100})
    assert len(chart.bars) == 100
    assert [tick.label for tick in chart.x_ticks] == [str(at) for at in range(0, 100, 10)]
    assert chart.rows[99] == ("99", "1")


def test_lines_go_through_their_points() -> None:
    chart = draw_lines("t", "x", "y", {"": ([0, 5, 10], [0, 1, 0])})
    assert (
        chart.lines[0].path
        == f"M{chart.left}.0 {chart.bottom}.0 L260.0 {chart.top}.0 L{chart.right}.0 {chart.bottom}.0"
    )
    assert [hint for _, _, hint in chart.lines[0].points] == ["0, 0", "5, 1", "10, 0"]


def test_what_is_not_finite_breaks_a_line() -> None:
    chart = draw_lines("t", "x", "y", {"": ([0, 1, 2, 3], [0, math.nan, 2, 3])})
    assert re.findall("[ML]", chart.lines[0].path) == ["M", "M", "L"]


def test_a_logarithmic_axis_has_a_tick_a_decade() -> None:
    chart = draw_lines("ROC", "far", "tar", {"": ([0, 1e-4, 1e-2, 1], [0, 0.1, 0.5, 1])}, has_log_x=True)
    assert [tick.label for tick in chart.x_ticks] == ["0.0001", "0.001", "0.01", "0.1", "1"]
    places = [tick.place for tick in chart.x_ticks]
    assert np.allclose(np.diff(places), np.diff(places)[0], atol=0.02)
    assert len(chart.lines[0].points) == 3  # 0 has no place on it


def test_a_long_line_has_a_short_table_that_ends_where_the_line_does() -> None:
    x = np.arange(1000)
    chart = draw_lines("t", "x", "y", {"": (x, x * 2)})
    assert len(chart.rows) <= 61
    assert chart.rows[-1] == ("999", "1,998")
    assert chart.lines[0].path.count("L") == 999


@given(st.lists(st.tuples(FINITE, FINITE), max_size=30), st.booleans())
def test_every_line_stays_within_its_box(points: list[tuple[float, float]], has_log_x: bool) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    chart = draw_lines("t", "x", "y", {"a": (xs, ys), "b": (xs[::-1], ys)}, has_log_x=has_log_x)
    for line in chart.lines:
        for x, y in (map(float, step.split()) for step in re.split("[ML]", line.path) if step.strip()):
            assert chart.left - 0.1 <= x <= chart.right + 0.1
            assert chart.top - 0.1 <= y <= chart.bottom + 0.1
    svg_of(chart)


@given(FINITE, st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_within(low: float, span: float) -> None:
    ticks = ticks_of(low, low + span)
    assert len(ticks) <= 7
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)


def test_the_drawing_says_names_as_text() -> None:
    name = '<script>alert("1")</script>'
    chart = draw_histogram(name, name, [0, 1], {name: [1], "b": [2]})
    svg = svg_of(chart)
    assert svg.find("script") is None
    assert svg.findtext("figcaption") == name
    (first, second) = svg.iter("rect")
    assert first.findtext("title") == f"0 to 1: 1 {name}"
    assert second.attrib["class"] == "s1"
    assert not [one for one in svg.iter() if "style" in one.attrib]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-3.0, "-3"), (1234567.0, "1,234,567"), (0.123456, "0.1235"), (1e20, "1e+20")],
)
def test_numbers_read_well(value: float, text: str) -> None:
    assert number_text(value) == text
