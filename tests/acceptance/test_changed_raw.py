"""Changed forms change the results, to what R computes on the changed ADTTE.

R's script (`survival.R`) reads the exported analysis dataset, not our results.
"""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipeline.study import Study
from tests.layers import Run, accepted_forms, rewrite_form, run_layers, write_codes

HERE = Path(__file__).parent
# design/statistics of the trial: KM, log-rank, Gray and incidence to 1e-10, Cox coefficients to 1e-8
TOLERANCE = 1e-8


def swap_ten_arms(raw: Path) -> None:
    """Every 40th pair of randomised patients of different arms changes places, five pairs in all."""
    codes = pl.read_csv(raw / "restricted" / "treatment_codes.csv", infer_schema=False)
    first = codes.filter(pl.col("arm") == "LENALIDOMIDE")["randomization_no"].gather_every(40).head(5)
    second = codes.filter(pl.col("arm") == "PLACEBO")["randomization_no"].gather_every(40).head(5)
    swapped = pl.col("randomization_no").is_in(first.append(second).to_list())
    other = {"LENALIDOMIDE": "PLACEBO", "PLACEBO": "LENALIDOMIDE"}
    letter = {"A": "B", "B": "A"}
    changed = codes.with_columns(
        arm=pl.when(swapped).then(pl.col("arm").replace_strict(other)).otherwise("arm"),
        arm_code=pl.when(swapped).then(pl.col("arm_code").replace_strict(letter)).otherwise("arm_code"),
    )
    assert (changed["arm"] != codes["arm"]).sum() == 10
    write_codes(raw, changed)


def delete_five_patients(raw: Path) -> None:
    """Five randomised patients vanish from every form and from the code list."""
    rows = pl.concat(
        pl.read_csv(path, infer_schema=False).select("patient_id", "randomization_no")
        for path in sorted(raw.glob("*/randomization.csv"))
    )
    gone = rows.unique("patient_id").sort("patient_id").gather_every(80).head(5)
    patients, numbers = gone["patient_id"].to_list(), gone["randomization_no"].to_list()
    assert len(patients) == 5
    for form in {path.stem for path in raw.glob("????-??-??/*.csv")} - {"sites"}:
        rewrite_form(raw, form, lambda rows: rows.filter(~pl.col("patient_id").fill_null("").is_in(patients)))
    codes = pl.read_csv(raw / "restricted" / "treatment_codes.csv", infer_schema=False)
    write_codes(raw, codes.filter(~pl.col("randomization_no").is_in(numbers)))


def in_r(run: Run, folder: Path) -> pl.DataFrame:
    """The survival statistics as R computes them from the exported ADTTE."""
    adsl = run.adam["adsl"].select("USUBJID", "STRATAR", "INDLENFL", "CR100FL")
    run.adam["adtte"].join(adsl, on="USUBJID").write_csv(folder / "adtte.csv")
    command = ["Rscript", HERE / "survival.R", folder / "adtte.csv", folder / "r.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return pl.read_csv(
        folder / "r.csv", schema_overrides={"LEVEL": pl.String}, null_values="NA"
    ).with_columns(pl.col("LEVEL").fill_null(""))


def differences(run: Run, r: pl.DataFrame) -> list[str]:
    """Where R's number and ours differ by more than the tolerance, relative to R's."""
    out = []
    for analysis, group, level, statistic, value in r.iter_rows():
        ours = run.value(analysis, group, statistic, level)
        both_missing = ours is None and (value is None or math.isnan(value))
        if not both_missing and (
            ours is None or value is None or abs(ours - value) > TOLERANCE * max(1.0, abs(value))
        ):
            out.append(f"{analysis} {group} {level} {statistic}: ours {ours}, R {value}")
    return out


@pytest.mark.r
@pytest.mark.parametrize("cut_off", ["2009-12-17", "2011-10-31"])
def test_r_agrees_on_the_shipped_forms(runs: dict[str, Run], cut_off: str, tmp_path: Path) -> None:
    r = in_r(runs[cut_off], tmp_path)
    assert len(r) > 80
    assert differences(runs[cut_off], r) == []


@pytest.mark.r
@pytest.mark.parametrize("change", [swap_ten_arms, delete_five_patients])
def test_r_agrees_on_changed_forms(
    study: Study, raw: Path, runs: dict[str, Run], change: Callable[[Path], None], tmp_path: Path
) -> None:
    copy = tmp_path / "raw"
    shutil.copytree(raw, copy)
    change(copy)
    forms = accepted_forms(study, copy)
    cut_off = study.cut_off("2011-10-31")
    run = run_layers(study, forms, cut_off)
    before = runs[cut_off.id]
    for analysis, statistic in (("TTP_COX", "hr"), ("OS_COX", "hr"), ("TTP_LOGRANK", "chisq")):
        assert run.value(analysis, "LEN:PBO", statistic) != before.value(analysis, "LEN:PBO", statistic)
    assert run.mismatches(), "the printed numbers should no longer all come out"
    assert differences(run, in_r(run, tmp_path)) == []
