"""The drawings' facts: who is drawn, how long a bar is, where a line goes, what the words say."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.report import samples
from wizard.verify import report
from wizard.verify.report import axes, charts, facts, picture, series, words


def drawing(evidence, name):
    """One SVG of the rendered page, as XML."""
    found = re.search(rf'<svg [^>]*id="{name}".*?</svg>', report.as_html(evidence), re.DOTALL)
    assert found, name
    return ET.fromstring(found.group())


def texts(svg):
    return ["".join(text.itertext()) for text in svg.iter("text")]


def of_class(svg, name):
    return [each for each in svg.iter() if name in (each.get("class") or "").split()]


def test_the_picture_names_every_part_of_two_vms():
    told = " ".join(texts(drawing(samples.load("drill"), "architecture")))
    for part in (
        "Internet",
        "127.72.198.5:80",
        "ra-multi-vm-lb",
        "HTTP GET / every 5 s, 2 in a row",
        "NAT gateway",
        "ra-multi-vm-nsg",
        "10.0.0.0/16",
        "10.0.1.0/24",
        "ra-multi-vm-as",
        "2 fault domains",
        "sign-in :50001",
        "sign-in :50002",
        "share 50.",
        "✓ 10 passed",
    ):
        assert part in told


def test_of_twenty_vms_six_are_drawn_and_those_with_a_fault_among_them():
    svg = drawing(samples.load("twenty"), "architecture")
    drawn = [title.text.partition(":")[0] for group in svg.iter("g") if (title := group.find("title")) is not None]
    assert drawn == [f"ra-multi-vm{number}" for number in (1, 2, 3, 4, 5, 17)]
    assert "… and 14 more: ✓ 14 passed" in texts(svg)


def test_a_failed_vm_is_drawn_as_failed():
    svg = drawing(samples.load("failed"), "architecture")
    states = {
        group.find("title").text.partition(":")[0]: group.find("rect").get("class")
        for group in svg.iter("g")
        if group.find("title") is not None
    }
    assert states == {"ra-multi-vm1": "node passed", "ra-multi-vm2": "node failed"}


@pytest.mark.parametrize(("outbound", "told"), [("none", "No way out"), ("outbound-rule", "Out by the balancer")])
def test_other_ways_out(outbound, told):
    evidence = samples.load("drill")
    evidence["plan"]["network"]["outbound"] = outbound
    shown = texts(drawing(evidence, "architecture"))
    assert told in shown
    assert "NAT gateway" not in " ".join(shown)


def test_without_a_plan_there_is_no_picture():
    assert not picture.can_draw(facts.read({"deployment": "x", "plan": {"prefix": "x"}}))
    assert not picture.can_draw(facts.read({"deployment": "x"}))


def test_bars_are_as_long_as_their_shares():
    evidence = samples.load("drill")
    evidence["loads"][0]["by_vm"] = {"a": 300, "b": 100, "c": 0}
    svg = drawing(evidence, "load-1-shares")
    bars = [float(bar.get("width")) for bar in of_class(svg, "bar")]
    assert bars[0] == pytest.approx(3 * bars[1], abs=0.2)
    assert bars[2] == 0
    assert {"75.0 %  (300)", "25.0 %  (100)", "0.0 %  (0)"} <= set(texts(svg))
    (even,) = of_class(svg, "reference")
    first = float(of_class(svg, "bar")[0].get("x"))
    assert float(even.get("x1")) - first == pytest.approx(bars[0] * 400 / 3 / 300, abs=0.2)


def test_of_two_hundred_vms_the_least_and_the_most_are_drawn():
    svg = charts.shares("x", {f"vm{number}": 1000 + number for number in range(200)})
    parsed = ET.fromstring(str(svg))
    assert len(of_class(parsed, "bar")) == 40
    assert "… 160 VMs with 1,020 to 1,179 answers" in texts(parsed)


def test_the_latency_line_rises_with_the_percentiles():
    svg = drawing(samples.load("version-1"), "latency")
    (curve,) = of_class(svg, "curve")
    heights = [float(y) for _, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", curve.get("d"))]
    assert len(heights) == 5
    assert heights == sorted(heights, reverse=True)
    assert "10.6 ms" in texts(svg)


def test_several_loads_are_told_apart_by_dash_marker_and_name():
    svg = drawing(samples.load("twenty"), "latency")
    assert [curve.get("class") for curve in of_class(svg, "curve")] == [f"curve dash-{n}" for n in range(3)]
    assert {"Kept alive", "New connections", "Offered 2,000 a second"} <= set(texts(svg))


def test_the_drills_marks_stand_at_their_times():
    evidence = samples.load("drill")
    svg = drawing(evidence, "drill-series")
    told = texts(svg)
    for mark in evidence["drill"]["marks"]:
        assert any(text.startswith(mark["what"]) for text in told)
    lines = sorted({float(line.get("x1")) for line in of_class(svg, "mark")})
    first, last = 64, axes.WIDTH - 16
    wanted = [first + mark["at"] / 60 * (last - first) for mark in evidence["drill"]["marks"]]
    assert lines == pytest.approx(wanted, abs=0.06)


def test_errors_are_drawn_where_there_were_some():
    evidence = samples.load("drill")
    svg = drawing(evidence, "drill-series")
    with_errors = [piece for piece in evidence["drill"]["series"] if piece["errors"]]
    assert len(of_class(svg, "errors")) == len(with_errors)
    assert "no errors" in texts(drawing(evidence, "load-1-series"))


def test_a_long_series_is_put_together_and_loses_no_request():
    pieces = [facts.Slice(n / 4, 0.25, 100 + n % 7, n % 3, 1.0, 2.0 + n, {"a": 50, "b": 50}) for n in range(14_401)]
    merged = series.merged(pieces, 240)
    assert len(merged) <= 240
    assert sum(piece.requests for piece in merged) == sum(piece.requests for piece in pieces)
    assert sum(piece.errors for piece in merged) == sum(piece.errors for piece in pieces)
    assert sum(piece.by_vm["a"] for piece in merged) == 50 * len(pieces)
    assert max(piece.p99_ms or 0 for piece in merged) == 2.0 + 14_400


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_ticks_are_round_few_and_reach_the_highest(high):
    found = axes.ticks(high)
    assert found[0] == 0
    assert found[-1] >= high * 0.999
    assert 2 <= len(found) <= 7


@given(st.floats(min_value=1e-3, max_value=1e6), st.floats(min_value=1, max_value=1e6))
def test_logarithmic_ticks_span_the_values_and_are_few(low, times):
    high = low * times
    found = axes.log_ticks(low, high)
    assert found == sorted(set(found))
    assert found[0] <= low * 1.01
    assert found[-1] >= high * 0.99
    assert 2 <= len(found) <= 16


@given(st.lists(st.tuples(st.floats(0, 700), st.floats(10, 300)), max_size=12))
def test_no_label_lies_on_a_later_marks_line_or_label(marks):
    starts = sorted(start for start, _ in marks)
    ends = [start + width for start, (_, width) in zip(starts, marks, strict=True)]
    rows = axes.staircase(starts, ends)
    for first in range(len(starts)):
        for later in range(first + 1, len(starts)):
            if starts[later] < ends[first]:
                assert rows[first] > rows[later]


@given(st.lists(st.floats(0, 300), max_size=8))
def test_names_at_line_ends_keep_apart(wanted):
    placed = axes.apart(wanted, 16)
    ordered = sorted(placed)
    assert all(high - low >= 15.999 for low, high in itertools.pairwise(ordered))


@pytest.mark.parametrize(
    ("p_value", "told"),
    [
        (None, "cannot be judged"),
        (0.43, "in 43 of 100 runs (chi-square p = 0.43)"),
        (0.021, "Less even than usual, but nothing to suspect"),
        (0.0031, "in 3 of 1,000 runs (chi-square p = 0.003)"),
        (1e-9, "Uneven: chance alone"),
        (0.0, "Uneven: chance alone"),
    ],
)
def test_the_spread_in_words(p_value, told):
    assert told in words.spread(p_value)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "–"),
        (0.84, "0.8 s"),
        (10, "10 s"),
        (10.24, "10.2 s"),
        (97, "97 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds, told):
    assert words.seconds(seconds) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [(0.854, "0.85 ms"), (10.59, "10.6 ms"), (136.6, "137 ms"), (5003, "5,003 ms"), (0, "0 ms"), (None, "–")],
)
def test_figures(number, told):
    assert words.figure(number, "ms") == told


def test_a_share_that_is_not_nothing_is_never_told_as_none():
    assert words.percent(1, 1_000_000) == "0.0001 %"
    assert words.percent(0, 10) == "0.0 %"
    assert words.percent(0, 0) == "–"


def test_times_are_told_in_utc():
    assert words.moment("2026-11-23T08:01:45+01:00") == "2026-11-23 07:01:45 UTC"
    assert words.moment("2026-11-23T07:01:45Z") == "2026-11-23 07:01:45 UTC"
    assert words.moment("yesterday") == "yesterday"
    assert words.lasted("2026-11-23T07:00:00Z", "2026-11-23T06:00:00Z") is None


def test_a_name_too_long_keeps_its_end():
    assert words.shortened("a-very-long-prefix-for-machines17", 12).endswith("ines17")
    assert len(words.shortened("a-very-long-prefix-for-machines17", 12)) == 12
