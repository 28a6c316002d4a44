"""Conformance to CDISC's standards: rules as values, and the engine that asks them of any study's datasets.

Nothing here knows a study. `RULES` holds every rule; a new one is a `Rule` in the module of its topic, with a
case in `tests/unit/conformance_cases.py`. Numbers of published rules are given where a public list of
them was at hand (docs/decisions/0017-conformance-rules.md). What does not belong here: showing outcomes
(`pipeline.outputs`), a study's waivers (`pipeline/studies/`), which datasets a cut-off has.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from pipeline.conformance import (
    dates,
    demographics,
    flags,
    names,
    occurrences,
    parameters,
    relations,
    subjects,
    tabulation,
    time_to_event,
    traceability,
    treatment,
)
from pipeline.conformance.datasets import DATASETS, FOLDER, ROW, Dataset, Datasets, dataset, modelled
from pipeline.conformance.rule import Found, Rule, as_text
from pipeline.conformance.waivers import Waiver, apply_waivers
from schemas.base import dtypes
from schemas.conformance import RuleFindings, RuleOutcomes

__all__ = ["ALL_RULES", "RULES", "Outcome", "Rule", "dataset", "modelled", "run_rules"]

LISTED = 100
"""Rows of a rule, dataset and variable that are listed; all are counted."""

RULES: tuple[Rule, ...] = (
    *names.RULES,
    *flags.RULES,
    *parameters.RULES,
    *subjects.RULES,
    *treatment.RULES,
    *time_to_event.RULES,
    *dates.RULES,
    *occurrences.RULES,
    *traceability.RULES,
    *tabulation.RULES,
    *demographics.RULES,
    *relations.RULES,
)


def _told_by_engine(dataset: Dataset, study: Datasets) -> Iterator[Found]:
    yield from ()


NOT_ASKABLE = Rule(
    "RN01", "error", DATASETS, "A rule can be asked: variables are of the type that their name implies",
    "correct the variable's type", _told_by_engine,
)  # fmt: skip
EXPIRED = Rule(
    "WV01", "error", (FOLDER,), "A waiver has not expired",
    "decide again, and give it a new date, or correct "
    "the data", _told_by_engine,
)  # fmt: skip
UNUSED = Rule(
    "WV02", "warning", (FOLDER,), "A waiver is used", "remove it: what it waived is no longer found",
    _told_by_engine,
)  # fmt: skip
ALL_RULES = (*RULES, NOT_ASKABLE, EXPIRED, UNUSED)
"""The rules, and what the engine itself reports."""

COUNTS = {
    "RULE": pl.String,
    "SEVERITY": pl.String,
    "DATASET": pl.String,
    "VARIABLE": pl.String,
    "FOUND": pl.Int64,
    "WAIVER": pl.String,
}
_FINDINGS = {name: dtype for name, dtype in dtypes(RuleFindings).items() if name != "CUTOFF"}
_OUTCOMES = {name: dtype for name, dtype in dtypes(RuleOutcomes).items() if name != "CUTOFF"}


@dataclass(frozen=True)
class Outcome:
    """What the rules say of a study's datasets.

    rules: RuleOutcomes without CUTOFF, one row per rule. findings: RuleFindings without CUTOFF, at most
    LISTED rows of each rule, dataset and variable. counts: how many rows each of these found, and why
    they are waived (WAIVER, null: they are not).
    """

    rules: pl.DataFrame
    findings: pl.DataFrame
    counts: pl.DataFrame

    @property
    def errors(self) -> int:
        """Rows found by rules of severity error that are not waived."""
        return int(self.counts.filter(pl.col("WAIVER").is_null(), SEVERITY="error")["FOUND"].sum())


def run_rules(
    study: Iterable[Dataset],
    *,
    on: dt.date,
    rules: Sequence[Rule] = RULES,
    waivers: Sequence[Waiver] = (),
    blind: bool = False,
) -> Outcome:
    """Ask every rule of every dataset of its class.

    on: the day for which waivers must hold. blind: treatments are blinded, and rules that need them are not
    asked. A rule that cannot be asked of a dataset (a variable is of another type than its name implies) is
    itself a finding.
    """
    by_name = {one.name: one for one in sorted(study, key=lambda one: one.name)}
    asked = dict.fromkeys((rule.id for rule in rules), 0)
    counts: list[tuple[str, str, str, str | None, int, None]] = []
    listed: list[pl.DataFrame] = []
    whole = Dataset(FOLDER, "", FOLDER, pl.LazyFrame(), {})
    for one in (whole, *by_name.values()):
        # A large dataset is in memory only while it is its turn.
        frame = one.rows.with_row_index(ROW, offset=1).collect()
        held = replace(one, rows=frame.lazy())
        others = by_name | ({one.name: held} if one is not whole else {})
        for rule in (rule for rule in rules if rule.asks(one) and not (blind and rule.needs_arms)):
            asked[rule.id] += 1
        for rule, found, count, rows in _found(held, frame, others, rules, blind):
            counts.append((rule.id, rule.severity, one.name, found.variable, count, None))
            listed.append(_listed(rule, one.name, found.variable, rows))
    table = pl.DataFrame(counts, schema=COUNTS, orient="row")
    table = table.group_by("RULE", "SEVERITY", "DATASET", "VARIABLE", maintain_order=True).agg(
        pl.col("FOUND").sum()
    )
    table, expired, unused = apply_waivers(table, waivers, on)
    for rule, told in ((EXPIRED, expired), (UNUSED, unused)):
        texts = [f"{waiver}, until {waiver.expires}: {waiver.reason}" for waiver in told]
        if texts:
            rows = pl.DataFrame({"ROW": None, "ROWKEY": None, "VALUE": texts}, schema_overrides=_FINDINGS)
            listed.append(_listed(rule, FOLDER, None, rows))
            row = pl.DataFrame(
                [(rule.id, rule.severity, FOLDER, None, len(texts), None)], COUNTS, orient="row"
            )
            table = pl.concat([table, row.select(table.columns)])
    findings = pl.concat([pl.DataFrame(schema=_FINDINGS).drop("WAIVER"), *listed])
    of = ["RULE", "DATASET", "VARIABLE"]
    findings = findings.join(table.select(*of, "WAIVER"), on=of, how="left", nulls_equal=True)
    engine = {NOT_ASKABLE.id: len(by_name), EXPIRED.id: int(bool(waivers)), UNUSED.id: int(bool(waivers))}
    described = (*rules, *ALL_RULES[len(RULES) :])
    return Outcome(
        _outcomes(described, asked | engine, table),
        findings.select(*_FINDINGS).sort("RULE", "DATASET", "VARIABLE", "ROW", "VALUE", maintain_order=True),
        table.select(*COUNTS).sort("RULE", "DATASET", "VARIABLE"),
    )


def _found(
    held: Dataset, frame: pl.DataFrame, study: Datasets, rules: Sequence[Rule], blind: bool
) -> Iterator[tuple[Rule, Found, int, pl.DataFrame]]:
    """What the rules find in one dataset: rule, where, how many rows, and the first of them."""
    places: list[tuple[Rule, Found]] = []
    for rule in rules:
        if rule.asks(held) and not (blind and rule.needs_arms):
            try:
                places.extend((rule, found) for found in rule.find(held, study))
            except (pl.exceptions.PolarsError, TypeError) as error:
                yield _not_askable(rule, None, error)
    rowwise = [place for place in places if isinstance(place[1].rows, pl.Expr)]
    # In one question, because hundreds of small ones would take ten times as long.
    sums = [found.rows.fill_null(False).sum().alias(str(i)) for i, (_, found) in enumerate(rowwise)]  # type: ignore[union-attr]
    try:
        totals = frame.select(sums).row(0) if sums else ()
        broken = {id(found) for (_, found), total in zip(rowwise, totals, strict=True) if total}
    except (pl.exceptions.PolarsError, TypeError):
        broken = {id(found) for _, found in rowwise}
    key = _key(held)
    for rule, found in places:
        if found.rows is None:
            value = found.value if isinstance(found.value, str) else None
            row = {"ROW": None, "ROWKEY": None, "VALUE": value}
            yield rule, found, 1, pl.DataFrame([row], schema_overrides=_FINDINGS)
        elif callable(found.rows) or id(found) in broken:
            try:
                failing = _failing(frame, found, key, held)
            except (pl.exceptions.PolarsError, TypeError) as error:
                yield _not_askable(rule, found.variable, error)
                continue
            if failing.height:
                yield rule, found, failing.height, failing.head(LISTED)


def _failing(frame: pl.DataFrame, found: Found, key: pl.Expr, held: Dataset) -> pl.DataFrame:
    """ROW, ROWKEY and VALUE of the rows that break the rule."""
    rows = frame.lazy()
    kept = found.rows(rows) if callable(found.rows) else rows.filter(found.rows)  # type: ignore[arg-type]
    if found.value is None:
        shown = as_text(found.variable, held) if found.variable else pl.lit(None, pl.String)
    else:
        shown = pl.lit(found.value) if isinstance(found.value, str) else found.value.cast(pl.String)
    picked = kept.select(ROW=pl.col(ROW).cast(pl.Int64), ROWKEY=key, VALUE=shown)
    return picked.sort("ROW").collect()


def _not_askable(rule: Rule, variable: str | None, error: Exception) -> tuple[Rule, Found, int, pl.DataFrame]:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    row = {"ROW": None, "ROWKEY": None, "VALUE": f"{rule.id} ({rule.says}): {reason}"}
    return NOT_ASKABLE, Found(variable), 1, pl.DataFrame([row], schema_overrides=_FINDINGS)


def _key(held: Dataset) -> pl.Expr:
    """A row's key in words: USUBJID and what numbers or names the row."""
    implied = ("USUBJID", "PARAMCD", "AVISIT", held.sequence or "ASEQ", "QNAM")
    parts = [name for name in (held.key or implied) if held.has(name)]
    shown = [pl.lit(f"{name}=") + as_text(name, held).fill_null("") for name in parts]
    return pl.concat_str(shown, separator=", ") if shown else pl.lit(None, pl.String)


