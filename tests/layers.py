"""The pipeline's layers in one call, without Dagster or a disk: what an acceptance test compares with.

What does not belong here: expected values, any step of its own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline import ingest
from pipeline.analyse import run_analyses
from pipeline.analyse.subjects import subjects_behind
from pipeline.cutoff import take_snapshot
from pipeline.edit_checks import reject_records
from pipeline.published import compare_published
from pipeline.quality import report_quality
from pipeline.queries import check_transfers
from pipeline.study import CutOff, Frames, Study
from pipeline.tabulate import tabulate
from schemas.base import Table, failures
from schemas.results import Subjects


class RuleBroken(Exception):
    """A table breaks a rule of its schema; a run would stop here and say so."""


def audit(model: type[Table], frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, if it keeps its schema's rules."""
    broken = failures(model, frame)
    if broken.height:
        raise RuleBroken(f"{model.__name__}: {', '.join(broken['RULE'].unique().sort())}")
    return frame


@dataclass(frozen=True)
class Run:
    """One cut-off's datasets and numbers."""

    set_aside: pl.DataFrame
    sdtm: Frames
    adam: Frames
    results: pl.DataFrame
    curves: pl.DataFrame
    subjects: pl.DataFrame
    published: pl.DataFrame

    def value(self, analysis: str, group: str, statistic: str, level: str = "") -> float:
        """One number of the results."""
        rows = self.results.filter(
            pl.col("ANALYSIS") == analysis,
            pl.col("GROUP") == group,
            pl.col("LEVEL") == level,
            pl.col("STATISTIC") == statistic,
        )
        return rows["VALUE"].item()

    def mismatches(self) -> list[str]:
        """The identifiers of the printed numbers that do not come out."""
        return self.published.filter(pl.col("VERDICT") == "mismatch")["ID"].to_list()


@dataclass(frozen=True)
class Intake:
    """What came through the door: the accepted records of every form, and what was said about the others."""

    dates: list[dt.date]
    forms: dict[str, pl.DataFrame]
    findings: pl.DataFrame
    quarantined: pl.DataFrame


def take_in(study: Study, raw: Path) -> Intake:
    """Every form over all transfers."""
    transfers, _ = ingest.read_manifests(raw, study.forms, study.id)
    read = {stem: ingest.ingest_form(stem, model, transfers) for stem, model in study.forms.items()}
    return Intake(
        [transfer.date for transfer in transfers],
        {stem: form.accepted for stem, form in read.items()},
        pl.concat(form.findings for form in read.values()),
        pl.concat(form.quarantined for form in read.values()),
    )


def run_quality(study: Study, intake: Intake) -> dict[str, pl.DataFrame]:
    """The tables of the edit checks and of the data-quality report, by their name in the schema `quality`."""
    checked = check_transfers(study, intake.forms, intake.findings, intake.dates)
    report = report_quality(
        study, intake.forms, intake.quarantined, intake.findings, checked.queries, checked.counts
    )
    return {"queries": checked.queries, "check_counts": checked.counts, **vars(report)}


def accepted_forms(study: Study, raw: Path) -> dict[str, pl.DataFrame]:
    """The accepted records of every form, and of every restricted file."""
    forms = take_in(study, raw).forms
    for name, model in study.restricted.items():
        found = ingest.ingest_restricted(raw / "restricted" / f"{name}.csv", raw / f"{name}.json", model)
        forms[name] = found.accepted
    return forms


def run_layers(
    study: Study,
    forms: Frames,
    cut_off: CutOff,
    change: Callable[[str, pl.DataFrame], pl.DataFrame] = lambda form, rows: rows,
) -> Run:
    """All layers after ingest, each table held against its schema as in a run.

    `change` may alter a form's accepted records before they are cut.
    """
    accepted = {form: change(form, forms[form]) for form in study.forms}
    snapshots = {form: take_snapshot(study, form, rows, cut_off) for form, rows in accepted.items()}
    seen = {form: snapshot.current for form, snapshot in snapshots.items()}
    current, rejected = reject_records(study, seen, accepted, cut_off)
    if not study.is_blinded(cut_off):
        current |= {name: forms[name] for name in study.restricted}
    sdtm: dict[str, pl.DataFrame] = {}
    for domain in study.domains:
        rows = tabulate(study, domain, current, cut_off, sdtm.get("dm"))
        sdtm[domain.name] = audit(study.shape(domain.model, cut_off), rows)
    adam: dict[str, pl.DataFrame] = {}
    for dataset in study.datasets:
        of_subjects = list(adam.values())[:1]
        rows = dataset.derive(study, sdtm | adam, *of_subjects, cut_off)
        adam[dataset.name] = audit(study.shape(dataset.model, cut_off), rows)
    results, curves = run_analyses(study.at(cut_off), adam, cut_off)
    return Run(
        set_aside=pl.concat([*(s.set_aside for s in snapshots.values()), rejected]),
        sdtm=sdtm,
        adam=adam,
        results=results,
        curves=curves,
        subjects=audit(Subjects, subjects_behind(study.at(cut_off), results, cut_off)),
        published=compare_published(study, results, cut_off),
    )


def write_codes(raw: Path, codes: pl.DataFrame) -> None:
    """Write a treatment code list and the manifest that goes with it."""
    path = raw / "restricted" / "treatment_codes.csv"
    codes.write_csv(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = json.loads((raw / "treatment_codes.json").read_text())
    manifest |= {"rows": len(codes), "sha256": sha256}
    (raw / "treatment_codes.json").write_text(json.dumps(manifest))


def rewrite_form(raw: Path, form: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change a form's rows in every transfer (all cells as text) and mend the manifests."""
    for folder in sorted(f for f in raw.iterdir() if _is_date(f.name)):
        path = folder / f"{form}.csv"
        if not path.exists():
            continue
        rows = change(pl.read_csv(path, infer_schema=False))
        rows.write_csv(path)
        manifest = json.loads((folder / "transfer.json").read_text())
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest["files"][path.name] = {"rows": len(rows), "sha256": sha256}
        (folder / "transfer.json").write_text(json.dumps(manifest))


def _is_date(name: str) -> bool:
    try:
        dt.date.fromisoformat(name)
    except ValueError:
        return False
    return True
