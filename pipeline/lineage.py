"""Lineage by column, from the specification: analysis variable, tabulation variable, field of a form.

The sources of an analysis variable stand in its column (`schemas/adam.py`), those of a tabulation variable in
its domain (`pipeline/studies/*/lineage.py`), those of an endpoint in the endpoint. A source is written as a
form's field (`labs.result`), a variable (`LB.LBORRES`; of the dataset itself `RANDDT`), `*` for the dataset's
other rows, or a name for values of the study (`study.endpoints`). What does not belong here: lineage of a row
(`pipeline.trace`), documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from pipeline.study import Domain, Endpoint, EventSource, Mapped, Study
from schemas import adam
from schemas.base import Column, Table, columns, dtypes, key, names, row_sources
from schemas.meta import MetaLineage

ROWS = "*"
HEADER = ("record_id", "record_version", "record_status", "received_dt")
"""Fields of every form that decide, at a cut-off, which version of a record counts."""
_REFERENCE = re.compile(r"[A-Z][A-Z0-9]*\.[A-Z][A-Z0-9]*")
_PARAMETERS = {"adrs": (adam.ADRS_PARAMETERS, "ADT"), "adex": (adam.ADEX_PARAMETERS, "AVAL")}
"""By dataset, what each PARAMCD is, and the variable that it is about."""
Place = tuple[str, str, str]
"""Schema, table and column: `("adam", "adtte", "AVAL")`."""


@dataclass(frozen=True)
class Variable:
    """A variable's direct sources, its origin as Define-XML 2.1 has it, and its derivation in a sentence."""

    place: Place
    sources: tuple[Place, ...]
    origin: str
    derivation: str


def variables(study: Study) -> tuple[Variable, ...]:
    """Every tabulation and analysis variable in its order, and after each dataset the rows (`*`) it has.

    None for a study whose domains say nothing of where they come from.
    """
    if not all(domain.lineage for domain in study.domains):
        return ()
    return (*_tabulated(study), *_analysed(study))


def lineage(study: Study) -> pl.DataFrame:
    """`variables` as a table: one row per source; an assigned value has one row without a source."""
    rows = [
        (*variable.place, position, *(source or (None, None, None)), variable.origin, variable.derivation)
        for variable in variables(study)
        for position, source in enumerate(variable.sources or (None,), start=1)
    ]
    return pl.DataFrame(rows, schema=dtypes(MetaLineage), orient="row")


def fields_behind(study: Study) -> dict[Place, frozenset[Place]]:
    """Every place that a variable depends on, however far back, down to the forms.

    To read a variable of another dataset is to read its rows, and to read a field is to read the form's
    current records: what decides them is behind it too. Raises ValueError for a variable derived from itself.
    """
    direct = {variable.place: variable.sources for variable in variables(study)}
    found: dict[Place, frozenset[Place]] = {}
    asked: list[Place] = []

    def behind(place: Place) -> frozenset[Place]:
        if place in asked:
            raise ValueError(f"{'.'.join(place)} is derived from itself")
        if place not in found:
            asked.append(place)
            reached = set(direct.get(place, ()))
            for source in direct.get(place, ()):
                reached |= behind(source) | _records(study, source)
                if source[:2] != place[:2]:
                    reached |= behind((*source[:2], ROWS))
            found[place] = frozenset(reached)
            asked.pop()
        return found[place]

    return {place: behind(place) for place in direct}


def parameters(study: Study, dataset: str) -> dict[str, tuple[str, tuple[Place, ...]]]:
    """What each PARAMCD of an analysis dataset is, in a sentence, and from what; empty without PARAMCD."""
    if dataset == "adtte":
        return {
            endpoint.paramcd: (_told(endpoint), tuple(dict.fromkeys(_of_endpoint(study, endpoint))))
            for endpoint in study.endpoints
        }
    words, value = _PARAMETERS.get(dataset, ({}, ""))
    if not words:
        return {}
    column = next(column for column in columns(_model(study, dataset)) if column.name == value)
    sources = tuple(_resolved(study, column.sources, dataset.upper()))
    return {code: (sentence, sources) for code, sentence in words.items()}


def _records(study: Study, field: Place) -> set[Place]:
    """The fields that decide which records of the field's form count."""
    if field[0] != "raw":
        return set()
    decide = {("raw", field[1], name) for name in HEADER if name in names(study.forms[field[1]])}
    return decide | {_field(study, other) for other in study.records.get(field[1], ())}


def _tabulated(study: Study) -> Iterator[Variable]:
    first = study.domains[0].name.upper()
    for domain in study.domains:
        code = domain.name.upper()
        for column in columns(domain.model):
            how = domain.lineage.get(column.name) or _shared(domain, column.name, first)
            sources = tuple(_place(study, source, "sdtm", code) for source in how.sources)
            words = how.words or _as_it_stands(study, sources)
            yield Variable(("sdtm", domain.name, column.name), sources, how.origin, words)
        record = domain.lineage[f"{code}SPID" if f"{code}SPID" in domain.lineage else "USUBJID"]
        decide = tuple(_field(study, source) for source in (*record.sources, *domain.rows))
        told = "a row for each record" + (" with the entries that it takes" if domain.rows else "")
        yield Variable(("sdtm", domain.name, ROWS), decide, "Derived", told)


