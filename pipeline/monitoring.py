"""Interim monitoring: the boundaries at the information observed, and the results by coded arm.

The board's reviews are cut-offs whose datasets are blinded; here the treatment codes are joined to them, in
memory and under other names than the arms'. Whoever calls this has read the codes and has had it written
down. What does not belong here: who may look (`pipeline.access`), a boundary's formula (`pipeline.stats`),
how a report looks, any file.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pipeline.analyse import run_analyses
from pipeline.analyse.subjects import subjects_behind
from pipeline.study import Arm, CutOff, Frames, MonitoringPlan, Study
from schemas.base import dtypes
from schemas.results import Results

if TYPE_CHECKING:
    from pipeline.stats.risk_table import Floats
    from pipeline.stats.sequential import Design

METHOD = "review"
EPOCH = dt.date(1970, 1, 1)


class MonitoringError(ValueError):
    """A review that cannot be held; the message says why."""


@dataclass(frozen=True)
class Review:
    """What the board sees: the study under coded arms, analysis datasets by name, results and curves.

    subjects: the SQL behind each number, but for the boundaries.
    """

    study: Study
    adam: Frames
    results: pl.DataFrame
    curves: pl.DataFrame
    subjects: pl.DataFrame


def hold_review(
    study: Study, cut_off: CutOff, adam: Mapping[str, Frames], allocation: pl.DataFrame
) -> Review:
    """The review at a look: everything by coded arm, and the boundaries at all looks so far.

    adam: the blinded analysis datasets by name, of each look up to this one, by its id. allocation: RANDNUM,
    ARM and CODE of every randomised subject. Raises MonitoringError: the cut-off is no look, reviews have not
    begun, a subject has no code.
    """
    plan = study.monitoring
    if plan is None or cut_off not in plan.looks:
        looks = ", ".join(look.id for look in study.looks) or "none"
        raise MonitoringError(f"{cut_off.id} is no review of {study.id}; there are {looks}")
    so_far = plan.looks[: plan.looks.index(cut_off) + 1]
    codes = _codes(study, allocation)
    coded = replace(
        study, arms=tuple(Arm(codes[arm.code], codes[arm.code], arm.number) for arm in study.arms)
    )
    coded = coded.showing(plan.closed(codes, len(so_far)))
    treated = {look.id: with_treatment(coded, adam[look.id], allocation) for look in so_far}
    results, curves = run_analyses(coded, treated[cut_off.id], cut_off)
    events = [_log_rank(coded, plan, treated[look.id]) for look in so_far]
    bounds = _boundaries(coded, plan, cut_off, so_far, events)
    subjects = subjects_behind(coded, results, cut_off)
    return Review(coded, treated[cut_off.id], pl.concat([results, bounds]), curves, subjects)


def with_treatment(study: Study, adam: Frames, allocation: pl.DataFrame) -> Frames:
    """The datasets with each subject's code as TRT01P and TRT01A, and the arm's number beside.

    study: its arms are named by their codes. MonitoringError names how many randomised subjects have none.
    """
    number = {arm.name: arm.number for arm in study.arms}
    coded = allocation.select("RANDNUM", TRT01P="CODE")
    adsl = adam["adsl"].join(coded, on="RANDNUM", how="left", maintain_order="left", validate="m:1")
    without = adsl.filter(pl.col("ITTFL") == "Y", pl.col("TRT01P").is_null()).height
    if without:
        raise MonitoringError(f"{without} randomised subjects are not on the list of treatment codes")
    adsl = adsl.with_columns(
        TRT01PN=pl.col("TRT01P").replace_strict(number, default=None, return_dtype=pl.Int64),
        TRT01A=pl.when(SAFFL="Y").then("TRT01P"),
    ).with_columns(TRT01AN=pl.when(SAFFL="Y").then("TRT01PN"))
    treatment = adsl.select("USUBJID", "TRT01P", "TRT01PN")
    others = {
        name: rows.join(treatment, on="USUBJID", how="left", maintain_order="left", validate="m:1")
        for name, rows in adam.items()
        if name != "adsl"
    }
    return {"adsl": adsl, **others}


def _codes(study: Study, allocation: pl.DataFrame) -> dict[str, str]:
    """The code that stands for each arm, by Arm.code; one code for one arm, or MonitoringError."""
    pairs = dict(allocation.select("ARM", "CODE").unique().iter_rows())
    codes = {arm.code: pairs.get(arm.name) for arm in study.arms}
    if None in codes.values() or len(set(codes.values())) < len(study.arms):
        raise MonitoringError("the list of treatment codes does not have one code for each arm")
    return {arm: str(code) for arm, code in codes.items()}


@dataclass(frozen=True)
class _LogRank:
    """What one look adds: events, the statistic (positive for the first arm), log hazard ratio, its error."""

    events: int
    z: float
    coef: float
    se: float


def _log_rank(study: Study, plan: MonitoringPlan, adam: Frames) -> _LogRank:
    from pipeline.stats import survival

    randomised = adam["adsl"].filter(ITTFL="Y").select("USUBJID")
    rows = adam["adtte"].filter(PARAMCD=plan.endpoint).join(randomised, on="USUBJID", how="semi")
    time, event = rows["AVAL"].to_numpy(), (rows["CNSR"] == 0).cast(pl.Int64).to_numpy()
    first = (rows["TRT01PN"] == study.arms[0].number).cast(pl.Int64).to_numpy()
    if not 0 < first.sum() < len(first) or not event.any():
        raise MonitoringError("there is nothing to compare: a group has no patients, or there are no events")
    test, fit = survival.logrank(time, event, first), survival.cox(time, event, first)
    z = (test.expected[1] - test.observed[1]) / math.sqrt(test.variance[1, 1])
    return _LogRank(int(event.sum()), float(z), float(fit.coef[0]), float(fit.se[0]))


def _boundaries(
    study: Study, plan: MonitoringPlan, cut_off: CutOff, looks: Sequence[CutOff], found: Sequence[_LogRank]
) -> pl.DataFrame:
    """Rows of results: one LEVEL for each look so far, and FINAL for the planned end."""
    from pipeline.stats import sequential
    from pipeline.stats.inference import normal_tails

    planned = sequential.logrank_design(**plan.design).max_events
    share = np.array([one.events for one in found]) / planned
    if share[-1] <= plan.first_information:
        raise MonitoringError(
            f"reviews begin with more than {plan.first_information:.0%} of the {planned} planned events; "
            f"at {cut_off.id} there are {found[-1].events} ({share[-1]:.1%})"
        )
    if (np.diff(share) <= 0).any() or (share[:-1] >= 1).any():
        raise MonitoringError(
            "each look must have more events than the one before, and only the last all those planned: "
            + ", ".join(f"{look.id} {one.events}" for look, one in zip(looks, found, strict=True))
        )
    # A look's bounds are those of the day: later information moves the futility bounds of earlier looks.
    designs = [_design(plan, share[:k]) for k in range(1, len(looks) + 1)]
    # The effect is the log of second to first arm's hazard, so that benefit is positive as in the design.
    low, high = sequential.repeated_intervals(
        designs[-1].ignoring_futility(), [-one.coef for one in found], [one.se for one in found]
    )
    designed = sequential.logrank_drift(plan.design["hazard_ratio"], planned)
    rows: list[tuple[str, str, float | None]] = []
    for k, (look, one, design) in enumerate(zip(looks, found, designs, strict=True), start=1):
        z, critical = one.z, float(design.critical[k - 1])
        to_come = k < design.fractions.size
        futile = float(design.futility[k - 1]) if to_come else math.nan
        one_sided = float(normal_tails(np.array([z]))[0]) / 2
        statistics: dict[str, float] = {
            "date": (look.date - EPOCH).days,
            "events": one.events,
            "fraction": share[k - 1],
            "z": z,
            "critical": critical,
            "futility": futile,
            "alpha_spent": design.alpha_spent[k - 1],
            "p": one_sided if z > 0 else 1 - one_sided,
            "hr": math.exp(one.coef),
            "hr_lower": math.exp(-high[k - 1]),
            "hr_upper": math.exp(-low[k - 1]),
            "decision": 1 if z >= critical else 2 if z < futile else 0,
        }
        names = ("conditional_power", "conditional_power_trend", "predictive_power")
        chances: tuple[float, ...] = (math.nan,) * 3
        if to_come:  # to cross at a look to come, whatever futility says
            on, trend = design.ignoring_futility(), z / math.sqrt(share[k - 1])
            under = sequential.conditional_power(on, k, z, [designed, trend])
            chances = (*map(float, under), sequential.predictive_power(on, k, z))
        statistics |= dict(zip(names, chances, strict=True))
        rows += [(str(k), name, value) for name, value in statistics.items()]
    if share[-1] < 1:
        end = {"fraction": 1.0, "critical": designs[-1].critical[-1], "events": planned}
        rows += [("FINAL", name, value) for name, value in end.items()]
    contrast = ":".join(arm.code for arm in study.arms)
    about = (study.id, cut_off.date, METHOD.upper(), None, "ITT", plan.endpoint, contrast)
    values = [
        (*about, level, name, None if value is None or not math.isfinite(value) else float(value), METHOD)
        for level, name, value in rows
    ]
    return pl.DataFrame(values, schema=dtypes(Results), orient="row")


def _design(plan: MonitoringPlan, share: Floats) -> Design:
    """The design at the information so far (k,), with the planned end unless that is reached."""
    from pipeline.stats import sequential

    return sequential.group_sequential(
        np.append(share, 1.0) if share[-1] < 1 else share,
        alpha=plan.design["alpha"],
        power=plan.design["power"],
        spending=plan.design.get("spending", "OF"),
        futility=plan.futility,
    )
