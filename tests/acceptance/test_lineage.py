"""Lineage is true: whatever changes when a field of a form changes has declared that field as a source.

Fields of the shipped trial (every third patient) are mixed up and half blanked, one field at a time, and the
datasets made again. Rows are matched by subject and record, so that no row is taken for another.
What does not belong here: whether every variable has a lineage (`tests/unit/test_lineage.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl
import pytest

from pipeline.cutoff import take_snapshot
from pipeline.derive.adae import derive_adae
from pipeline.derive.adce import derive_adce
from pipeline.derive.adex import derive_adex
from pipeline.derive.adrs import derive_adrs
from pipeline.derive.adsl import derive_adsl
from pipeline.derive.adtte import derive_adtte
from pipeline.edit_checks import reject_records
from pipeline.lineage import ROWS, Place, fields_behind, variables
from pipeline.study import Frames, Study
from pipeline.tabulate import tabulate

LOGS = ("form_log", "query_log")
IDENTIFIES = {
    *("study_id", "patient_id", "site_code", "form_code", "record_id", "record_version", "record_status"),
    *("received_dt", "FILE", "LINE", "TRANSFER"),
}
"""Fields by which rows are matched, or which decide at a cut-off what is seen at all."""
FOLLOWED_FURTHER = (
    *("registration.birth_dt", "induction.agent", "labs.result", "transplant.infusion_dt"),
    *("disease_assessment.assess_dt", "disease_assessment.spep_result", "disease_assessment.response_site"),
    *("randomization.randomization_dt", "treatment_dose.cycle_end_dt", "adverse_events.start_dt"),
    *("new_primary_cancer.dx_dt", "follow_up.contact_dt", "off_treatment.off_reason", "death.death_dt"),
    *("crossover.crossover_reg_dt", "subsequent_therapy.start_dt", "treatment_codes.arm"),
)
"""Fields that are followed into the analysis datasets: of each form those that most depends on."""
NOT_SEEN_TO_MATTER = {
    "ae.* adverse_events.grade",  # mixing grades leaves as many rows; a blank grade is an event
    "ae.AEBODSYS adverse_events.ctcae_category",  # asked only of a term that CTCAE does not have
    "ce.CETERM new_primary_cancer.spm_group",  # stands in for a diagnosis in words that is missing
    "cm.CMTRT induction.regimen_name",  # stands in for an agent that is missing
    "ds.* follow_up.consent_withdrawn",  # nobody of these patients withdrew
    "lb.CAOTHER disease_assessment.ca_other_cause",  # none of these patients has one
    "ie.IEORRES eligibility.criterion_met",  # always N: only criteria that are not met become rows
    "ie.IESTRESC eligibility.criterion_met",
    "tu.VISIT disease_assessment.assess_dt",  # which record is the first: seen in TUDTC
    "tr.VISIT disease_assessment.assess_dt",
}
"""Declared sources whose change moves nothing in this trial, and why."""


@dataclass
class Made:
    """The current records, those of them that count, and the domains made from these."""

    seen: dict[str, pl.DataFrame]
    counted: dict[str, pl.DataFrame]
    sdtm: dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def base(study: Study, forms: dict[str, pl.DataFrame]) -> Made:
    """The last cut-off of every third patient: enough that each field matters for somebody."""
    third = pl.col("patient_id").cast(pl.Int64) % 3 == 0
    seen = {form: take_snapshot(study, form, forms[form], study.cut_offs[-1]).current for form in study.forms}
    some = {form: rows.filter(third) if "patient_id" in rows.columns else rows for form, rows in seen.items()}
    return _tabulated(study, some | {"treatment_codes": forms["treatment_codes"]})


def _tabulated(study: Study, seen: dict[str, pl.DataFrame], base: Made | None = None) -> Made:
    """The domains made from current records; those that cannot have changed are taken from `base`."""
    cut_off = study.cut_offs[-1]
    counted, _ = reject_records(
        study, {form: seen[form] for form in study.forms}, base.seen if base else seen, cut_off
    )
    counted["treatment_codes"] = seen["treatment_codes"]
    made = Made(seen, counted, {})
    same = {form for form, rows in counted.items() if base and rows.equals(base.counted[form])}
    for domain in study.domains:
        subjects = made.sdtm.get("dm")
        same_days = base and (subjects is None or subjects["RFSTDTC"].equals(base.sdtm["dm"]["RFSTDTC"]))
        if base and same_days and same.issuperset(domain.forms):
            made.sdtm[domain.name] = base.sdtm[domain.name]
        else:
            made.sdtm[domain.name] = tabulate(study, domain, counted, cut_off, subjects)
    return made


def _analysed(study: Study, sdtm: Frames) -> dict[str, pl.DataFrame]:
    cut_off = study.cut_offs[-1]
    adsl = derive_adsl(study, sdtm, cut_off)
    steps = {"adrs": derive_adrs, "adce": derive_adce, "adae": derive_adae, "adex": derive_adex}
    adam = {"adsl": adsl, **{name: derive(study, sdtm, adsl, cut_off) for name, derive in steps.items()}}
    return adam | {"adtte": derive_adtte(study, {**sdtm, **adam}, adsl, cut_off)}


def _disturbed(rows: pl.DataFrame, field: str) -> pl.DataFrame:
    """The field's values mixed up among the records that have one, and every second record without one."""
    given = rows[field].is_not_null()
    mixed = rows[field].drop_nulls().sample(fraction=1.0, shuffle=True, seed=7)
    places = given.arg_true()
    values = pl.DataFrame({"_at": places, field: mixed})
    at = pl.int_range(pl.len(), dtype=places.dtype)
    out = rows.drop(field).with_columns(_at=at).join(values, on="_at", how="left", maintain_order="left")
    return out.with_columns(pl.when(pl.col("_at") % 2 == 0).then(field)).select(rows.columns)


