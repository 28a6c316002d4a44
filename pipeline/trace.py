"""From a row of ADTTE back to the tabulation row it rests on, and to the file and line of the raw form.

What does not belong here: reading the raw file, printing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.study import Study
from schemas.base import key

Query = Callable[[str], pl.DataFrame]
Row = dict[str, Any]


@dataclass(frozen=True)
class Trail:
    """One row of ADTTE and what it rests on; None where its source is a variable of a subject-level dataset.

    form: the raw form; file: transfer/form.csv; line: the physical line in it.
    """

    adtte: Row
    sdtm: Row | None = None
    form: str | None = None
    file: str | None = None
    line: int | None = None


def trace_subject(study: Study, query: Query, usubjid: str, paramcd: str) -> list[Trail]:
    """The trail of each cut-off's row of ADTTE; query: asks the warehouse. Empty for an unknown row."""
    wanted = f"USUBJID = {_text(usubjid)} AND PARAMCD = {_text(paramcd)}"
    rows = query(f"SELECT * FROM adam.adtte WHERE {wanted} ORDER BY CUTOFF")
    return [_trace(study, query, row) for row in rows.iter_rows(named=True)]


def _trace(study: Study, query: Query, adtte: Row) -> Trail:
    domain, sequence = adtte["SRCDOM"], adtte["SRCSEQ"]
    if sequence is None:
        return Trail(adtte)
    sdtm = query(
        f"SELECT * FROM sdtm.{domain.lower()} WHERE CUTOFF = {_text(str(adtte['CUTOFF']))} "
        f"AND USUBJID = {_text(adtte['USUBJID'])} AND {domain}SEQ = {sequence}"
    ).row(0, named=True)
    form, record = _record(study, domain, sdtm)
    wanted = " AND ".join(f"{name} = {_text(str(value))}" for name, value in record.items())
    raw = query(f"SELECT FILE, LINE FROM raw.{form} WHERE {wanted}").row(0, named=True)
    return Trail(adtte, sdtm, form, raw["FILE"], raw["LINE"])


def _record(study: Study, domain: str, sdtm: Row) -> tuple[str, Row]:
    """The form of a tabulation row and the key of its record there."""
    if not study.form_codes:  # tabulation datasets are received as they are
        form = domain.lower()
        return form, {name: sdtm[name] for name in key(study.forms[form])}
    code, rest = sdtm[f"{domain}SPID"].split("-", 1)
    record, version = rest.rsplit("-", 1)
    form = next(form for form, known in study.form_codes.items() if known == code)
    return form, {"record_id": record, "record_version": int(version)}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
