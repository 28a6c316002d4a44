"""Calibration: a made-up trial finds its figures, the search's estimators are those of the pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.qc.calibration import figures_as_printed, verdict
from pipeline.simulate.calibrate import PLAN, TARGETS, CalibrationError, calibrate, read_targets, read_trial
from pipeline.simulate.calibrate import estimators as own
from pipeline.stats.competing import gray_test
from pipeline.stats.survival import cox, interaction, kaplan_meier, logrank

# Invented for these tests; no report stands behind it.
PLAN_TEXT = """
id = "made-up"
arms = ["NEW", "OLD"]
lost = 0.05
entry = { name = "rand", first = 2015-01-05, last = 2016-12-30, block = 4 }
[[cut_offs]]
date = 2018-06-29
lag = [0, 60]
longest_lag = 120
[[events]]
name = "pd"
months = { NEW = 30, OLD = 15 }
[[events]]
name = "death"
months = { NEW = 120, OLD = 90 }
after = { pd = 15 }
ends = true
[[events]]
name = "spm"
marks = [{ kind = "solid", NEW = 3, OLD = 1 }]
[[endpoints]]
name = "PFS"
events = ["pd", "death"]
[[endpoints]]
name = "OS"
events = ["death"]
[[endpoints]]
name = "FIRST"
events = ["spm", "pd", "death"]
from_entry = true
[[strata]]
name = "young"
NEW = 22
OLD = 22
[[strata]]
name = "old"
NEW = 19
OLD = 18
[[labels]]
name = "response"
windows = [{ value = "PD", event = "pd", days = 30 }]
deals = [{ where = { arm = "NEW" }, CR = 15, PR = 26 }, { where = { arm = "OLD" }, CR = 14, PD = 2, PR = 24 }]
[crossover]
arm = "OLD"
cut_off = 2018-06-29
days = -300
patients = 4
"""
TARGETS_TEXT = """figure,cut_off,endpoint,group,statistic,of,printed
events,2018-06-29,PFS,NEW,events,,21
events,2018-06-29,PFS,OLD,events,,31
hazard ratio,2018-06-29,PFS,NEW:OLD,hr,,0.49
hazard ratio,2018-06-29,PFS,NEW:OLD,hr_upper,,0.85
P,2018-06-29,PFS,NEW:OLD,p,,0.01
median,2018-06-29,PFS,OLD,median,,14
deaths,2018-06-29,OS,NEW,events,,10
median OS,2018-06-29,OS,NEW,median,,NR
follow-up,2018-06-29,OS,TOTAL,reverse_km,,30
at 24,2018-06-29,PFS,NEW,rate,24,58
by response,2018-06-29,PFS,NEW:OLD,p_interaction,response=CR,0.40
cancers,2018-06-29,FIRST,NEW:OLD,p_gray,spm,0.4
cancers,,spm,NEW,onset_min,,6
cancers,,spm,NEW,marked,solid,3
crossover,2018-06-29,,OLD,crossed_over,,4
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    plan, targets = tmp_path / "plan.toml", tmp_path / "targets.csv"
    plan.write_text(PLAN_TEXT)
    targets.write_text(TARGETS_TEXT)
    return plan, targets


def test_a_made_up_trial_finds_its_figures(files: tuple[Path, Path]) -> None:
    """The verdict is that of pipeline.stats; the first draw of the same seed misses some."""
    trial = read_trial(files[0])
    targets = read_targets(files[1], trial)
    found = calibrate(trial, targets, seed=3, rounds=300)
    rows = verdict(found.skeleton, trial, targets)
    assert rows.filter(~pl.col("AS_PRINTED")).rows() == []
    assert figures_as_printed(rows) == (11, 11)
    drawn = verdict(calibrate(trial, targets, seed=3, rounds=1).skeleton, trial, targets)
    assert figures_as_printed(drawn)[0] < 9