def _with_record(name: str, rows: pl.DataFrame, sdtm: Frames) -> pl.DataFrame:
    """The rows with `_record`: the raw record behind each, or the parameter that it is."""
    if name in ("dm", "adsl"):
        return rows.with_columns(_record=pl.lit(""))
    if name in sdtm:
        return rows.with_columns(_record=f"{name.upper()}SPID")
    if name in ("adae", "adce"):
        domain = name[2:].upper()
        behind = sdtm[name[2:]].select("USUBJID", f"{domain}SEQ", _record=f"{domain}SPID")
        return rows.join(behind, on=["USUBJID", f"{domain}SEQ"], how="left")
    if name == "adrs":  # several responses have one code
        behind = sdtm["rs"].select("USUBJID", SRCSEQ="RSSEQ", _response="RSSPID")
        response = pl.when(PARAMCD="OVRINV").then("_response")
        rows = rows.join(behind, on=["USUBJID", "SRCSEQ"], how="left")
        return rows.with_columns(_record=pl.coalesce(response, "PARAMCD")).drop("_response")
    return rows.with_columns(_record="PARAMCD")


def _changed(before: pl.DataFrame, after: pl.DataFrame) -> Iterator[str]:
    """The columns whose values changed in rows that both have, and `*` if they have not the same rows."""
    match = ["USUBJID", "_record"]
    counts = [rows.group_by(match).len() for rows in (before, after)]
    both = counts[0].join(counts[1], on=[*match, "len"]).select(match)
    if not both.height == counts[0].height == counts[1].height:
        yield ROWS
    before, after = (
        rows.join(both, on=match, how="semi").sort(match, maintain_order=True) for rows in (before, after)
    )
    for column in (column for column in before.columns if column not in match):
        if before[column].equals(after[column], null_equal=True):
            continue
        # A record can have several rows, and these another order.
        values = [rows.select(*match, column).sort(*match, column)[column] for rows in (before, after)]
        if not values[0].equals(values[1], null_equal=True):
            yield column


def _moved(
    schema: str, before: Frames, after: Frames, sdtm_before: Frames, sdtm_after: Frames
) -> Iterator[Place]:
    for name, rows in before.items():
        if rows is not after[name]:
            old, new = _with_record(name, rows, sdtm_before), _with_record(name, after[name], sdtm_after)
            yield from ((schema, name, column) for column in _changed(old, new))


def _undeclared(moved: Iterable[Place], field: Place, behind: dict[Place, frozenset[Place]]) -> list[str]:
    return [f"{'.'.join(place)} <- {'.'.join(field[1:])}" for place in moved if field not in behind[place]]


def _fields(study: Study, forms: Frames) -> list[Place]:
    return [
        ("restricted" if form in study.restricted else "raw", form, field)
        for form, rows in forms.items()
        if form not in LOGS
        for field in rows.columns
        if field not in IDENTIFIES
    ]


def test_what_a_field_moves_has_declared_it(study: Study, base: Made) -> None:
    behind = fields_behind(study)
    adam = _analysed(study, base.sdtm)
    undeclared: list[str] = []
    mattered: set[tuple[Place, Place]] = set()
    followed: set[str] = set()
    for field in _fields(study, base.seen):
        _, form, name = field
        made = _tabulated(study, base.seen | {form: _disturbed(base.seen[form], name)}, base)
        moved = list(_moved("sdtm", base.sdtm, made.sdtm, base.sdtm, made.sdtm))
        mattered |= {(place, field) for place in moved}
        undeclared += _undeclared(moved, field, behind)
        if f"{form}.{name}" in FOLLOWED_FURTHER:
            moved = list(_moved("adam", adam, _analysed(study, made.sdtm), base.sdtm, made.sdtm))
            assert moved, f"{form}.{name} moves no analysis variable: follow another field"
            undeclared += _undeclared(moved, field, behind)
            followed.add(f"{form}.{name}")
    assert undeclared == []
    assert followed == set(FOLLOWED_FURTHER)
    # The other way round: what is declared as a field that a variable comes from does move it.
    still = {
        f"{variable.place[1]}.{variable.place[2]} {source[1]}.{source[2]}"
        for variable in variables(study)
        for source in variable.sources
        if source[0] in ("raw", "restricted") and source[2] not in IDENTIFIES
        if (variable.place, source) not in mattered
    }
    assert still == NOT_SEEN_TO_MATTER


def test_a_dependency_that_is_not_declared_is_found(study: Study, base: Made) -> None:
    """The same with one source taken out of the declaration."""
    behind = fields_behind(study)
    field, place = ("raw", "adverse_events", "serious"), ("sdtm", "ae", "AESER")
    serious = _disturbed(base.seen["adverse_events"], "serious")
    made = _tabulated(study, base.seen | {"adverse_events": serious}, base)
    moved = list(_moved("sdtm", base.sdtm, made.sdtm, base.sdtm, made.sdtm))
    assert moved == [place]
    behind[place] -= {field}
    assert _undeclared(moved, field, behind) == ["sdtm.ae.AESER <- adverse_events.serious"]
