"""The graph from a `Study`: each step loads, calls one pure function, hands on.

What does not belong here: what a function computes, what a table looks like (`tables.py`), what is checked
across tables (`checks.py`), what a release is (`release.py`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function as it stands.

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pipeline import analyse, cutoff, edit_checks, ingest, published, stats, tabulate
from pipeline.analyse.subjects import subjects_behind
from pipeline.folders import Folders
from pipeline.orchestration.checks import cross_checks
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.publishing import Metadata, audit, hand_on, publish
from pipeline.orchestration.resources import LAZY, log_access
from pipeline.orchestration.tables import (
    StagedTable,
    asset_out,
    check_specs,
    column_lineage,
    staged_tables,
)
from pipeline.study import CutOff, Dataset, Frames, Study
from schemas import base

RESTRICTED_MANIFEST = "treatment_codes.json"
Inputs = Mapping[str, Any]
"""What a step reads, by name: frames, lazy ones where the step says so."""
Compute = Callable[[CutOff, Inputs], Frames]


class Graph:
    """Makes a study's assets; `assets` gives them all."""

    def __init__(self, study: Study, folders: Folders) -> None:
        self.study = study
        self.folders = folders
        self.tables = staged_tables(study)
        self.lineage = column_lineage(study)
        self.partitions = cut_off_partitions(study)
        self.checks = cross_checks(study)

    def assets(self) -> list[dg.AssetsDefinition]:
        """Every asset that is a table, in the order a run makes them."""
        return [
            self.ingest(),
            *(self.restricted(name) for name in self.study.restricted),
            self.snapshot(),
            *(self.sdtm(position) for position in range(len(self.study.domains))),
            *self.adam(),
            self.analysis(),
            self.published(),
        ]

    def ingest(self) -> dg.AssetsDefinition:
        """Every transfer checked, every form read: raw_*, and what was not accepted and why."""
        study, folders = self.study, self.folders
        raw = {form: self.tables[f"raw_{form}"] for form in study.forms}
        side = [self.tables[f"quality_{name}"] for name in ("receipts", "findings", "quarantine")]
        made = [self.tables["transfers"], *raw.values(), *side]

        @dg.multi_asset(
            name="ingest",
            outs=asset_outs(made, study, ingest, *study.forms.values()),
            internal_asset_deps={
                table.asset: set() if table.asset == "transfers" else {dg.AssetKey("transfers")}
                for table in made
            },
            check_specs=[*_all_checks(made), *_intake_checks(raw)],
            required_resource_keys={"run_lock"},
        )
        def step() -> Iterable[Any]:
            transfers, received = ingest.read_manifests(folders.raw, study.forms, study.id)
            if not transfers:
                reasons = "; ".join(received["REASON"].drop_nulls()) or "the folder holds none"
                raise dg.Failure(f"no transfer of {study.id} can be used: {reasons}")
            forms = {form: ingest.ingest_form(form, model, transfers) for form, model in study.forms.items()}
            tables = {raw[form]: found.accepted for form, found in forms.items()}
            about = {
                self.tables["transfers"]: received,
                self.tables["quality_receipts"]: pl.concat(f.receipt for f in forms.values()),
                self.tables["quality_findings"]: pl.concat(f.findings for f in forms.values()),
                self.tables["quality_quarantine"]: pl.concat(f.quarantined for f in forms.values()),
            }
            findings = about[self.tables["quality_findings"]]
            yield from audit(tables | about, turned_away=_turned_away(findings))
            yield from _intake_results(raw, forms, received)
            quarantined = {"quarantined": {f: found.quarantined.height for f, found in forms.items()}}
            yield from hand_on(about | tables, {"quality_quarantine": quarantined})

        return step

    def restricted(self, name: str) -> dg.AssetsDefinition:
        """A restricted file, read only for cut-offs from the unblinding on, and each reading written down."""
        study, folders = self.study, self.folders
        table, model = self.tables[f"restricted_{name}"], study.restricted[name]
        record = study.release

        @dg.multi_asset(
            name=table.asset,
            outs=asset_outs([table], study, ingest, model),
            deps=["transfers"],
            ins={"released": dg.AssetIn(f"raw_{record.form}")} if record else {},
            partitions_def=self.partitions,
            required_resource_keys={"run_lock"},
        )
        def step(context: dg.AssetExecutionContext, **forms: pl.DataFrame) -> Iterable[Any]:
            cut_off = study.cut_off(context.partition_key)
            if study.is_blinded(cut_off):
                context.log.info(f"{name} are not read: the cut-off is before the unblinding")
                yield from hand_on({table: base.empty(model)})
                return
            if record:
                seen = cutoff.take_snapshot(study, record.form, forms["released"], cut_off).current
                if seen.filter(record.where, pl.col(record.date) <= cut_off.date).is_empty():
                    told = f"no {record.form} record releases the treatments by {cut_off.id}"
                    raise dg.Failure(f"{name} are not read: {told}")
            path = folders.restricted / f"{name}.csv"
            if not path.is_file():
                raise dg.Failure(f"there is no {path.name} in the folder of restricted data")
            log_access(folders, path, path.read_bytes(), context.partition_key, context.run.run_id)
            codes = ingest.ingest_restricted(path, folders.raw / RESTRICTED_MANIFEST, model)
            yield from hand_on({table: codes.accepted.select(base.names(model))})

        return step

    def snapshot(self) -> dg.AssetsDefinition:
        """What the cut-off sees of each form, and what it sets aside."""
        study, set_aside = self.study, self.tables["quality_set_aside"]
        current = {form: self.tables[f"snapshot_{form}"] for form in study.forms}
        made = [*current.values(), set_aside]

        @dg.multi_asset(
            name="snapshot",
            outs=asset_outs(made, study, cutoff, edit_checks, study.folder),
            ins={form: dg.AssetIn(f"raw_{form}", dagster_type=LAZY) for form in study.forms},
            internal_asset_deps={
                **{table.asset: {dg.AssetKey(f"raw_{form}")} for form, table in current.items()},
                set_aside.asset: {dg.AssetKey(f"raw_{form}") for form in study.forms},
            },
            check_specs=check_specs(set_aside),
            partitions_def=self.partitions,
            required_resource_keys={"run_lock"},
        )
        def step(context: dg.AssetExecutionContext, **raw: pl.LazyFrame) -> Iterable[Any]:
            cut_off = study.cut_off(context.partition_key)
            taken = {
                form: cutoff.take_snapshot(study, form, rows.collect(), cut_off) for form, rows in raw.items()
            }
            seen = {form: one.current for form, one in taken.items()}
            kept, rejected = edit_checks.reject_records(study, seen, raw, cut_off)
            aside = pl.concat([*(one.set_aside for one in taken.values()), rejected])
            yield from publish(
                {set_aside: aside},
                cut_off=cut_off.id,
                metadata={set_aside.asset: {"by_reason": dict(aside["REASON"].value_counts().iter_rows())}},
            )
            # A snapshot's rows are rows of raw_*, which were checked when they were accepted.
            tables = {current[form]: rows for form, rows in kept.items()}
            yield from hand_on(tables, lineage=self.lineage)

        return step

    def sdtm(self, position: int) -> dg.AssetsDefinition:
        """One tabulation domain from the forms it reads; all but the first (DM) also from that one."""
        study, domain = self.study, self.study.domains[position]
        subjects = f"sdtm_{study.domains[0].name}"
        ins = {
            form: f"restricted_{form}" if form in study.restricted else f"snapshot_{form}"
            for form in domain.forms
        }
        if position > 0:
            ins[subjects] = subjects

        def compute(cut_off: CutOff, inputs: Inputs) -> Frames:
            blinded = study.restricted if study.is_blinded(cut_off) else ()
            forms = {form: inputs[form] for form in domain.forms if form not in blinded}
            return {
                f"sdtm_{domain.name}": tabulate.tabulate(study, domain, forms, cut_off, inputs.get(subjects))
            }

        code = [tabulate, domain.model, study.folder]
        return self._step([f"sdtm_{domain.name}"], ins, compute, code, lazy=domain.forms)

    def adam(self) -> list[dg.AssetsDefinition]:
        """The analysis datasets: the subject level first, which the others read too."""
        study, domains = self.study, [domain.name for domain in self.study.domains]
        subjects = study.datasets[0].name

        def step(dataset: Dataset) -> dg.AssetsDefinition:
            def compute(cut_off: CutOff, inputs: Inputs) -> Frames:
                frames = {name: inputs[name] for name in dataset.reads}
                of_subjects = () if dataset.name == subjects else (inputs[subjects],)
                return {f"adam_{dataset.name}": dataset.derive(study, frames, *of_subjects, cut_off)}

            read = [*dataset.reads, *(() if dataset.name == subjects else (subjects,))]
            # ADTTE's sources are looked up in every domain.
            ins = _from(domains, dict.fromkeys([*read, *(domains if dataset.name == "adtte" else ())]))
            code, lazy = [dataset.derive, study.folder], domains if dataset.large else ()
            return self._step([f"adam_{dataset.name}"], ins, compute, code, lazy=lazy)

        return [step(dataset) for dataset in study.datasets]

    def analysis(self) -> dg.AssetsDefinition:
        """Every number, every curve, and the subjects behind each number."""
        study = self.study
        analyses = [a for shown in (study, *map(study.at, study.looks)) for a in shown.analyses]
        datasets = dict.fromkeys(["adsl", *(analysis.dataset for analysis in analyses)])

        def compute(cut_off: CutOff, inputs: Inputs) -> Frames:
            results, curves = analyse.run_analyses(study.at(cut_off), inputs, cut_off)
            subjects = subjects_behind(study.at(cut_off), results, cut_off)
            return {"results": results, "curves": curves, "subjects": subjects}

        def preview(cut_off: CutOff, made: Frames) -> Metadata:
            from pipeline.outputs.figures import figures_of, png_bytes, render_figure

            first = figures_of(study.at(cut_off).figures, cut_off.date)[0]
            figure = render_figure(first, made["results"], made["curves"])
            return {"curves": {"preview": image(png_bytes(figure, dpi=80))}}

        code = [analyse, stats, study.folder]
        made = ["results", "curves", "subjects"]
        return self._step(made, _from([], datasets), compute, code, preview)

    def published(self) -> dg.AssetsDefinition:
        """Each printed number beside the number computed."""
        study = self.study

        def compute(cut_off: CutOff, inputs: Inputs) -> Frames:
            return {"published": published.compare_published(study, inputs["results"], cut_off)}

        def verdicts(_: CutOff, made: Frames) -> Metadata:
            return {"published": {"verdicts": dict(made["published"]["VERDICT"].value_counts().iter_rows())}}

        return self._step(["published"], {"results": "results"}, compute, [published, study.folder], verdicts)

    def _step(
        self,
        assets: Sequence[str],
        ins: Mapping[str, str],
        compute: Compute,
        code: Sequence[object],
        describe: Callable[[CutOff, Frames], Metadata] | None = None,
        lazy: Sequence[str] = (),
    ) -> dg.AssetsDefinition:
        """A step of one cut-off: tables in by name, `compute`, tables out by asset.

        lazy: the inputs that stay on the disk, because together they may not fit into memory.
        """
        study, made = self.study, [self.tables[asset] for asset in assets]
        across = [check for check in self.checks if check.asset in assets]

        @dg.multi_asset(
            name="analysis" if len(assets) > 1 else assets[0],
            outs=asset_outs(made, study, *code),
            ins={
                name: dg.AssetIn(asset, dagster_type=LAZY) if name in lazy else dg.AssetIn(asset)
                for name, asset in ins.items()
            },
            check_specs=[*_all_checks(made), *(check.spec for check in across)],
            partitions_def=self.partitions,
            required_resource_keys={"run_lock"},
        )
        def step(context: dg.AssetExecutionContext, **inputs: Any) -> Iterable[Any]:
            cut_off = study.cut_off(context.partition_key)
            frames = compute(cut_off, inputs)
            tables = {table: frames[table.asset] for table in made}
            yield from audit(tables, cut_off=cut_off.id, blind=study.is_blinded(cut_off))
            for check in across:
                yield check.result(study, cut_off, {**inputs, **frames})
            about = describe(cut_off, frames) if describe else None
            yield from hand_on(tables, about, self.lineage)

        return step


