"""The paper's survival figures come out of the shipped forms, and only out of them."""

from __future__ import annotations

import polars as pl

from pipeline.published import as_printed
from pipeline.study import Study
from tests.layers import Run, run_layers

# The calibration's own list (R 4.2.2, survival and cmprsk) names 44 survival figures of the paper.
FIGURES = 44


def test_every_figure_is_as_printed(runs: dict[str, Run]) -> None:
    published = pl.concat(run.published for run in runs.values())
    figures = as_printed(published)
    assert len(figures) == FIGURES
    assert figures.filter(~pl.col("AS_PRINTED")).rows() == []
    assert published.filter(pl.col("VERDICT") == "mismatch").rows() == []


def test_a_conflict_names_both_printed_numbers(runs: dict[str, Run]) -> None:
    """The text prints P = 0.008 for the incidence of second cancers, the caption of Figure 3 P = 0.0008."""
    published = runs["2011-10-31"].published
    for id in ("cif_spm_p", "fig3_spm_p"):
        row = published.row(by_predicate=pl.col("ID") == id, named=True)
        assert row["VERDICT"] == "conflict"
        assert "0.008 " in row["NOTE"]
        assert "0.0008" in row["NOTE"]


def test_cutting_on_event_dates_moves_printed_figures(study: Study, forms: dict[str, pl.DataFrame]) -> None:
    """With every record at hand, whenever received, events up to 2009-12-17 give another follow-up and HR."""
    cut_off = study.cut_off("2009-12-17")

    def received_in_time(form: str, rows: pl.DataFrame) -> pl.DataFrame:
        at_hand = pl.lit(cut_off.date)
        return rows.with_columns(received_dt=at_hand) if "received_dt" in rows.columns else rows

    mismatches = set(run_layers(study, forms, cut_off, received_in_time).mismatches())
    assert {"unbl_median_fu", "x_unbl_median_fu_observed"} <= mismatches
    assert {"unbl_ttp_hr", "unbl_os_hr"} & mismatches


def test_a_record_received_a_day_late_is_set_aside(study: Study, runs: dict[str, Run]) -> None:
    for id, run in runs.items():
        date = study.cut_off(id).date
        late = run.set_aside.filter(pl.col("REASON") == "received after the cut-off")
        assert (late["RECEIVED"] > date).all()
        next_day = late.filter(pl.col("RECEIVED") == pl.lit(date).dt.offset_by("1d"))
        assert len(next_day) > 0, "the shipped data hold no record received on the day after the cut-off"
        assert next_day["DETAIL"].str.contains(f"after {id}").all()
