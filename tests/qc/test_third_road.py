"""The third road: R recomputes the figures of both cut-offs, and sees the faults that are put into ours.

What does not belong here: the second road (`tests/agreement`), single kernels (`tests/reference`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipeline.analyse import METHODS, run_analyses
from pipeline.analyse.data import Data
from pipeline.derive.adtte import derive_adtte
from pipeline.qc.compare import ACCURACY, KEY, NOT_ASKED, agreement, compare_figures
from pipeline.qc.in_r import recompute_in_r
from pipeline.stats import survival
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import Study
from schemas.base import failures
from schemas.qc import Comparison
from tests.layers import Run, accepted_forms, run_layers

LAST = STUDY.cut_offs[-1]


@pytest.fixture(scope="module")
def runs(repository: Path) -> dict[str, Run]:
    forms = accepted_forms(STUDY, repository / "raw" / STUDY.name)
    return {cut_off.id: run_layers(STUDY, forms, cut_off) for cut_off in STUDY.cut_offs}


@pytest.fixture(scope="module")
def by_r(runs: dict[str, Run]) -> dict[str, pl.DataFrame]:
    """What R makes of the exported datasets of each cut-off."""
    return {cut_off.id: recompute_in_r(STUDY, runs[cut_off.id].adam, cut_off) for cut_off in STUDY.cut_offs}


@pytest.mark.r
def test_r_agrees_on_every_figure_of_both_cut_offs(
    runs: dict[str, Run], by_r: dict[str, pl.DataFrame]
) -> None:
    for cut_off in STUDY.cut_offs:
        results = runs[cut_off.id].results
        compared = compare_figures(STUDY, cut_off, results, by_r[cut_off.id])
        assert compared.filter(AGREES="N").rows() == []
        assert failures(Comparison, compared).is_empty()
        # Every number of these methods is compared: R gives no more and no fewer.
        asked = results.filter(pl.col("METHOD").is_in(list(ACCURACY)))
        assert len(compared) == len(asked) == len(by_r[cut_off.id])
        assert agreement(compared)["CELLS"].sum() == len(asked)


def test_every_method_is_asked_of_r_or_says_why_not() -> None:
    assert set(ACCURACY) | set(NOT_ASKED) == set(METHODS)
    assert not set(ACCURACY) & set(NOT_ASKED)
    assert all(NOT_ASKED.values())


def _differing(results: pl.DataFrame, theirs: pl.DataFrame) -> set[str]:
    """The analyses in which R disagrees."""
    compared = compare_figures(STUDY, LAST, results, theirs)
    return set(compared.filter(AGREES="N")["SOURCE"])


def _results(adam: Any, study: Study = STUDY) -> pl.DataFrame:
    only = ("TTP_", "OS_", "TTPXO_", "OSXO_", "CIF", "FOLLOWUP")
    analyses = tuple(a for a in study.analyses if a.id.startswith(only) and a.method in ACCURACY)
    return run_analyses(replace(study, analyses=analyses), adam, LAST)[0]


def _asked(theirs: pl.DataFrame, ours: pl.DataFrame) -> pl.DataFrame:
    return theirs.join(ours, on=KEY, how="semi")


@pytest.fixture
def breslow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survival, "cox", partial(survival.cox, ties="breslow"))


@pytest.fixture
def log_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of the survival curve on the scale of log(-log S), as lifelines has them."""
    exact = survival.kaplan_meier

    def fit(*args: Any, **options: Any) -> survival.KaplanMeier:
        found = exact(*args, **options)
        s = found.survival
        with np.errstate(all="ignore"):
            error = np.log(found.upper / s) / np.abs(np.log(s))  # of log(-log S), on both sides
            return replace(found, lower=s ** np.exp(error), upper=s ** np.exp(-error))

    monkeypatch.setattr(survival, "kaplan_meier", fit)


