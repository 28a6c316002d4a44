"""How far two parameters date the same event alike: every level, the arms, and nobody at all."""

from __future__ import annotations

from pipeline.analyse.data import Data
from pipeline.analyse.frequencies import concordance
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import Analysis
from schemas.adam import ADRS, ADSL
from tests.tables import draw

CUT_OFF = STUDY.cut_off("2009-12-17")
OPTIONS = {"first": "PDINV", "second": "PDEBMT", "days": 60}
LEVELS = ("SAME DATE", "WITHIN 60 DAYS", "MORE THAN 60 DAYS", "PDINV ONLY", "PDEBMT ONLY", "NEITHER")
ORDER = ("PDINV EARLIER", "PDINV LATER")
APART = ("n", "median", "min", "max")


def numbers(adsl: str, adrs: str) -> dict[tuple[str, str, str], float | None]:
    analysis = Analysis("C", "concordance", "ADRS", dataset="adrs", options=OPTIONS)
    data = Data(STUDY, analysis, draw(ADRS, adrs, CUT_OFF), draw(ADSL, adsl, CUT_OFF))
    rows, curves = concordance(data)
    assert curves == []
    return {(group, level, statistic): value for group, level, statistic, value in rows}


def test_every_subject_has_one_level() -> None:
    found = numbers(
        "USUBJID | TRT01PN\n" + "\n".join(f"{patient} | {1 + (patient > 'D')}" for patient in "ABCDEFG"),
        """
        USUBJID | PARAMCD | ADT        | TRT01PN
        A       | PDINV   | 2008-01-01 | 1
        A       | PDEBMT  | 2008-01-01 | 1
        B       | PDINV   | 2008-03-01 | 1
        B       | PDEBMT  | 2008-01-01 | 1
        C       | PDINV   | 2008-01-01 | 1
        C       | PDEBMT  | 2008-03-02 | 1
        D       | PDINV   | 2008-01-01 | 1
        D       | PDIMWG  | 2008-01-01 | 1
        E       | PDEBMT  | 2008-01-01 | 2
        F       | PD      | 2008-01-01 | 2
        """,
    )
    # B: 60 days, the site later. C: 61 days, the site earlier. D: IMWG is not asked for. F, G: by neither.
    of = {group: [found[group, level, "n"] for level in LEVELS] for group in ("LEN", "PBO", "TOTAL")}
    assert of == {"LEN": [1, 1, 1, 1, 0, 0], "PBO": [0, 0, 0, 0, 1, 2], "TOTAL": [1, 1, 1, 1, 1, 2]}
    order = {group: [found[group, level, "n"] for level in ORDER] for group in ("LEN", "PBO", "TOTAL")}
    assert order == {"LEN": [1, 1], "PBO": [0, 0], "TOTAL": [1, 1]}
    # A: 0 days, B: 60, C: -61
    assert [found["LEN", "DAYS APART", name] for name in APART] == [3, 0, -61, 60]
    assert [found["PBO", "DAYS APART", name] for name in APART] == [0, None, None, None]
    assert found["PBO", "NEITHER", "denominator"] == 3
    assert found["PBO", "NEITHER", "proportion"] == 2 / 3


def test_no_subjects_have_no_proportions() -> None:
    found = numbers("USUBJID | TRT01PN", "USUBJID | PARAMCD | ADT | TRT01PN")
    assert {value for (_, _, statistic), value in found.items() if statistic == "n"} == {0}
    assert not any(statistic == "proportion" for _, _, statistic in found)