def asset_outs(made: Iterable[StagedTable], study: Study, *code: object) -> dict[str, dg.AssetOut]:
    """The tables of a step as its outputs; code: what makes them, of which the source is their version."""
    version = code_version(*code)
    return {table.asset: dg.AssetOut(**asset_out(table, study, version)) for table in made}


def code_version(*code: object) -> str:
    """A hash of the source behind modules, packages, classes, functions and folders."""
    files: set[Path] = set()
    for item in code:
        path = item if isinstance(item, Path) else Path(inspect.getsourcefile(item) or "")  # type: ignore[arg-type]
        folder = path.parent if path.name == "__init__.py" else path
        files |= set(folder.glob("*.py")) | set(folder.glob("*.csv")) if folder.is_dir() else {folder}
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def image(png: bytes) -> dg.MarkdownMetadataValue:
    """A picture that shows in the metadata of an asset."""
    import base64

    return dg.MetadataValue.md(f"![preview](data:image/png;base64,{base64.b64encode(png).decode()})")


def _from(domains: Sequence[str], names: Iterable[str]) -> dict[str, str]:
    """The asset behind each dataset name: `ae` is sdtm_ae, `adsl` is adam_adsl."""
    return {name: f"sdtm_{name}" if name in domains else f"adam_{name}" for name in names}


