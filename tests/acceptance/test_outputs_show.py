"""Outputs show what the results hold and compute nothing: made-up values come out of every one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from pipeline.outputs.figures import describe_figure, figures_of, render_figure, write_figure
from pipeline.outputs.rtf import render_rtf
from pipeline.outputs.summary import summarise
from pipeline.outputs.tables import render_table
from pipeline.study import Study
from tests.layers import Run

COUNT, RATIO, P = 4711.0, 0.1234, 0.0789
SHOWN = ("4711", "0.12", "0.08")
IN_MONTHS = "155"  # 4711 days
COUNTS = ("n", "events", "denominator", "cumulative", "median", "reverse_km", "events_fixed")
FLOW = "figure_s1b"
"""The flow of patients: its boxes cannot all hold the same number."""
CUT_OFF = "2011-10-31"


@dataclass(frozen=True)
class Made:
    """The trial's results with every count, hazard ratio and P made up, and its curves."""

    results: pl.DataFrame
    curves: pl.DataFrame


@pytest.fixture(scope="module")
def made(runs: dict[str, Run]) -> Made:
    run = runs[CUT_OFF]
    value = pl.when(pl.col("STATISTIC").is_in(COUNTS)).then(COUNT).when(STATISTIC="hr").then(RATIO)
    value = value.when(STATISTIC="p").then(P)
    known = pl.when(pl.col("VALUE").is_not_null()).then(value.otherwise("VALUE"))
    return Made(run.results.with_columns(VALUE=known), run.curves)


def test_every_table_shows_it(study: Study, made: Made, runs: dict[str, Run]) -> None:
    for display in study.displays:
        table = render_table(display, made.results)
        marks = [*SHOWN, IN_MONTHS]
        for text in (str(table.rows), render_rtf(table)):
            assert any(mark in text for mark in marks), display.name
        before = str(render_table(display, runs[CUT_OFF].results).rows)
        assert "4711" not in before, display.name


def test_every_figure_shows_it_or_refuses_it(study: Study, made: Made, tmp_path: Path) -> None:
    cut_off = study.cut_off(CUT_OFF)
    for figure in figures_of(study.figures, cut_off.date):
        if figure.name == FLOW:
            with pytest.raises(ValueError, match="does not add up"):
                render_figure(figure, made.results, made.curves)
            continue
        drawn = render_figure(figure, made.results, made.curves)
        files = write_figure(drawn, tmp_path, figure.name)
        svg = next(path for path in files if path.suffix == ".svg").read_text()
        for text in (svg, describe_figure(figure, made.results)):
            assert any(mark in text for mark in SHOWN), figure.name


def test_the_summary_of_a_run_shows_it(study: Study, made: Made) -> None:
    rows = str(summarise(study, made.results).rows())
    assert all(mark in rows for mark in SHOWN)