def test_same_seed_same_bytes(files: tuple[Path, Path]) -> None:
    trial = read_trial(files[0])
    targets = read_targets(files[1], trial)
    first, again, other = (
        calibrate(trial, targets, seed, rounds=5).skeleton.write_csv() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_skeleton_keeps_the_plan(files: tuple[Path, Path]) -> None:
    """Arms in permuted blocks, characteristics as dealt, no date that could not be; on working days."""
    trial = read_trial(files[0])
    skeleton = calibrate(trial, read_targets(files[1], trial), seed=5, rounds=20).skeleton
    blocks = skeleton.group_by("stratum", "block").agg(n=pl.len(), new=(pl.col("arm") == "NEW").sum())
    assert blocks.filter((pl.col("n") == 4) & (pl.col("new") != 2)).is_empty()
    assert skeleton.group_by("stratum", "arm").len().sort("stratum", "arm")["len"].to_list() == [
        19,
        18,
        22,
        22,
    ]
    assert skeleton["rand_dt"].is_sorted()
    assert skeleton["rand_dt"].dt.weekday().max() == 5
    dealt = skeleton.group_by("arm", "response").len().sort("arm", "response")["len"].to_list()
    assert dealt == [15, 26, 14, 2, 24]
    progressed = skeleton.filter(pl.col("response") == "PD")
    assert ((progressed["pd_dt"] - progressed["rand_dt"]).dt.total_days().is_between(1, 30)).all()
    assert skeleton["kind"].drop_nulls().len() == skeleton["spm_dt"].drop_nulls().len() == 4
    for event in ("pd_dt", "spm_dt"):
        assert (skeleton[event] > skeleton["rand_dt"]).drop_nulls().all()
        assert (skeleton[event] <= skeleton["last_contact_cut1"]).drop_nulls().all()
        assert (skeleton[event] < skeleton["death_dt"]).drop_nulls().all()
    died = skeleton.filter(pl.col("death_dt").is_not_null())
    assert died["last_contact_cut1"].to_list() == died["death_dt"].to_list()
    assert (skeleton["last_contact_cut1"] <= trial.cut_offs[0].date).all()


@pytest.mark.parametrize("seed", range(3))
def test_estimators_are_those_of_the_pipeline(seed: int) -> None:
    """To rounding; but a Cox fit of pipeline.stats stops as R's does, at 1e-9 of the log likelihood."""
    rng = np.random.default_rng(seed)
    shape = 6, 120
    group, factor = rng.integers(0, 2, (2, *shape))
    day = np.minimum(rng.exponential(60 * (1 + group)), rng.uniform(10, 120, shape)).astype(np.int16) + 1
    event = rng.random(shape) < 0.6
    cause = rng.integers(1, 4, shape) * event
    assert len(np.unique(day[0])) < 100, "no ties: nothing would be tested of them"
    table = own.risk_table(day, event, group, 2)
    survival, error = own.survival(table, 1, 50)
    coef, covariance = own.cox(table)
    by_factor = own.interaction(own.risk_table(day, event, 2 * group + factor, 4))
    gray, chisq = own.gray(table, cause == 2), own.logrank(table)
    for k in range(shape[0]):
        one = day[k], event[k]
        treated = group[k] == 1
        at = kaplan_meier(day[k][treated], event[k][treated]).at(50)
        assert survival[k] == pytest.approx(at.survival[0], abs=1e-10)
        assert survival[k] * error[k] == pytest.approx(at.std_err[0], abs=1e-10)
        assert chisq[k] == pytest.approx(logrank(*one, group[k]).chisq, rel=1e-10)
        assert gray[k] == pytest.approx(gray_test(day[k], cause[k], group[k], of_interest=2).chisq, rel=1e-10)
        fit = cox(*one, group[k])
        assert coef[k, 0] == pytest.approx(fit.coef[0], abs=1e-6)
        assert covariance[k, 0, 0] == pytest.approx(fit.covariance[0, 0], rel=1e-6)
        wald = interaction(*one, group[k], factor[k]).wald
        assert by_factor[k] ** 2 == pytest.approx(wald, abs=1e-6)


def test_the_command_names_a_target_that_cannot_hold(files: tuple[Path, Path], tmp_path: Path) -> None:
    """81 patients cannot have a hazard ratio of 0.49 with so narrow an interval."""
    plan, targets = files
    targets.write_text(TARGETS_TEXT.replace("hr_upper,,0.85", "hr_upper,,0.52"))
    out = tmp_path / "skeleton.csv"
    options = [
        "--plan",
        str(plan),
        "--targets",
        str(targets),
        "--seed",
        "1",
        "--rounds",
        "40",
        "--out",
        str(out),
    ]
    result = CliRunner().invoke(main, ["calibrate", *options])
    assert result.exit_code == 1
    assert "missed: hazard ratio: line 5: 2018-06-29 PFS NEW:OLD hr_upper = 0.52, is 0." in result.output
    assert "Synthetic data" in result.output
    assert pl.read_csv(out).height == 81


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "PFS,NEW,events,,21",
            "PSF,NEW,events,,21",
            "line 2: .*endpoint is 'PSF', not one of PFS, OS, FIRST",
        ),
        ("PFS,OLD,events,,31", "PFS,C,events,,31", "line 3: .*group is 'C', not one of NEW, OLD"),
        ("hr,,0.49", "hr,,about half", "line 4: .*'about half' is no printed number"),
        ("hr,,0.49", "hr,,NR", "line 4: .*only a median can be NR"),
        ("rate,24,58", "rate,,58", "line 11: .*of must be a month"),
        ("response=CR", "age=old", "line 12: .*of is 'age', not one of response"),
    ],
)
def test_a_wrong_target_is_refused(files: tuple[Path, Path], old: str, new: str, message: str) -> None:
    assert old in TARGETS_TEXT
    files[1].write_text(TARGETS_TEXT.replace(old, new))
    with pytest.raises(CalibrationError, match=message):
        read_targets(files[1], read_trial(files[0]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("NEW = 19", "NEW = 30", "stratum old: 30 and 18 patients cannot come of blocks of 4"),
        ("ends = true", "", "one event must end a history"),
        ('["death"]', '["dead"]', "endpoint OS: there is no event dead"),
        ('id = "made-up"', "", "the key 'id' is missing"),
        ("last = 2016-12-30", "last = 2019-12-30", "entry must end before the first cut-off"),
    ],
)
def test_a_wrong_plan_is_refused(files: tuple[Path, Path], old: str, new: str, message: str) -> None:
    assert old in PLAN_TEXT
    files[0].write_text(PLAN_TEXT.replace(old, new))
    with pytest.raises(CalibrationError, match=message):
        read_trial(files[0])