@pytest.fixture
def reversed_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 - CNSR, where it is not 0, instead of CNSR = 0: wrong where there are two reasons to censor."""

    def times(data: Data, number: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        rows = data.of_arm(number)
        return rows["AVAL"].to_numpy(), (1 - rows["CNSR"] != 0).cast(pl.Int64).to_numpy()

    monkeypatch.setattr(Data, "times", times)


@pytest.mark.r
@pytest.mark.parametrize(
    ("fault", "seen_in", "not_in"),
    [
        ("breslow", {"TTP_COX", "OS_COX", "TTP_COX_STRAT"}, {"TTP_KM", "TTP_LOGRANK"}),
        ("reversed_events", {"TTPXO_KM", "TTPXO_COX", "OSXO_LOGRANK"}, {"TTP_KM", "TTP_COX", "OS_KM"}),
        ("log_log", {"TTP_KM", "OS_KM", "TTP_KM_CR_Y"}, {"TTP_COX", "OS_LOGRANK"}),
    ],
)
def test_a_fault_in_the_analysis_is_seen(
    fault: str,
    seen_in: set[str],
    not_in: set[str],
    runs: dict[str, Run],
    by_r: dict[str, pl.DataFrame],
    request: pytest.FixtureRequest,
) -> None:
    request.getfixturevalue(fault)
    ours = _results(runs[LAST.id].adam)
    differing = _differing(ours, _asked(by_r[LAST.id], ours))
    assert seen_in <= differing
    assert not not_in & differing


@pytest.mark.r
def test_a_wrong_origin_is_seen(runs: dict[str, Run]) -> None:
    """Survival from randomisation: our numbers and our dataset agree with each other, and R with neither."""
    run = runs[LAST.id]
    wrong = replace(STUDY, endpoints=tuple(replace(e, start="RANDDT") for e in STUDY.endpoints))
    adtte = derive_adtte(wrong, {**run.sdtm, **run.adam}, run.adam["adsl"], LAST)
    adam = {**run.adam, "adtte": adtte}
    ours = _results(adam)
    differing = _differing(ours, _asked(recompute_in_r(STUDY, adam, LAST), ours))
    assert {"TTP_KM", "OS_KM", "FOLLOWUP"} <= differing
    assert not {"CIF", "CIF_GRAY"} & differing  # they count from randomisation


@pytest.mark.r
@pytest.mark.parametrize(
    ("change", "seen_in"),
    [
        ({"options": {"strata": ["STRAT1R"]}}, "TTP_COX_STRAT"),
        ({"endpoint": "TTPR"}, "TTP_LOGRANK"),
        ({"options": {"factor": "INDTHLFL"}}, "TTP_X_PRLEN"),
        ({"where": pl.col("CR100FL") == "N"}, "TTP_KM_CR_Y"),
    ],
)
def test_an_analysis_that_is_defined_wrongly_is_seen(
    change: dict[str, Any], seen_in: str, runs: dict[str, Run], by_r: dict[str, pl.DataFrame]
) -> None:
    analyses = tuple(replace(a, **change) if a.id == seen_in else a for a in STUDY.analyses)
    ours = _results(runs[LAST.id].adam, replace(STUDY, analyses=analyses))
    assert _differing(ours, _asked(by_r[LAST.id], ours)) == {seen_in}


def test_a_number_that_only_one_road_has_does_not_agree(runs: dict[str, Run]) -> None:
    results = runs[LAST.id].results.filter(ANALYSIS="TTP_KM")
    theirs = results.select(*KEY, "VALUE")
    assert compare_figures(STUDY, LAST, results, theirs)["AGREES"].unique().to_list() == ["Y"]
    for ours, other in ((results[1:], theirs), (results, theirs[1:])):
        differing = compare_figures(STUDY, LAST, ours, other).filter(AGREES="N")
        assert differing["ITEM"].to_list() == ["LEN//n"]


def test_near_is_what_the_method_allows(runs: dict[str, Run]) -> None:
    results = runs[LAST.id].results.filter(ANALYSIS="TTP_KM", STATISTIC="rate")
    accuracy = ACCURACY["kaplan_meier"]
    for share, verdict in ((0.5, "Y"), (2.0, "N")):
        theirs = results.select(*KEY, pl.col("VALUE") * (1 + share * accuracy))
        assert compare_figures(STUDY, LAST, results, theirs)["AGREES"].unique().to_list() == [verdict]
