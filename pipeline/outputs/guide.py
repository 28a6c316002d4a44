"""The reviewer's guide to a cut-off's datasets: one page of facts, each counted from the data at hand.

It stands beside the datasets and answers what a reviewer asks first: what is in the folder, what was received
and what was left out, which terms are the sponsor's, what conforms. What does not belong here: a sentence
about results, a number that no table holds but for counts of rows and subjects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.lineage import parameters, variables
from pipeline.outputs.exchange import Dataset
from pipeline.outputs.site import style, templates
from pipeline.study import CutOff, Study
from schemas import base

if TYPE_CHECKING:
    from odmlib.arm_1_0.model import ODM

FRAMES = ("transfers", "receipts", "set_aside", "rules", "published")
"""The frames of a guide, beside the datasets; each may be missing, and its section says so."""


def render_guide(
    study: Study,
    cut_off: CutOff,
    datasets: Sequence[Dataset],
    frames: Mapping[str, pl.DataFrame],
    documents: Iterable[ODM],
) -> bytes:
    """The guide of one cut-off; datasets: as exchanged; frames: FRAMES; documents: Define-XML, for the terms.

    receipts and transfers are those of all transfers; of set_aside, rules and published the rows of the
    cut-off are taken.
    """
    here = {
        name: frame.filter(pl.col("CUTOFF") == cut_off.date) if "CUTOFF" in frame.columns else frame
        for name, frame in frames.items()
    }
    context = {
        "title": "Reviewer’s guide",
        "subject": f"{study.id}, data cut-off {cut_off.id} ({cut_off.title})",
        "study_title": study.title,
        "note": study.note,
        "css": style(),
        "cut_off": cut_off.id,
        "other_dates": _other_dates(cut_off),
        "blinded": study.is_blinded(cut_off),
        "datasets": [_dataset(dataset) for dataset in datasets],
        "populations": _populations(datasets),
        "parameters": [
            (d.name.upper(), code, words)
            for d in study.datasets
            for code, (words, _) in parameters(study, d.name).items()
        ],
        "origins": _origins(study),
        "supplemental": _supplemental(study),
        "terms": [term for document in documents for term in _terms(document)],
        "intake": _intake(here),
        "set_aside": _set_aside(here),
        "conformance": _conformance(here),
        "verdicts": dict(sorted(Counter(here["published"]["VERDICT"]).items()))
        if here.get("published") is not None and here["published"].height
        else None,
    }
    return templates().get_template("guide.html").render(context).encode()


def _dataset(dataset: Dataset) -> dict[str, Any]:
    frame = dataset.frame
    return {
        "standard": dataset.standard,
        "name": dataset.name,
        "label": base.label(dataset.model),
        "rows": frame.height,
        "subjects": frame["USUBJID"].n_unique(),
        "variables": frame.width,
        "file": f"{dataset.standard}/{dataset.name.lower()}.xpt" if frame.height else "",
    }


def _populations(datasets: Iterable[Dataset]) -> list[tuple[str, str, int]]:
    """Every flag of ADSL that names a population, its label and how many subjects have it."""
    adsl = next((dataset for dataset in datasets if dataset.name == "ADSL"), None)
    if adsl is None:
        return []
    return [
        (column.name, column.label, adsl.frame.filter(pl.col(column.name) == "Y").height)
        for column in base.columns(adsl.model)
        if column.label.endswith("Population Flag") and column.name in adsl.frame.columns
    ]


def _other_dates(cut_off: CutOff) -> list[tuple[str, str]]:
    """Forms that are cut on another date than the cut-off's."""
    return [
        (form, date.isoformat()) for form, date in sorted(cut_off.by_form.items()) if date != cut_off.date
    ]


def _origins(study: Study) -> dict[str, dict[str, int]]:
    """How many variables of each standard have each origin."""
    counted = Counter((v.place[0], v.origin) for v in variables(study) if v.place[2] != "*")
    standards = sorted({standard for standard, _ in counted}, reverse=True)
    return {
        standard: {origin: count for (of, origin), count in sorted(counted.items()) if of == standard}
        for standard in standards
    }


def _supplemental(study: Study) -> list[tuple[str, str, str]]:
    """Variables that the standard does not have: domain, name, label."""
    return [
        (domain.name.upper(), column.name, column.label)
        for domain in study.domains
        for column in base.columns(domain.model)
        if column.kind == "supplemental"
    ]


def _terms(document: Any) -> list[tuple[str, str]]:
    """Codelists of the sponsor's own, and of published lists the terms that the sponsor added."""
    found = []
    for codelist in document.Study.MetaDataVersion.CodeList:
        items = [*codelist.CodeListItem, *codelist.EnumeratedItem]
        own = codelist.IsNonStandard == "Yes"
        added = [str(item.CodedValue) for item in items if own or item.ExtendedValue == "Yes"]
        if added:
            name = f"{codelist.Name} ({str(codelist.OID).removeprefix('CL.')})"
            found.append((name if own else f"{name}, extended", "; ".join(added)))
    return found


def _intake(frames: Mapping[str, pl.DataFrame]) -> dict[str, Any] | None:
    if "receipts" not in frames or "transfers" not in frames:
        return None
    receipts = frames["receipts"]
    return {
        "transfers": dict(sorted(Counter(frames["transfers"]["STATUS"]).items())),
        **{name.lower(): int(receipts[name].sum()) for name in ("RECEIVED", "ACCEPTED", "QUARANTINED")},
    }


def _set_aside(frames: Mapping[str, pl.DataFrame]) -> dict[str, int] | None:
    return dict(sorted(Counter(frames["set_aside"]["REASON"]).items())) if "set_aside" in frames else None


def _conformance(frames: Mapping[str, pl.DataFrame]) -> dict[str, Any] | None:
    if "rules" not in frames or frames["rules"].is_empty():
        return None
    rules = frames["rules"]
    return {
        "outcomes": dict(sorted(Counter(rules["OUTCOME"]).items())),
        "errors": int(
            rules.filter(SEVERITY="error").select((pl.col("FOUND") - pl.col("WAIVED")).sum()).item()
        ),
        "found": rules.filter(pl.col("FOUND") > 0)
        .select("RULE", "SEVERITY", "SAYS", "FOUND", "WAIVED")
        .rows(named=True),
    }
