"""The trial's crossover analyses: before anybody crosses over they change nothing, and R agrees with them.

R's script (`crossover.R`) works from dates, patient by patient, with `survdiff`, `coxph` and a grid.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.study import Study
from tests.layers import Run

HERE = Path(__file__).parent
UNBLINDING, LONG_TERM = "2009-12-17", "2011-10-31"
STRUCTURAL = ("TTP_RPSFT", "TTP_RPSFT_STRAT", "OS_RPSFT", "OS_RPSFT_STRAT", "TTP_RPSFT_ONDRUG")
STEP = 0.02
"""R's grid; ours is refined between its points."""


def test_before_anybody_crosses_over_the_ratios_are_those_as_assigned(runs: dict[str, Run]) -> None:
    run = runs[UNBLINDING]
    for code in ("TTP", "OS"):
        assert run.value(f"{code}_RPSFT", "PBO", "crossed") == 0
        assert run.value(f"{code}_RPSFT", "PBO", "events_lost") == 0
        for name in ("hr", "hr_lower", "hr_upper", "se"):
            plain = run.value(f"{code}_COX", "LEN:PBO", name)
            assert run.value(f"{code}_RPSFT", "LEN:PBO", name) == plain
            assert run.value(f"{code}XO_COX", "LEN:PBO", name) == plain
        assert run.value(f"{code}_IPCW", "LEN:PBO", "hr") == pytest.approx(
            run.value(f"{code}_COX", "LEN:PBO", "hr"), rel=1e-8
        )


def test_crossover_is_counted_alike_everywhere(runs: dict[str, Run]) -> None:
    """The paper: of 128 eligible patients 86 received lenalidomide."""
    run = runs[LONG_TERM]
    for code in ("TTP", "OS"):
        kept, lost = (run.value(f"{code}_RPSFT", "PBO", f"events_{name}") for name in ("kept", "lost"))
        assert kept + lost == run.value(f"{code}_KM", "PBO", "events")
        assert (
            run.value(f"{code}_RPSFT", "PBO", "crossed") == run.value(f"{code}_IPCW", "PBO", "crossed") == 86
        )
        # some were lost to follow-up before the unblinding; they can neither cross over nor stay
        assert run.value(f"{code}_IPCW", "PBO", "stayed") <= 128 - 86
        # the P value is that of the log-rank test as assigned
        assert run.value(f"{code}_RPSFT", "LEN:PBO", "p") == pytest.approx(
            run.value(f"{code}_LOGRANK", "LEN:PBO", "p"), rel=1e-9
        )
        assert run.value(f"{code}_RPSFT_STRAT", "LEN:PBO", "p") == pytest.approx(
            run.value(f"{code}_LOGRANK_STRAT", "LEN:PBO", "p"), rel=1e-9
        )


def test_a_ratio_that_would_rest_on_a_few_deaths_is_not_given(runs: dict[str, Run]) -> None:
    run = runs[LONG_TERM]
    assert run.value("OS_IPCW", "PBO", "stayed_events") < 10 <= run.value("TTP_IPCW", "PBO", "stayed_events")
    assert run.value("OS_IPCW", "LEN:PBO", "hr") is None
    assert run.value("TTP_IPCW", "LEN:PBO", "hr") is not None


@pytest.fixture(scope="module")
def by_r(runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    """R's numbers by analysis and statistic, at the long-term cut-off."""
    run, folder = runs[LONG_TERM], tmp_path_factory.mktemp("crossover")
    adtte, adsl = run.adam["adtte"], run.adam["adsl"]
    own = [c for c in adsl.columns if c not in adtte.columns]
    subjects = adtte.filter(pl.col("PARAMCD").is_in(["TTP", "OS"])).join(
        adsl.select("USUBJID", *own), on="USUBJID"
    )
    responses = run.adam["adrs"].filter(pl.col("PARAMCD") == "OVRINV", pl.col("AVALC") != "NE")
    subjects.write_csv(folder / "subjects.csv")
    responses.select("USUBJID", "ADT", "AVALC").drop_nulls("ADT").write_csv(folder / "responses.csv")
    psi = {"ANALYSIS": STRUCTURAL, "PSI": [run.value(id, "LEN:PBO", "psi") for id in STRUCTURAL]}
    pl.DataFrame(psi).write_csv(folder / "psi.csv")
    files = [folder / name for name in ("subjects.csv", "responses.csv", "psi.csv", "r.csv")]
    done = subprocess.run(
        ["Rscript", HERE / "crossover.R", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = pl.read_csv(folder / "r.csv", schema_overrides={"VALUE": pl.Float64}, null_values=["NA"])
    return {(id, statistic): value for id, statistic, value in found.iter_rows()}


@pytest.mark.r
def test_r_finds_the_factor_on_its_grid(runs: dict[str, Run], by_r: dict[tuple[str, str], float]) -> None:
    run = runs[LONG_TERM]
    for id in STRUCTURAL:
        for name in ("psi", "psi_lower", "psi_upper"):
            ours = run.value(id, "LEN:PBO", name)
            low, high = (by_r[id, f"{name}_{end}"] for end in ("from", "to"))
            assert low - 1e-9 <= ours <= high + 1e-9, (id, name)
            assert by_r[id, f"{name}_changes"] > 1 or high - low == pytest.approx(STEP), (id, name)
        assert by_r[id, "psi_changes"] == run.value(id, "LEN:PBO", "crossings")


@pytest.mark.r
def test_r_makes_the_same_of_the_factor(runs: dict[str, Run], by_r: dict[tuple[str, str], float]) -> None:
    run = runs[LONG_TERM]
    for id in STRUCTURAL:
        assert run.value(id, "LEN:PBO", "hr") == pytest.approx(by_r[id, "hr"], rel=1e-8)
        assert run.value(id, "PBO", "events_kept") == by_r[id, "events_kept"]
        assert run.value(id, "PBO", "median") == by_r[id, "median"]
        z = np.log(run.value(id, "LEN:PBO", "hr")) / run.value(id, "LEN:PBO", "se")
        assert z == pytest.approx(by_r[id, "z"], rel=1e-9)


@pytest.mark.r
def test_r_weighs_alike(study: Study, runs: dict[str, Run], by_r: dict[tuple[str, str], float]) -> None:
    """Weights, the model behind them, the weighted ratio and its robust standard error."""
    run = runs[LONG_TERM]
    for code in ("TTP", "OS"):
        id = f"{code}_IPCW"
        for name in ("weight_mean", "weight_max"):
            assert run.value(id, "PBO", name) == pytest.approx(by_r[id, name], rel=1e-6)
        (analysis,) = [a for a in study.analyses if a.id == id]
        known = [*analysis.options["covariates"], *analysis.options["latest"]]
        coefs = [run.value(id, "PBO", "coef", name) for name in known]
        coefs[1] /= 30.4375  # R's is per day
        np.testing.assert_allclose(coefs, [by_r[id, f"crossover_{i}"] for i in range(1, 8)], rtol=1e-6)
    ours = np.log(run.value("TTP_IPCW", "LEN:PBO", "hr")), run.value("TTP_IPCW", "LEN:PBO", "se")
    np.testing.assert_allclose(ours, [by_r["TTP_IPCW", name] for name in ("coef", "se")], rtol=1e-6)