def _shared(domain: Domain, name: str, first: str) -> Mapped:
    """The variables that `pipeline.tabulate` makes in every domain."""
    code = domain.name.upper()
    if name == "STUDYID":
        return Mapped((), "Protocol", "the study's identifier")
    if name == "DOMAIN":
        return Mapped((), "Assigned", code)
    if name == "CUTOFF":
        return Mapped((), "Assigned", "the date of the data cut-off")
    if name == f"{code}SEQ":
        order = ", ".join(domain.order)
        return Mapped((ROWS, *domain.order), "Derived", f"order of {order} within the subject")
    if name.endswith("DY"):
        date = f"{name[:-2]}DTC"
        words = (
            f"days from {first}.RFSTDTC to {date}, which is day 1 itself; no day 0; null for a partial date"
        )
        return Mapped((date, f"{first}.RFSTDTC"), "Derived", words)
    raise KeyError(f"{code}.{name} has no lineage")


def _as_it_stands(study: Study, sources: Iterable[Place]) -> str:
    tables = {**study.forms, **study.restricted}
    return "; ".join(
        f"{label} of the form {table}"
        for _, table, field in sources
        for label in [next(c.label for c in columns(tables[table]) if c.name == field)]
    )


def _analysed(study: Study) -> Iterator[Variable]:
    for name, model in _analysis_models(study).items():
        for column in columns(model):
            yield _analysis_variable(study, name, model, column)
        rows = tuple(_resolved(study, row_sources(model), name.upper()))
        yield Variable(("adam", name, ROWS), rows, "Derived", f"one row per {', '.join(key(model)[1:])}")


def _analysis_variable(study: Study, name: str, model: type[Table], column: Column) -> Variable:
    place = ("adam", name, column.name)
    if column.name == "CUTOFF":
        return Variable(place, (), "Assigned", "the date of the data cut-off")
    if column.name in ("STUDYID", "USUBJID"):
        source = f"{'DM' if name == 'adsl' else 'ADSL'}.{column.name}"
        return Variable(place, (_variable(study, source),), "Predecessor", source)
    if not column.sources and _REFERENCE.fullmatch(column.comment):
        return Variable(place, (_variable(study, column.comment),), "Predecessor", column.comment)
    sources = tuple(dict.fromkeys(_resolved(study, column.sources, name.upper())))
    return Variable(place, sources, "Derived" if sources else "Assigned", column.comment)


def _resolved(study: Study, sources: Iterable[str], dataset: str) -> Iterator[Place]:
    """Places behind sources as they are written; names of study values are replaced by what these read."""
    for source in sources:
        if source == adam.ORIGINS:
            yield from (_variable(study, f"ADSL.{endpoint.start}") for endpoint in study.endpoints)
        elif source == adam.ENDPOINTS:
            for endpoint in study.endpoints:
                yield from _of_endpoint(study, endpoint)
        elif source == adam.LAST_ALIVE:
            for alive in study.last_alive:
                yield from _of_source(study, alive)
        else:
            yield _place(study, source, "adam", dataset)


def _of_endpoint(study: Study, endpoint: Endpoint) -> Iterator[Place]:
    yield _variable(study, f"ADSL.{endpoint.start}")
    for source in (*endpoint.events, *endpoint.competing, *endpoint.censors):
        yield from _of_source(study, source)


def _of_source(study: Study, source: EventSource) -> Iterator[Place]:
    """The date of a source, its imputation flag, its row, and what its filter asks of it or of ADSL."""
    dataset = source.dataset.upper()
    known = names(_model(study, dataset))
    row = ("SRCDOM", "SRCVAR", "SRCSEQ") if "SRCDOM" in known else (f"{dataset[-2:]}SEQ",)
    # ADT is the source's date under the name that its filter may use.
    asked = [
        source.date if name == "ADT" and "ADT" not in known else name
        for name in source.where.meta.root_names()
    ]
    for name in dict.fromkeys((source.date, f"{source.date}F", *row, *asked)):
        if name in known:
            yield _variable(study, f"{dataset}.{name}")
        elif name in names(_model(study, "ADSL")):
            yield _variable(study, f"ADSL.{name}")


def _told(endpoint: Endpoint) -> str:
    """An endpoint in a sentence."""

    def dates(sources: Iterable[EventSource]) -> str:
        return ", ".join(
            f"{(getattr(s, 'of', '') or s.description).lower()} ({s.dataset.upper()}.{s.date})"
            for s in sources
        )

    competing = f"; competing: {dates(endpoint.competing)}" if endpoint.competing else ""
    return (
        f"from {endpoint.start} to the first of: {dates(endpoint.events)}{competing}; else censored at the "
        f"last of: {dates(endpoint.censors)}"
    )


def _place(study: Study, source: str, schema: str, dataset: str) -> Place:
    """A source as it is written, as a place; a bare name is a variable of the dataset itself."""
    if "." not in source:
        return (schema, dataset.lower(), source)
    return _field(study, source) if source[0].islower() else _variable(study, source)


def _field(study: Study, source: str) -> Place:
    form, name = source.split(".")
    return ("restricted" if form in study.restricted else "raw", form, name)


def _variable(study: Study, source: str) -> Place:
    dataset, name = source.split(".")
    schema = "sdtm" if dataset.lower() in {domain.name for domain in study.domains} else "adam"
    return (schema, dataset.lower(), name)


def _model(study: Study, dataset: str) -> type[Table]:
    models = {d.name: d.model for d in study.domains} | _analysis_models(study)
    return models[dataset.lower()]


def _analysis_models(study: Study) -> dict[str, type[Table]]:
    return {dataset.name: dataset.model for dataset in study.datasets}
