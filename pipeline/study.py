"""The vocabulary in which a trial is described: frozen values that generic code reads.

What does not belong here: anything about one particular trial (see `pipeline/studies/`), and any
computation on patients.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from schemas.base import Table, blinded

Frames = Mapping[str, pl.DataFrame]
AnyFrames = Mapping[str, pl.DataFrame | pl.LazyFrame]
"""Frames that may be lazy: a large one stays on the disk but for what is asked of it."""
DAYS_PER_MONTH = 30.4375
LEVEL_SEPARATOR = " / "
"""Stands in a LEVEL of the results between the values of several variables."""


@dataclass(frozen=True)
class Arm:
    """A treatment group: `code` in our results (LEN), `name` in DM.ARM and TRT01P, `number` in TRT01PN."""

    code: str
    name: str
    number: int


@dataclass(frozen=True)
class Stratum:
    """A stratification factor: the variable as randomised, as verified, and its levels in words."""

    name: str
    randomised: str
    verified: str
    levels: Mapping[str, str]


@dataclass(frozen=True)
class CutOff:
    """A data cut-off: a record counts if it was RECEIVED by `date`.

    `by_form` gives forms that are cut on another date. A form in neither `by_form` nor the study's
    `cut_rules` stops the run.
    """

    date: dt.date
    title: str
    by_form: Mapping[str, dt.date] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The partition key: the date in ISO 8601."""
        return self.date.isoformat()


@dataclass(frozen=True)
class CutRule:
    """How one form is cut.

    rule: `received` (newest version received by the date), `latest` (a list delivered whole each time: the
    newest issue by the date) or `reference` (kept whole).
    """

    form: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Mapped:
    """Where a tabulation variable comes from: fields (`form.field`) or variables (`LB.LBORRES`), and how.

    origin: as Define-XML 2.1 names it. words: the derivation in a sentence; empty for a field as it stands.
    """

    sources: tuple[str, ...]
    origin: Literal["Collected", "Derived", "Assigned", "Protocol"]
    words: str = ""


@dataclass(frozen=True)
class Domain:
    """One tabulation dataset: which forms it reads and how; `order` is the sort that gives --SEQ.

    lineage: where each variable comes from. rows: the fields that decide which rows there are, where not each
    record has one.
    """

    name: str
    model: type[Table]
    forms: tuple[str, ...]
    build: Callable[[Frames], pl.DataFrame]
    order: tuple[str, ...]
    lineage: Mapping[str, Mapped] = field(default_factory=dict)
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """One analysis dataset: its shape, what it reads, and the pure function that derives it.

    A study's first is its subject level, derived as `derive(study, frames, cut_off)`; the others as
    `derive(study, frames, adsl, cut_off)`. reads: names of tabulation and earlier analysis datasets. large:
    what it reads of the tabulation stays on the disk, because together it may not fit into memory.
    """

    name: str
    model: type[Table]
    derive: Callable[..., pl.DataFrame]
    reads: tuple[str, ...]
    large: bool = False


@dataclass(frozen=True)
class EventSource:
    """Where an event may come from: rows of `dataset` that pass `where`, dated by `date`.

    `dataset` is a name of a tabulation or analysis dataset (`ds`, `adrs`); `where` may also use any
    column of ADSL. `date` is a date variable or an ISO 8601 --DTC variable (imputed to its first day).
    """

    dataset: str
    where: pl.Expr
    date: str
    description: str


@dataclass(frozen=True)
class CensorSource(EventSource):
    """Where a censoring date may come from: `cnsr` is the reason's code (1, 2, ...), `of` names the date."""

    cnsr: int = 1
    of: str = ""


@dataclass(frozen=True)
class Endpoint:
    """A time-to-event parameter as a value; one engine (`derive.adtte`) reads it.

    The earliest event wins, on the same day the one declared first; without an event the latest
    censoring date wins, on the same day the one declared first. `competing` events end follow-up
    too, with their own codes in `competing_codes`.
    """

    paramcd: str
    param: str
    start: str
    events: tuple[EventSource, ...]
    censors: tuple[CensorSource, ...]
    competing: tuple[CensorSource, ...] = ()

    @property
    def sources(self) -> tuple[EventSource, ...]:
        """Every source of an event or a censoring date."""
        return (*self.events, *self.censors, *self.competing)


