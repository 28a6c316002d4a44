"""Subjects by calendar month: months without any, subjects without a date, all arms together."""

from __future__ import annotations

from pipeline.analyse.data import Data, Row
from pipeline.analyse.frequencies import by_month
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import Analysis
from schemas.adam import ADSL
from tests.tables import draw

CUT_OFF = STUDY.cut_off("2009-12-17")
DATES = {"REGISTERED": "REGDT", "RANDOMISED": "RANDDT"}


def numbers(adsl: str) -> list[Row]:
    analysis = Analysis("R", "by_month", "ADSL", dataset="adsl", options={"dates": DATES})
    subjects = draw(ADSL, adsl, CUT_OFF)
    rows, curves = by_month(Data(STUDY, analysis, subjects, subjects))
    assert curves == []
    return rows


def test_every_month_between_the_first_and_the_last_has_both_numbers() -> None:
    found = numbers(
        """
        USUBJID | TRT01PN | REGDT      | RANDDT
        A       | 1       | 2005-11-01 | 2006-01-31
        B       | 2       | 2005-11-30 | 2006-02-01
        C       |         | 2006-01-01 |
        """
    )
    of = {(level, statistic): value for group, level, statistic, value in found if group == "TOTAL"}
    assert len(of) == len(found) == 2 * 4 * 2
    months = ("2005-11", "2005-12", "2006-01", "2006-02")
    for name, new, so_far in (
        ("REGISTERED", [2, 0, 1, 0], [2, 2, 3, 3]),
        ("RANDOMISED", [0, 0, 1, 1], [0, 0, 1, 2]),
    ):
        assert [of[f"{name} {month}", "n"] for month in months] == new
        assert [of[f"{name} {month}", "cumulative"] for month in months] == so_far


def test_nobody_has_no_months() -> None:
    assert numbers("USUBJID | REGDT | RANDDT") == []
