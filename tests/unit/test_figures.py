"""Figures show the numbers they are given. Every value here is made up, and odd enough to be recognised."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from pipeline.outputs.figures import (
    DOUBLE_COLUMN,
    NOTE,
    IncidenceFigure,
    SurvivalFigure,
    png_bytes,
    render_figure,
    write_figure,
)
from pipeline.studies.calgb_100104.figures import FIGURES
from schemas import base
from schemas.results import Curves, Results

MONTH = 30.4375
MONTHS = range(0, 71, 10)
CUTOFF = dt.date(2013, 2, 7)
BY_NAME = {value.name: value for value in FIGURES}

# group: (n, events, median and limits in months, numbers at risk)
KM = {
    "LEN": (217, 83, (47, 41, None), [217, 203, 187, 121, 59, 26, 13, 3]),
    "PBO": (211, 127, (23, 19, 31), [211, 189, 143, 73, 29, 22, 11, 2]),
}


def result(analysis: str, group: str, level: str, statistic: str, value: float | None) -> tuple[object, ...]:
    return ("MADEUP", CUTOFF, analysis, None, "ITT", "TTP", group, level, statistic, value, "made up")


def make_results(p: float = 0.0231, gray: float = 0.0064) -> pl.DataFrame:
    rows = []
    for analysis, (group, (n, events, median, at_risk)) in itertools.product(
        ("TTP_KM", "OS_KM", "CIF"), KM.items()
    ):
        rows += [result(analysis, group, "", "n", n), result(analysis, group, "", "events", events)]
        for statistic, months in zip(("median", "median_lower", "median_upper"), median, strict=True):
            reached = months is not None and analysis != "OS_KM"
            rows.append(result(analysis, group, "", statistic, months * MONTH if reached else None))
        for month, count in zip(MONTHS, at_risk, strict=True):
            rows.append(result(analysis, group, str(month), "n_risk", count))
    for endpoint in ("TTP", "OS"):
        for statistic, value in (("hr", 0.415), ("hr_lower", 0.295), ("hr_upper", 0.585)):
            rows.append(result(f"{endpoint}_COX", "LEN:PBO", "", statistic, value))
        rows.append(result(f"{endpoint}_LOGRANK", "LEN:PBO", "", "p", p))
    for cause in ("SECOND CANCER", "PROGRESSION", "DEATH"):
        rows.append(result("CIF_GRAY", "LEN:PBO", cause, "p", gray))
    frame = pl.DataFrame(rows, schema=base.dtypes(Results), orient="row", strict=False)
    assert base.failures(Results, frame).is_empty()
    return frame


def make_curves() -> pl.DataFrame:
    rows = []

    def step(analysis: str, group: str, cause: str, month: float, estimate: float, half: float) -> None:
        limits = (max(0.0, estimate - half), min(1.0, estimate + half))
        head = ("MADEUP", CUTOFF, analysis, "TTP", group, cause, round(month * MONTH))
        rows.append((*head, 200, 1, int(month % 3 == 0), estimate, *limits))

    for month in range(1, 72):
        for group, monthly in (("LEN", 0.012), ("PBO", 0.024)):
            step("TTP_KM", group, "", month, (1 - monthly) ** month, 0.002 * month)
            step("OS_KM", group, "", month, (1 - monthly / 4) ** month, 0.001 * month)
            for cause, end in (("SECOND CANCER", 0.05), ("PROGRESSION", 0.3), ("DEATH", 0.02)):
                step("CIF", group, cause, month, end * monthly / 0.012 * month / 71, 0.0005 * month)
    frame = pl.DataFrame(rows, schema=base.dtypes(Curves), orient="row")
    assert base.failures(Curves, frame).is_empty()
    return frame


def svg_texts(figure: Figure, folder: Path) -> list[str]:
    svg, _ = write_figure(figure, folder, "figure")
    return ["".join(node.itertext()) for node in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")]


def texts(figure: Figure) -> list[Text]:
    """Every text that is drawn, after one drawing has put it in its place."""
    figure.set_dpi(300)
    FigureCanvasAgg(figure).draw()
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]


def test_a_survival_figure_prints_the_numbers_it_was_given(tmp_path: Path) -> None:
    shown = svg_texts(render_figure(BY_NAME["figure_1a"], make_results(), make_curves()), tmp_path)
    assert "Hazard ratio, 0.42 (95% CI, 0.30\N{EN DASH}0.59)" in shown  # each rounded half up
    assert "P = 0.02 by log-rank test" in shown
    assert "83/217" in shown
    assert "47 (41\N{EN DASH}NR)" in shown
    assert "127/211" in shown
    assert "23 (19\N{EN DASH}31)" in shown
    for *_, at_risk in KM.values():
        first = shown.index(str(at_risk[0]))
        assert shown[first : first + len(at_risk)] == [str(count) for count in at_risk]


def test_a_median_that_is_not_reached_says_so(tmp_path: Path) -> None:
    shown = svg_texts(render_figure(BY_NAME["figure_1b"], make_results(), make_curves()), tmp_path)
    assert shown.count("not reached") == 2


def test_a_hazard_ratio_that_cannot_be_estimated_says_so(tmp_path: Path) -> None:
    hr = pl.col("STATISTIC").str.starts_with("hr")
    results = make_results().with_columns(VALUE=pl.when(~hr).then("VALUE"))
    shown = svg_texts(render_figure(BY_NAME["figure_1a"], results, make_curves()), tmp_path)
    assert any(text.startswith("Hazard ratio, not estimable") for text in shown)


def test_an_incidence_figure_prints_grays_p_of_each_cause(tmp_path: Path) -> None:
    results = make_results().with_columns(
        VALUE=pl.when(pl.col("LEVEL") == "PROGRESSION").then(0.00031).otherwise("VALUE")
    )
    shown = svg_texts(render_figure(BY_NAME["figure_3"], results, make_curves()), tmp_path)
    assert [text for text in shown if "Gray" in text] == [
        "P = 0.006 by Gray's test",
        "P<0.001 by Gray's test",
        "P = 0.006 by Gray's test",
    ]
    assert shown.count("121") == 3  # the numbers at risk under every panel


def test_curves_are_the_rows_of_the_table_in_months() -> None:
    curves = make_curves()
    (axes,) = render_figure(BY_NAME["figure_1a"], make_results(), curves).axes
    for group, label in (("LEN", "Lenalidomide"), ("PBO", "Placebo")):
        (line,) = [one for one in axes.lines if one.get_label() == label]
        rows = curves.filter(pl.col("ANALYSIS") == "TTP_KM", pl.col("GROUP") == group)
        assert line.get_drawstyle() == "steps-post"
        assert line.get_xdata() == pytest.approx([0, *(days / MONTH for days in rows["TIME"])])
        assert list(line.get_ydata()) == [1, *rows["ESTIMATE"]]
        (ticks,) = [
            one for one in axes.lines if one.get_marker() == "|" and one.get_color() == line.get_color()
        ]
        censored = rows.filter(pl.col("NCENSOR") > 0)["TIME"]
        assert ticks.get_xdata() == pytest.approx([days / MONTH for days in censored])


def test_curves_without_limits_can_be_drawn() -> None:
    bare = make_curves().with_columns(LOWER=pl.lit(None, pl.Float64), UPPER=pl.lit(None, pl.Float64))
    for value in FIGURES:
        assert png_bytes(render_figure(value, make_results(), bare), dpi=50).startswith(b"\x89PNG")


@pytest.mark.parametrize("value", FIGURES, ids=lambda value: value.name)
def test_every_figure_says_that_the_data_are_synthetic_and_when_they_were_cut(
    value: SurvivalFigure | IncidenceFigure, tmp_path: Path
) -> None:
    shown = svg_texts(render_figure(value, make_results(), make_curves()), tmp_path)
    assert f"{NOTE} Data cut-off: 2013-02-07." in shown
    assert value.title in shown


@pytest.mark.parametrize(
    "value", [*FIGURES, replace(FIGURES[0], width=DOUBLE_COLUMN)], ids=lambda v: f"{v.name}_{v.width}"
)
def test_no_text_covers_another_or_leaves_the_page(value: SurvivalFigure | IncidenceFigure) -> None:
    figure = render_figure(value, make_results(), make_curves())
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts(figure)]
    assert len(boxes) > 30
    for text, box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
    for (one, box), (other, other_box) in itertools.combinations(boxes, 2):
        assert not box.overlaps(other_box), (one, other)


@pytest.mark.parametrize("value", FIGURES, ids=lambda value: value.name)
def test_numbers_at_risk_stand_under_their_ticks_and_outside_the_axes(
    value: SurvivalFigure | IncidenceFigure,
) -> None:
    figure = render_figure(value, make_results(), make_curves())
    texts(figure)
    for axes in figure.axes:
        for *_, at_risk in KM.values():
            for month, count in zip(MONTHS, at_risk, strict=True):
                x, axis = axes.transData.transform((month, 0))
                boxes = [t.get_window_extent() for t in axes.texts if t.get_text() == str(count)]
                assert any(abs((box.x0 + box.x1) / 2 - x) < 1 and box.y1 < axis for box in boxes), (
                    month,
                    count,
                )


@pytest.mark.parametrize("value", FIGURES, ids=lambda value: value.name)
def test_no_text_is_smaller_than_six_points(value: SurvivalFigure | IncidenceFigure) -> None:
    assert min(t.get_fontsize() for t in texts(render_figure(value, make_results(), make_curves()))) >= 6


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    make_results().write_parquet(tmp_path / "results.parquet")
    make_curves().write_parquet(tmp_path / "curves.parquet")
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nsavefig.bbox: tight\n")
    program = (
        "import sys, polars as pl\n"
        "from pathlib import Path\n"
        "from pipeline.outputs.figures import render_figure, write_figure\n"
        "from pipeline.studies.calgb_100104.figures import FIGURES\n"
        "here = Path(sys.argv[1])\n"
        "results, curves = (pl.read_parquet(here / f'{t}.parquet') for t in ('results', 'curves'))\n"
        "for value in FIGURES:\n"
        "    write_figure(render_figure(value, results, curves), here / 'other', value.name)\n"
    )
    other = {**os.environ, "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path), "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=other)
    for value in FIGURES:
        here = write_figure(
            render_figure(value, make_results(), make_curves()), tmp_path / "here", value.name
        )
        for path in here:
            assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name
    assert len(list((tmp_path / "here").iterdir())) == 2 * len(FIGURES)  # no temporary file stays


def test_a_missing_number_or_curve_is_an_error_and_never_a_gap() -> None:
    results, curves = make_results(), make_curves()
    no_hr = results.filter(pl.col("STATISTIC") != "hr")
    with pytest.raises(KeyError, match="'TTP_COX', 'LEN:PBO', '', 'hr'"):
        render_figure(BY_NAME["figure_1a"], no_hr, curves)
    with pytest.raises(KeyError, match="'OS_KM', 'PBO'"):
        render_figure(BY_NAME["figure_1b"], results, curves.filter(pl.col("GROUP") == "LEN"))
    with pytest.raises(KeyError, match="no numbers at risk for CIF"):
        render_figure(BY_NAME["figure_3"], results.filter(pl.col("ANALYSIS") != "CIF"), curves)


def test_two_cutoffs_in_one_figure_are_an_error() -> None:
    later = make_curves().with_columns(CUTOFF=pl.lit(dt.date(2014, 1, 1)))
    with pytest.raises(ValueError, match="one study at one cut-off"):
        render_figure(BY_NAME["figure_1a"], make_results(), later)
