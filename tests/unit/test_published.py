"""Verdicts on numbers that these data give no result for, and on keys that lead nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipeline.published import PublishedError, compare_published, read_published
from pipeline.studies import STUDIES
from schemas.base import empty
from schemas.results import Results

STUDY = STUDIES["calgb_100104"]
CUT_OFF = STUDY.cut_offs[0]


def test_without_a_result_a_number_is_missed_and_none_is_left_out() -> None:
    published = compare_published(STUDY, empty(Results), CUT_OFF)
    printed = read_published(STUDY.published).filter(CUTOFF=CUT_OFF.id)
    assert published["ID"].to_list() == printed["ID"].to_list()
    assert published["VERDICT"].unique().to_list() == ["mismatch"]
    assert published["SHOWN"].unique().to_list() == ["not computed"]


def test_a_number_of_an_analysis_that_does_not_exist_stops_the_comparison(tmp_path: Path) -> None:
    path = tmp_path / "published.csv"
    rows = read_published(STUDY.published).filter(CUTOFF=CUT_OFF.id).head(1)
    rows.with_columns(ANALYSIS=pl.lit("TPP_KM")).write_csv(path)
    with pytest.raises(PublishedError, match="there is no analysis TPP_KM"):
        compare_published(replace(STUDY, published=path), empty(Results), CUT_OFF)