@dataclass(frozen=True)
class Analysis:
    """One analysis as a value: a METHODS name, the data it takes and its options; it yields rows of results.

    `where` selects the population's rows of `dataset` (joined with ADSL); `options` go to the method. The
    option `arms` names the arms it is about (codes), where these are not all of the study.
    """

    id: str
    method: str
    endpoint: str
    dataset: str = "adtte"
    population: str = "ITT"
    where: pl.Expr | None = None
    output: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


TURNED_AWAY = {"FORM": pl.String, "RECORD": pl.String, "VERSION": pl.Int64}


@dataclass(frozen=True)
class Seen:
    """The forms as they stood on a day, for edit checks.

    forms: the current records of each form (newest version received by `date`, not deleted), as accepted,
    with FILE and LINE. versions: every accepted version received by `date`. A restricted file is among
    them only where arms may be known. turned_away: FORM, RECORD and VERSION of what was delivered by then
    and not accepted, as far as that can be read.
    """

    date: dt.date
    forms: Mapping[str, pl.LazyFrame]
    versions: Mapping[str, pl.LazyFrame]
    turned_away: pl.LazyFrame = field(default_factory=lambda: pl.LazyFrame(schema=TURNED_AWAY))
    _made: dict[Callable[[Seen], pl.DataFrame], pl.DataFrame] = field(default_factory=dict, repr=False)

    def once(self, make: Callable[[Seen], pl.DataFrame]) -> pl.DataFrame:
        """`make(self)`, made by the first check that asks and kept for the others."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]


@dataclass(frozen=True)
class EditCheck:
    """One edit check as a value: what must hold, and what is done where it does not.

    id, rule, severity: as in the trial's data validation plan; `reject` keeps a record out of every
    cut-off, `query` asks the site, `warn` is counted. ask: the question to the site. door: rules at the
    door (patterns of a finding's RULE, optionally `form:`) that are this check. find: from the forms as
    they stood to the records that break the rule (the columns of `pipeline.edit_checks.FOUND`).
    needs_arms: it can only be asked where arms may be known.
    """

    id: str
    forms: tuple[str, ...]
    rule: str
    severity: Literal["reject", "query", "warn"]
    ask: str
    find: Callable[[Seen], pl.LazyFrame] | None = None
    door: tuple[str, ...] = ()
    needs_arms: bool = False


@dataclass(frozen=True)
class Conduct:
    """Which forms tell how the trial is run: registrations, randomisations, the log of forms that are due.

    A form is overdue or late when it is not there, or came, more than so many days after it was due.
    """

    registered: str
    randomised: str
    form_log: str
    overdue_after: int
    late_after: int


@dataclass(frozen=True)
class ResultDisplay:
    """A main table or figure in the results metadata: the OUTPUT of its analyses, and why they are made.

    reason, purpose: in the words of Analysis Results Metadata 1.0.
    """

    output: str
    reason: str
    purpose: str


@dataclass(frozen=True)
class View:
    """A question asked often, kept in the warehouse as a view: `schema.name`, what a row is, its SELECT.

    `columns` names every column of the answer, in order, with its label; a view that answers other
    columns is refused.
    """

    schema: str
    name: str
    label: str
    columns: Mapping[str, str]
    sql: str


@dataclass(frozen=True)
class ReleaseRecord:
    """What says that treatments may be known: a current row of `form` that passes `where`, dated `date`."""

    form: str
    where: pl.Expr
    date: str


@dataclass(frozen=True)
class Outputs:
    """What is computed at a cut-off and shown: analyses, figures, tables (displays), listings, report."""

    analyses: tuple[Analysis, ...]
    figures: tuple[Any, ...] = ()
    displays: tuple[Any, ...] = ()
    listings: tuple[Any, ...] = ()
    report: Any = None


@dataclass(frozen=True)
class PlannedCourse:
    """How a trial was expected to run, for its design and for no result; times in months.

    patients: randomised, entering evenly for `accrual`. control_median: of the time to the test's event in
    the control group. dropout: share lost in a year after randomisation. lost_before: share of the registered
    who are never randomised. late: where an effect is supposed to set in late, after how long. sources: where
    each value is from.
    """

    patients: int
    accrual: float
    control_median: float
    dropout: float
    lost_before: float
    late: float
    sources: Mapping[str, str]


@dataclass(frozen=True)
class MonitoringPlan:
    """How a trial is monitored: by a one-sided group-sequential log-rank test for the study's first arm.

    looks: the reviews, cut-offs before the unblinding. endpoint: its PARAMCD. design: what
    `pipeline.stats.sequential.logrank_design` takes; it gives the planned events, and information is the
    share of them so far. course: how the trial was expected to run. futility: the function that spends the
    type II error at the looks, never binding. first_information: reviews begin with it. open: what everybody
    may see while treatments are blinded, pooled. closed: what the monitoring board sees, given the codes that
    stand for the arms (by Arm.code) and how many looks there have been. allocation: RANDNUM, ARM and CODE out
    of the restricted files.
    """

    looks: tuple[CutOff, ...]
    endpoint: str
    design: Mapping[str, Any]
    course: PlannedCourse
    futility: Any
    first_information: float
    open: Outputs
    closed: Callable[[Mapping[str, str], int], Outputs]
    allocation: Callable[[Frames], pl.DataFrame]


@dataclass(frozen=True)
class Study:
    """Everything particular to one trial, as one value.

    note: what the data are; it stands on the report, the warehouse and the manifests. block_size, conduct,
    published: None where the trial has no blocks, no log of forms, no printed numbers to compare with.
    records: by form, the fields that decide which of its records count, beside the header of every form.
    second_road: SQL scripts in order that derive datasets again, each the one of its name; third_road: the
    folder of the scripts in R (`pipeline.qc`).
    """

    id: str
    name: str
    title: str
    note: str
    folder: Path
    arms: tuple[Arm, ...]
    unblinding: dt.date
    cut_offs: tuple[CutOff, ...]
    cut_rules: tuple[CutRule, ...]
    forms: Mapping[str, type[Table]]
    domains: tuple[Domain, ...]
    datasets: tuple[Dataset, ...]
    endpoints: tuple[Endpoint, ...]
    analyses: tuple[Analysis, ...]
    figures: tuple[Any, ...]
    displays: tuple[Any, ...]
    report: Any
    listings: tuple[Any, ...] = ()
    views: tuple[View, ...] = ()
    strata: tuple[Stratum, ...] = ()
    block_size: int | None = None
    form_codes: Mapping[str, str] = field(default_factory=dict)
    restricted: Mapping[str, type[Table]] = field(default_factory=dict)
    last_alive: tuple[CensorSource, ...] = ()
    conduct: Conduct | None = None
    published: Path | None = None
    edit_checks: tuple[EditCheck, ...] = ()
    monitoring: MonitoringPlan | None = None
    release: ReleaseRecord | None = None
    records: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    result_displays: tuple[ResultDisplay, ...] = ()
    second_road: tuple[Path, ...] = ()
    third_road: Path | None = None

    @property
    def looks(self) -> tuple[CutOff, ...]:
        """The cut-offs of the monitoring board's reviews, in order."""
        return self.monitoring.looks if self.monitoring else ()

    @property
    def all_cut_offs(self) -> tuple[CutOff, ...]:
        """Looks and cut-offs, in order."""
        return (*self.looks, *self.cut_offs)

    def cut_off(self, id: str) -> CutOff:
        """The cut-off or look of that partition key; KeyError names the known ones."""
        for cut_off in self.all_cut_offs:
            if cut_off.id == id:
                return cut_off
        known = ", ".join(cut_off.id for cut_off in self.all_cut_offs)
        raise KeyError(f"{id} is not a cut-off of {self.id}; there are {known}")

    def arms_of(self, analysis: Analysis) -> tuple[Arm, ...]:
        """The arms an analysis is about, first to second: its option `arms`, else all of the study."""
        codes = analysis.options.get("arms")
        if codes is None:
            return self.arms
        of_code = {arm.code: arm for arm in self.arms}
        return tuple(of_code[code] for code in codes)

    def is_blinded(self, cut_off: CutOff) -> bool:
        """Whether nobody but the monitoring board may know treatments at this cut-off."""
        return cut_off.date < self.unblinding

    def showing(self, outputs: Outputs) -> Study:
        """The study with these analyses, figures, tables and this report in place of its own."""
        return replace(self, **{f.name: getattr(outputs, f.name) for f in fields(Outputs)})

    def at(self, cut_off: CutOff) -> Study:
        """The study as everybody may see it at a cut-off: while blinded, with the open outputs only."""
        if not self.is_blinded(cut_off):
            return self
        return self.showing(self.monitoring.open if self.monitoring else Outputs(analyses=()))

    def shape(self, model: type[Table], cut_off: CutOff) -> type[Table]:
        """The table as this cut-off may have it: without what tells treatments while they are blinded."""
        return blinded(model) if self.is_blinded(cut_off) else model