def _all_checks(made: Iterable[StagedTable]) -> list[dg.AssetCheckSpec]:
    return [spec for table in made for spec in check_specs(table)]


def _turned_away(findings: pl.DataFrame) -> dict[tuple[str, str], list[str]]:
    """The lines that ingest did not accept, by the form's asset and the rule they broke."""
    lines: dict[tuple[str, str], list[str]] = {}
    quarantined = findings.filter(pl.col("OUTCOME") == "quarantined")
    for form, rule, file, line in quarantined.select("FORM", "RULE", "FILE", "LINE").iter_rows():
        lines.setdefault((f"raw_{form}", rule), []).append(f"{file} line {line}")
    return lines


def _intake_checks(raw: Mapping[str, StagedTable]) -> list[dg.AssetCheckSpec]:
    each = "accepted + quarantined = received"
    return [
        *(
            dg.AssetCheckSpec("every_row_accounted_for", asset=t.asset, description=each)
            for t in raw.values()
        ),
        dg.AssetCheckSpec("every_transfer_accepted", asset="transfers", description="no transfer is refused"),
        dg.AssetCheckSpec(
            "nothing_quarantined", asset="quality_quarantine", description="no row is kept out"
        ),
    ]


def _intake_results(
    raw: Mapping[str, StagedTable], forms: Mapping[str, ingest.Ingested], transfers: pl.DataFrame
) -> Iterable[dg.AssetCheckResult]:
    for form, found in forms.items():
        received = int(found.receipt["RECEIVED"].sum())
        counts = {"accepted": found.accepted.height, "quarantined": found.quarantined.height}
        yield dg.AssetCheckResult(
            asset_key=raw[form].asset,
            check_name="every_row_accounted_for",
            passed=sum(counts.values()) == received,
            metadata={"received": received, **counts},
        )
    refused = transfers.filter(pl.col("STATUS") == "refused")
    yield dg.AssetCheckResult(
        asset_key="transfers",
        check_name="every_transfer_accepted",
        passed=refused.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"refused": refused.height, "reasons": "; ".join(refused["REASON"])},
    )
    quarantined = sum(found.quarantined.height for found in forms.values())
    yield dg.AssetCheckResult(
        asset_key="quality_quarantine",
        check_name="nothing_quarantined",
        passed=quarantined == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"quarantined": quarantined},
    )