def _listed(rule: Rule, name: str, variable: str | None, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in the shape of RuleFindings, without CUTOFF and WAIVER."""
    return rows.with_columns(
        RULE=pl.lit(rule.id),
        SEVERITY=pl.lit(rule.severity),
        DATASET=pl.lit(name),
        VARIABLE=pl.lit(variable, pl.String),
        MESSAGE=pl.lit(f"{rule.says}: {rule.fix}"),
    ).select(pl.col(name).cast(dtype) for name, dtype in _FINDINGS.items() if name != "WAIVER")


def _outcomes(rules: Iterable[Rule], asked: dict[str, int], counts: pl.DataFrame) -> pl.DataFrame:
    """One row per rule, in the order of the rules."""
    waived = pl.col("FOUND").filter(pl.col("WAIVER").is_not_null()).sum()
    found = {
        rule: (total, accepted)
        for rule, total, accepted in counts.group_by("RULE").agg(pl.col("FOUND").sum(),
        waived.alias("WAIVED")).iter_rows()
    }  # fmt: skip
    rows = []
    for rule in rules:
        total, accepted = found.get(rule.id, (0, 0))
        outcome = "found" if total > accepted else "waived" if total else "holds"
        rows.append(
            {
                "RULE": rule.id,
                "SEVERITY": rule.severity,
                "APPLIES": ", ".join(rule.applies),
                "CITES": ", ".join(rule.cites) or None,
                "SOURCE": rule.source or None,
                "SAYS": rule.says,
                "FIX": rule.fix,
                "ASKED": asked[rule.id],
                "FOUND": total,
                "WAIVED": accepted,
                "OUTCOME": outcome if asked[rule.id] or total else "not asked",
            }
        )
    return pl.DataFrame(rows, schema=_OUTCOMES)
