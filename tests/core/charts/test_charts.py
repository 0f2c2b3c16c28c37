"""Every chart: well-formed, escaped, without inline style, with gaps and the same data as a table."""

import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.core import charts
from tests.core.gallery import all_charts

START = datetime(2013, 1, 1, tzinfo=UTC)
EVIL = '<script>alert("1")</script> & "co'
SVG = "{http://www.w3.org/2000/svg}"


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)  # noqa: S314 - drawn by us a moment ago


def shapes(chart: charts.Chart, name: str, style: str) -> list[ElementTree.Element]:
    """Elements of a kind that carry a class."""
    return [node for node in parsed(chart.svg).iter(f"{SVG}{name}") if style in (node.get("class") or "").split()]


def texts(chart: charts.Chart) -> list[str]:
    return [node.text or "" for node in parsed(chart.svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", sorted(all_charts()))
def test_chart_is_well_formed_and_named(name):
    drawn = all_charts()[name]
    root = parsed(getattr(drawn, "svg", drawn))
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text


@pytest.mark.parametrize("name", sorted(all_charts()))
def test_chart_has_no_inline_style_or_script(name):
    drawn = all_charts()[name]
    for node in parsed(getattr(drawn, "svg", drawn)).iter():
        assert not {"style", "fill", "stroke"} & set(node.attrib)
        assert not [attribute for attribute in node.attrib if attribute.startswith("on")]


def evil_charts() -> list[charts.Chart]:
    return [
        charts.line(
            EVIL,
            [charts.Series(EVIL, [(START, 1), (START + timedelta(1), 2)])],
            unit=EVIL,
            note=EVIL,
            thresholds=[charts.Threshold(1, EVIL, EVIL)],
            events=[charts.Event(START, EVIL, EVIL)],
        ),
        charts.bars(EVIL, [charts.Bar(EVIL, 1, meaning=EVIL)], unit=EVIL, thresholds=[charts.Threshold(1, EVIL)]),
        charts.histogram(EVIL, [EVIL, "b"], reference=[1, 2], current=[2, 1], names=(EVIL, EVIL)),
        charts.heat(EVIL, columns=[EVIL], rows=[(EVIL, [1.0])]),
        charts.scatter(EVIL, points=[(1, 2, 3, EVIL)], x_label=EVIL, y_label=EVIL),
    ]


@pytest.mark.parametrize("chart", evil_charts(), ids=["line", "bars", "histogram", "heat", "scatter"])
def test_chart_escapes_every_text(chart):
    assert "<script" not in chart.svg
    assert parsed(chart.svg).find(f"{SVG}title").text == EVIL


@pytest.mark.parametrize(
    "chart",
    [
        charts.line("?", [charts.Series("a", [(START, None)])]),
        charts.bars("?", []),
        charts.histogram("?", ["a"], reference=[0]),
        charts.heat("?", columns=["a"], rows=[("x", [None])]),
        charts.scatter("?", points=[], x_label="x", y_label="y"),
    ],
    ids=["line", "bars", "histogram", "heat", "scatter"],
)
def test_chart_without_data_says_so(chart):
    assert chart.svg == '<p class="plot-empty">There is nothing to draw yet.</p>'
    assert chart.table.rows == []


def test_line_breaks_at_gaps():
    values = [1, 2, None, 4, None, 6, 7]
    chart = charts.line(
        "?", [charts.Series("a", [(START + timedelta(index), value) for index, value in enumerate(values)])]
    )
    assert len(shapes(chart, "path", "curve")) == 2
    assert len(shapes(chart, "circle", "dot")) == 5


def test_line_of_many_points_keeps_single_ones_visible():
    values = [1.0 if index != 250 else None for index in range(500)]
    values[252] = None
    chart = charts.line("?", [charts.Series("a", list(enumerate(values)))])
    assert len(shapes(chart, "circle", "dot")) == 1


def test_dots_that_stand_too_close_show_under_the_pointer_only():
    far = charts.line("?", [charts.Series("a", [(index, index) for index in range(20)])])
    close = charts.line("?", [charts.Series("a", [(index, index) for index in range(200)])])
    assert len(shapes(far, "circle", "quiet")) == 0
    assert len(shapes(close, "circle", "quiet")) == 200


def test_words_of_an_event_at_the_edge_stay_inside():
    events = [charts.Event(START + timedelta(9), "zero traffic proven")]
    chart = charts.line("?", [charts.Series("a", [(START, 1), (START + timedelta(9), 2)])], events=events)
    (mark,) = shapes(chart, "text", "mark")
    line = shapes(chart, "line", "event")[0]
    assert float(mark.get("x")) < float(line.get("x1")) - 100


def test_line_of_one_point():
    chart = charts.line("?", [charts.Series("a", [(START, 5.0)])])
    assert len(shapes(chart, "circle", "dot")) == 1


def test_line_interval_follows_gaps():
    series = charts.Series("a", [(0, 1), (1, 2), (2, 3)], low=[0, None, 2], high=[2, 3, 4])
    assert len(shapes(charts.line("?", [series]), "path", "interval")) == 2


def test_line_shows_limits_and_events_inside_the_drawing():
    chart = charts.line(
        "?",
        [charts.Series("a", [(START, 0.1), (START + timedelta(30), 0.15)])],
        thresholds=[charts.Threshold(0.9, "alert at 0.9", "wrong")],
        events=[charts.Event(START + timedelta(40), "deployed", "good")],
    )
    limit, event = shapes(chart, "line", "limit")[0], shapes(chart, "line", "event")[0]
    assert 0 <= float(limit.get("y1")) <= 260
    assert 0 <= float(event.get("x1")) <= 720
    assert {"alert at 0.9", "deployed"} <= set(texts(chart))


def test_events_at_the_same_moment_do_not_overlap():
    events = [charts.Event(START, f"event number {index}") for index in range(3)]
    chart = charts.line("?", [charts.Series("a", [(START, 1), (START + timedelta(9), 2)])], events=events)
    marks = shapes(chart, "text", "mark")
    assert len({mark.get("y") for mark in marks}) == 3


def test_line_table_joins_series_intervals_and_events():
    chart = charts.line(
        "?",
        [
            charts.Series("a", [(START, 0.5), (START + timedelta(1), None)], low=[0.4, None], high=[0.6, None]),
            charts.Series("b", [(START, 2)]),
        ],
        events=[charts.Event(START + timedelta(2), "deployed")],
        unit="PSI",
    )
    assert list(chart.table.headers) == ["When", "a (PSI)", "b (PSI)", "What happened"]
    assert chart.table.rows == [
        ["1 Jan 2013", "0.5 (0.4 to 0.6)", "2", ""],
        ["2 Jan 2013", "–", "", ""],
        ["3 Jan 2013", "", "", "deployed"],
    ]


def test_line_times_are_shown_in_the_zone():
    chart = charts.line("?", [charts.Series("a", [(START, 1)])], zone=ZoneInfo("Europe/Berlin"))
    assert chart.table.rows[0][0] == "1 Jan 2013 01:00"


def test_line_takes_dates_and_numbers():
    assert charts.line("?", [charts.Series("a", [(date(2013, 5, 1), 1)])]).table.rows[0][0] == "1 May 2013"
    assert charts.line("?", [charts.Series("a", [(10, 1), (20, 3)])]).table.rows[0][0] == "10"


def test_line_ignores_what_is_not_finite():
    chart = charts.line("?", [charts.Series("a", [(0, 1.0), (1, float("nan")), (2, float("inf")), (3, 2.0)])])
    assert len(shapes(chart, "circle", "dot")) == 2


def test_bars_grow_left_for_negative_values():
    chart = charts.bars("?", [("up", 2), ("down", -1)])
    up, down = shapes(chart, "rect", "bar")
    assert float(down.get("x")) + float(down.get("width")) == pytest.approx(float(up.get("x")), abs=0.2)


def test_bars_keep_a_row_for_what_has_no_value():
    chart = charts.bars("?", [("a", 1), ("b", None)])
    assert "no value" in texts(chart)
    assert chart.table.rows[1] == ["b", "–"]


def test_histogram_compares_shares_not_counts():
    chart = charts.histogram("?", [0, 1, 2], reference=[1, 3], current=[100, 300])
    assert chart.table.rows == [["0 to 1", "25.0\u202f%", "25.0\u202f%"], ["1 to 2", "75.0\u202f%", "75.0\u202f%"]]


def test_histogram_of_unequal_bins_draws_equal_columns():
    chart = charts.histogram("?", [0, 1, 10, 1000], reference=[1, 1, 1])
    assert len({rect.get("width") for rect in shapes(chart, "rect", "past")}) == 1
    assert "1,000" in texts(chart)


def test_histogram_refuses_sides_of_different_length():
    with pytest.raises(ValueError, match="2 bins need"):
        charts.histogram("?", ["a", "b"], reference=[1, 2], current=[1])


def test_heat_by_limits_carries_meaning():
    chart = charts.heat("?", columns=["a", "b", "c", "d"], rows=[("x", [0.05, 0.1, 0.2, None])], limits=(0.1, 0.2))
    styles = [cell.get("class") for cell in shapes(chart, "rect", "cell")]
    assert styles == ["cell good", "cell attention", "cell wrong", "cell none"]


def test_heat_without_limits_shades_from_low_to_high():
    chart = charts.heat("?", columns=["a", "b"], rows=[("x", [0, 10])])
    assert [cell.get("class") for cell in shapes(chart, "rect", "cell")] == ["cell h1", "cell h6"]


def test_heat_refuses_ragged_rows():
    with pytest.raises(ValueError, match="every row needs 2 values"):
        charts.heat("?", columns=["a", "b"], rows=[("x", [1])])


def test_scatter_area_grows_with_weight():
    chart = charts.scatter("?", points=[(0, 0, 1), (1, 1, 100)], x_label="x", y_label="y")
    light, heavy = shapes(chart, "circle", "point")
    assert float(light.get("r")) < float(heavy.get("r"))


def test_sparkline_leaves_gaps_and_says_the_numbers():
    drawn = charts.sparkline([1, 2, None, 3, 4], "Requests", unit="a day")
    root = parsed(drawn)
    assert len(list(root.iter(f"{SVG}path"))) == 2
    assert root.find(f"{SVG}desc").text == "Last 4\u202fa day, lowest 1\u202fa day, highest 4\u202fa day."


@pytest.mark.parametrize("values", [[], [None], [5], [5, 5, 5]])
def test_sparkline_of_little(values):
    assert parsed(charts.sparkline(values, "Requests")).tag == f"{SVG}svg"


def test_a_chart_repeats_its_left_margin_for_narrow_boxes():
    moments = [date(2026, 3, 1) + timedelta(days=day) for day in range(3)]
    line = charts.line("?", [charts.Series("a", [(at, 2.5) for at in moments])], unit="ms")
    heat = charts.heat("?", columns=["a", "b"], rows=[("dep <delay>", [0, 10]), ("origin", [1, 2])])
    words = [[text.text for text in parsed(chart.edge).iter(f"{SVG}text")] for chart in (line, heat)]
    whole = [text.text for text in parsed(line.svg).iter(f"{SVG}text") if "end" in text.get("class").split()]
    assert words == [whole, ["dep <delay>", "origin"]]
    assert words[0][-1] == "ms"
    left, right = parsed(line.edge).get("viewBox").split()[2:]
    assert float(parsed(line.edge).get("width").removesuffix("rem")) == pytest.approx(float(left) * 32 / 720, abs=0.001)
    assert float(right) == 260


def test_charts_of_one_time_share_their_axis():
    ends = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))
    series = [charts.Series("a", [(datetime(2026, 3, 6, tzinfo=UTC), 1.0)])]
    alone, between = charts.line("?", series), charts.line("?", series, between=ends)
    dots = [float(shapes(chart, "circle", "dot")[0].get("cx")) for chart in (alone, between)]
    left, right = (float(shapes(between, "line", "grid")[0].get(end)) for end in ("x1", "x2"))
    assert dots[1] == pytest.approx((left + right) / 2, abs=4)
    assert dots[0] != dots[1]
    assert "There is nothing in this time." in charts.line("?", [], between=ends).svg


def test_histograms_beside_each_other_have_one_axis():
    low, high = (charts.histogram("?", ["a", "b"], reference=side, highest=0.9) for side in ([0.5, 0.5], [0.9, 0.1]))
    drawn = [parsed(chart.svg).iter(f"{SVG}text") for chart in (low, high)]
    ticks = [[text.text for text in texts if "end" in text.get("class")] for texts in drawn]
    assert ticks[0] == ticks[1]