def test_labels_must_fit_their_patients(files: tuple[Path, Path]) -> None:
    files[0].write_text(PLAN_TEXT.replace("CR = 15", "CR = 16"))
    trial = read_trial(files[0])
    with pytest.raises(CalibrationError, match=r"label response, .*'NEW'.*: 42 values for 41 patients"):
        calibrate(trial, read_targets(files[1], trial), seed=1, rounds=1)


def test_the_shipped_skeleton_meets_the_shipped_targets() -> None:
    """44 figures (see tests/acceptance/test_survival_figures.py), by pipeline.stats on the bare dates."""
    trial = read_trial(PLAN)
    skeleton = pl.read_csv(PLAN.with_name("skeleton.csv"), try_parse_dates=True, infer_schema_length=None)
    rows = verdict(skeleton.with_columns(pl.col("prior_len").cast(str)), trial, read_targets(TARGETS, trial))
    assert rows.filter(~pl.col("AS_PRINTED")).rows() == []
    assert figures_as_printed(rows) == (44, 44)


@pytest.mark.slow
def test_this_trial_is_found_again(tmp_path: Path) -> None:
    """From a seed to 44 of 44 figures; about 30 s of one core."""
    result = CliRunner().invoke(main, ["calibrate", "--seed", "2", "--out", str(tmp_path / "skeleton.csv")])
    assert result.exit_code == 0, result.output
    assert "44 of 44 figures as printed" in result.output


def test_only_the_calibration_reads_the_targets() -> None:
    """A number copied from the paper is a target of the search, never a way to a result."""
    root = PLAN.parents[1]
    readers = [
        p.relative_to(root) for p in root.rglob("*.py") if TARGETS.name in p.read_text(encoding="utf-8")
    ]
    assert readers == [Path("simulate/calibrate/__init__.py")]
    users = {
        p.relative_to(root).as_posix()
        for p in root.rglob("*.py")
        if "simulate.calibrate " in (text := p.read_text(encoding="utf-8"))
        or "simulate.calibrate." in text
        or "simulate import calibrate" in text
    }
    outside = {user for user in users if not user.startswith("simulate/calibrate/")}
    assert outside == {"cli/calibrate.py", "qc/calibration.py"}
