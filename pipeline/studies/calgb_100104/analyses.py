"""The trial's analyses, as values: adding a number to the results is adding a value here.

What does not belong here: how a method computes (`pipeline.analyse`, `pipeline.stats`), or rounding.
"""

from __future__ import annotations

import polars as pl

from pipeline.studies.calgb_100104 import endpoints
from pipeline.studies.calgb_100104.design import DESIGN
from pipeline.studies.calgb_100104.endpoints import CAUSES
from pipeline.studies.calgb_100104.tables import TABLES
from pipeline.study import Analysis, ResultDisplay

STRATA = ["STRAT1R", "STRAT2R", "STRAT3R"]
AT_RISK_MONTHS = list(range(0, 80, 10))
LANDMARK_MONTHS = [12, 24, 36]


def survival(paramcd: str, output: str | None) -> list[Analysis]:
    """What the paper prints about a time-to-event endpoint, and its stratified version beside it."""

    def analysis(suffix: str, method: str, **options: object) -> Analysis:
        return Analysis(f"{paramcd}_{suffix}", method, paramcd, output=output, options=options)

    return [
        analysis("KM", "kaplan_meier", landmarks=LANDMARK_MONTHS, at_risk=AT_RISK_MONTHS),
        analysis("LOGRANK", "logrank"),
        analysis("LOGRANK_STRAT", "logrank", strata=STRATA),
        analysis("COX", "cox"),
        analysis("COX_STRAT", "cox", strata=STRATA),
    ]


def _interaction(id: str, paramcd: str, factor: str) -> Analysis:
    return Analysis(id, "interaction", paramcd, output="Figure 2", options={"factor": factor})


def _curve(id: str, paramcd: str, output: str, where: pl.Expr) -> Analysis:
    """The curves of one level of a factor; the level's own hazard ratio stands in the forest analysis."""
    options = {"landmarks": LANDMARK_MONTHS, "at_risk": AT_RISK_MONTHS}
    return Analysis(id, "kaplan_meier", paramcd, where=where, output=output, options=options)


# Factor in the figures: variable of ADSL. Strata as randomised, so that nobody is missing.
FACTORS = {
    "B2M": "STRAT1R",
    "PRTHAL": "INDTHLFL",
    "PRLEN": "INDLENFL",
    "PRBOR": "INDBORFL",
    "CR": "CR100FL",
}
SUPPLEMENT = {  # supplementary figure: endpoint and factor
    "Figure S2c": ("TTP", "B2M"),
    "Figure S2d": ("TTP", "PRTHAL"),
    "Figure S2e": ("TTP", "PRLEN"),
    "Figure S2f": ("TTP", "CR"),
    "Figure S2h": ("OS", "B2M"),
    "Figure S2i": ("OS", "PRTHAL"),
    "Figure S2j": ("OS", "PRLEN"),
}
LEVELS = {"B2M": ("LE2.5", "GT2.5"), "PRTHAL": ("Y", "N"), "PRLEN": ("Y", "N"), "CR": ("Y", "N")}


def _by_factor() -> list[Analysis]:
    return [
        _curve(f"{paramcd}_KM_{factor}_{level}", paramcd, output, pl.col(FACTORS[factor]) == level)
        for output, (paramcd, factor) in SUPPLEMENT.items()
        for level in LEVELS[factor]
    ]


def _forest(paramcd: str) -> Analysis:
    return Analysis(
        f"{paramcd}_FOREST", "subgroups", paramcd, output="Figure 2", options={"factors": FACTORS}
    )


def _concordance(id: str, second: str) -> Analysis:
    """The site's date of progression beside a derived one."""
    return Analysis(
        id, "concordance", "ADRS", dataset="adrs", options={"first": "PDINV", "second": second, "days": 60}
    )


SENSITIVITY: tuple[Analysis, ...] = (
    *(analysis for endpoint in endpoints.SENSITIVITY for analysis in survival(endpoint.paramcd, None)),
    _concordance("PD_CONCORDANCE_EBMT", "PDEBMT"),
    _concordance("PD_CONCORDANCE_IMWG", "PDIMWG"),
)
"""The endpoints again under other definitions, and how far the site and the criteria agree."""

RECRUITMENT = Analysis(
    "RECRUITMENT",
    "by_month",
    "ADSL",
    dataset="adsl",
    population="REGISTERED",
    options={"dates": {"REGISTERED": "REGDT", "RANDOMISED": "RANDDT"}},
)

ANALYSES: tuple[Analysis, ...] = (
    *DESIGN,
    *TABLES,
    *_by_factor(),
    _forest("TTP"),
    _forest("OS"),
    *survival("TTP", "Figure 1A"),
    *survival("OS", "Figure 1B"),
    *survival("EFS", "Figure S2k"),
    Analysis("FOLLOWUP", "follow_up", "OS"),
    _interaction("TTP_X_PRLEN", "TTP", "INDLENFL"),
    _interaction("TTP_X_CR", "TTP", "CR100FL"),
    _interaction("OS_X_PRLEN", "OS", "INDLENFL"),
    Analysis(
        "CIF",
        "cumulative_incidence",
        "TTSPM",
        output="Figure 3",
        options={"causes": CAUSES, "landmarks": LANDMARK_MONTHS, "at_risk": AT_RISK_MONTHS},
    ),
    Analysis("CIF_GRAY", "gray", "TTSPM", output="Figure 3", options={"causes": CAUSES}),
    *SENSITIVITY,
    RECRUITMENT,
)

PROTOCOL, DATA = "SPECIFIED IN PROTOCOL", "DATA DRIVEN"
PRIMARY, SECONDARY, EXPLORATORY = (
    f"{kind} OUTCOME MEASURE" for kind in ("PRIMARY", "SECONDARY", "EXPLORATORY")
)
RESULT_DISPLAYS = (
    ResultDisplay("Figure 1A", PROTOCOL, PRIMARY),
    ResultDisplay("Figure 1B", PROTOCOL, SECONDARY),
    ResultDisplay("Table 2", PROTOCOL, SECONDARY),
    ResultDisplay("Table 1", DATA, EXPLORATORY),
    ResultDisplay("Figure 3", DATA, EXPLORATORY),
)
"""The outputs of the results metadata. The paper names time to progression as the primary end point, survival
and feasibility (Table 2) among the secondary ones; it does not say that the protocol asks for the others."""
