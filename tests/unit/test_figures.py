"""Figures show the numbers they are given. Every value here is made up, and odd enough to be recognised."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image, ImageStat

from pipeline.outputs import NOTE
from pipeline.outputs.figures import (
    DOUBLE_COLUMN,
    FigureValue,
    IncidenceFigure,
    SurvivalFigure,
    describe_figure,
    figure_data,
    figures_of,
    png_bytes,
    png_preview,
    render_figure,
    write_figure,
)
from pipeline.studies.calgb_100104.figures import FIGURES
from tests.figures import ANY_CUTOFF, BY_NAME, CUTOFF, KM, MONTH, MONTHS, changed, make_curves, make_results

EVERY_KIND = [BY_NAME[name] for name in ("figure_1a", "figure_2a", "figure_3", "figure_s1b", "figure_s2c")]
WITH_TIME = [value for value in ANY_CUTOFF if isinstance(value, SurvivalFigure | IncidenceFigure)]


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
    assert "Hazard ratio, 0.42 (95% CI, 0.30\N{EN DASH}0.59); P = 0.02" in shown  # each rounded half up
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
    results = changed(make_results(), 0.00031, ANALYSIS="CIF_GRAY", LEVEL="PROGRESSION")
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
    for value in ANY_CUTOFF:
        assert png_bytes(render_figure(value, make_results(), bare), dpi=50).startswith(b"\x89PNG")


def test_a_preview_is_the_print_made_smaller() -> None:
    figure = render_figure(ANY_CUTOFF[0], make_results(), make_curves())
    png = png_bytes(figure)
    printed, preview = (Image.open(BytesIO(data)) for data in (png, png_preview(png, 60)))
    assert preview.size == tuple(-(-length // 5) for length in printed.size)
    means = [ImageStat.Stat(image.convert("L")).mean[0] for image in (printed, preview)]
    assert means[0] == pytest.approx(means[1], abs=1)


@pytest.mark.parametrize("value", ANY_CUTOFF, ids=lambda value: value.name)
def test_every_figure_says_that_the_data_are_synthetic_and_when_they_were_cut(
    value: FigureValue, tmp_path: Path
) -> None:
    shown = svg_texts(render_figure(value, make_results(), make_curves()), tmp_path)
    assert f"{NOTE} Data cut-off: 2013-02-07." in shown
    assert value.title in shown


@pytest.mark.parametrize(
    "value", [*ANY_CUTOFF, replace(FIGURES[0], width=DOUBLE_COLUMN)], ids=lambda v: f"{v.name}_{v.width}"
)
def test_no_text_covers_another_or_leaves_the_page(value: FigureValue) -> None:
    figure = render_figure(value, make_results(), make_curves())
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts(figure)]
    assert len(boxes) > 10
    for text, box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
    for (one, box), (other, other_box) in itertools.combinations(boxes, 2):
        assert not box.overlaps(other_box), (one, other)


@pytest.mark.parametrize("value", WITH_TIME, ids=lambda value: value.name)
def test_numbers_at_risk_stand_under_their_ticks_and_outside_the_axes(
    value: FigureValue,
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


@pytest.mark.parametrize("value", ANY_CUTOFF, ids=lambda value: value.name)
def test_no_text_is_smaller_than_six_points(value: FigureValue) -> None:
    assert min(t.get_fontsize() for t in texts(render_figure(value, make_results(), make_curves()))) >= 6


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    make_results().write_parquet(tmp_path / "results.parquet")
    make_curves().write_parquet(tmp_path / "curves.parquet")
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nsavefig.bbox: tight\n")
    program = (
        "import sys, polars as pl\n"
        "from pathlib import Path\n"
        "from pipeline.outputs.figures import render_figure, write_figure\n"
        "from tests.unit.test_figures import EVERY_KIND\n"
        "here = Path(sys.argv[1])\n"
        "results, curves = (pl.read_parquet(here / f'{t}.parquet') for t in ('results', 'curves'))\n"
        "for value in EVERY_KIND:\n"
        "    write_figure(render_figure(value, results, curves), here / 'other', value.name)\n"
    )
    other = {**os.environ, "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path), "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=other)
    for value in EVERY_KIND:
        here = write_figure(
            render_figure(value, make_results(), make_curves()), tmp_path / "here", value.name
        )
        for path in here:
            assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name
    assert len(list((tmp_path / "here").iterdir())) == 2 * len(EVERY_KIND)  # no temporary file stays


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


def test_a_figure_is_drawn_at_its_own_cutoff_only() -> None:
    unblinding, long_term = dt.date(2009, 12, 17), dt.date(2011, 10, 31)
    names = {
        day: {value.name for value in figures_of(FIGURES, day)} for day in (unblinding, long_term, CUTOFF)
    }
    assert names[unblinding] - names[CUTOFF] == {"figure_s1a", "figure_s2a", "figure_s2b", "figure_s2f"}
    crossover = {"crossover_ttp", "crossover_os"}
    assert names[long_term] - names[CUTOFF] == {"figure_s1b", "figure_s2g", *crossover}
    assert names[CUTOFF] == names[unblinding] & names[long_term]
    (at_unblinding,) = [value for value in FIGURES if value.name == "figure_s2a"]
    with pytest.raises(
        ValueError, match="figure_s2a shows the cut-off 2009-12-17, the tables hold 2013-02-07"
    ):
        render_figure(at_unblinding, make_results(), make_curves())


def test_shading_is_explained_where_there_is_some(tmp_path: Path) -> None:
    bare = make_curves().with_columns(LOWER=pl.lit(None, pl.Float64), UPPER=pl.lit(None, pl.Float64))
    for name in ("figure_1a", "figure_3"):
        shaded = svg_texts(render_figure(BY_NAME[name], make_results(), make_curves()), tmp_path)
        plain = svg_texts(render_figure(BY_NAME[name], make_results(), bare), tmp_path)
        assert any(text.startswith("Shading: 95% confidence interval") for text in shaded)
        assert not any("Shading" in text for text in plain)


def test_the_axis_ends_where_nobody_is_left() -> None:
    results = make_results()
    for month in ("50", "60", "70"):
        results = changed(results, 0, ANALYSIS="TTP_KM", LEVEL=month, STATISTIC="n_risk")
    (axes,) = render_figure(BY_NAME["figure_1a"], results, make_curves()).axes
    assert list(axes.get_xticks()) == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("value", ANY_CUTOFF, ids=lambda value: value.name)
def test_alt_text_is_sentences_from_the_results(value: FigureValue) -> None:
    described = describe_figure(value, make_results())
    assert described.startswith(f"{value.title}. ")
    assert described.endswith(f"{NOTE} Data cut-off: 2013-02-07.")


def test_alt_text_of_survival_curves_names_events_medians_ratio_and_p() -> None:
    described = describe_figure(BY_NAME["figure_1a"], make_results())
    assert (
        "Lenalidomide: 83 events in 217 patients, median 47 months (95% CI, 41 to not reached)" in described
    )
    assert "Placebo: 127 events in 211 patients, median 23 months (95% CI, 19 to 31)" in described
    assert "Hazard ratio, 0.42 (95% CI, 0.30\N{EN DASH}0.59); P = 0.02 by log-rank test." in described


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("figure_2a", "≤2.5 mg/liter: 0.34 (95% CI, 0.16\N{EN DASH}0.73)"),
        ("figure_2a", "Complete response at day 100 (P = 0.04 for interaction)"),
        (
            "figure_3",
            "Second primary cancer: 41 with Lenalidomide, 41 with Placebo (P = 0.006 by Gray's test)",
        ),
        ("figure_s2h", "β₂M >2.5 mg/liter: Lenalidomide: 83 events in 217 patients, median not reached"),
        ("figure_s2h", "hazard ratio, 1.34 (95% CI, 1.16\N{EN DASH}1.73). P = 0.04 for interaction."),
    ],
)
def test_alt_text_of_the_other_kinds_names_their_numbers(name: str, words: str) -> None:
    assert words in describe_figure(BY_NAME[name], make_results())


@pytest.mark.parametrize("value", ANY_CUTOFF, ids=lambda value: value.name)
def test_data_for_scripts_is_plain_and_leads_back_to_the_results(value: FigureValue) -> None:
    results = make_results()
    data = figure_data(value, results, make_curves())
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["description"] == describe_figure(value, results)
    known = set(results.select("ANALYSIS", "GROUP", "LEVEL", "STATISTIC").iter_rows())
    keys = [tuple(key.values()) for entry in printed(data) for key in entry["keys"]]
    assert keys
    assert set(keys) <= known


def printed(data: object) -> list[dict[str, list[dict[str, str]]]]:
    """Every printed number within the data, however deep."""
    if isinstance(data, dict):
        own = [data] if "keys" in data else []
        return own + [entry for inner in data.values() for entry in printed(inner)]
    return [entry for inner in data for entry in printed(inner)] if isinstance(data, list) else []


def test_data_of_a_curve_is_its_rows_in_months_with_words() -> None:
    curves = make_curves()
    data = figure_data(BY_NAME["figure_1a"], make_results(), curves)
    rows = curves.filter(pl.col("ANALYSIS") == "TTP_KM", pl.col("GROUP") == "LEN")
    drawn = data["curves"][0]
    assert drawn["group"] == "LEN"
    assert drawn["time"] == pytest.approx([0, *(days / MONTH for days in rows["TIME"])])
    assert drawn["estimate"] == [1, *rows["ESTIMATE"]]
    assert drawn["upper"] == [1, *rows["UPPER"]]
    assert drawn["censored"] == [0, *rows["NCENSOR"]]
    assert {len(drawn[name]) for name in ("lower", "at_risk", "events", "words")} == {len(drawn["time"])}
    assert drawn["numbers_at_risk"] == [str(count) for count in KM["LEN"][3]]
    # month 10: (1 - 0.012)^10 = 0.8863, limits 0.02 to either side
    assert drawn["words"][10] == "10.0 months: 89% (95% CI, 87\N{EN DASH}91), 200 at risk"
