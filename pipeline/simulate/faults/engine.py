"""The engine that puts faults into the forms of a made-up trial and keeps the truth about them.

Forms come one after another, as they are filled in, and leave as text. What does not belong here: any
particular fault (`cells`, `entry`, `findings`, `treatment`), habits of sites (`cells`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipeline.simulate.faults import Fault
from pipeline.simulate.patients import AE_CUT, CUT1, CUT2, NEVER, NONE, Trial, stream
from pipeline.simulate.records import PREFIX, dates
from pipeline.simulate.transfers import as_text

TRUTH = {
    "FORM": pl.String,
    "RECORD": pl.String,
    "VERSION": pl.Int64,
    "PATIENT": pl.String,
    "SITE": pl.String,
    "COLUMN": pl.String,
    "WRITTEN": pl.String,
    "TRUE": pl.String,
    "CHECK": pl.String,
    "KIND": pl.String,
    "HOW": pl.String,
    "WRONG_RECEIVED": pl.String,
    "RIGHT_RECEIVED": pl.String,
}
"""One row per wrong cell. PATIENT and SITE as they truly are; CHECK is blank where the text must be read as
meant, TRUE where the record should not be there at all; FORM and RECORD are blank for a site's habit."""

RANDOMISED = 460
"""The size of trial that a fault's count is given for."""

EVENTS = ("pd", "next", "death", "spm")
CUT_OFFS = (CUT1, CUT2, AE_CUT)
EPOCH = dt.date(1970, 1, 1)


class NoRecordError(ValueError):
    """A fault finds no record that it may happen to."""


@dataclass(frozen=True)
class Window:
    """Received in (after, seen] a record is first seen at that transfer, its correction comes by the next."""

    after: int
    seen: int
    mended: int


def in_days(date: dt.date) -> int:
    """Days since 1970-01-01."""
    return (date - EPOCH).days


def windows(transfer_dates: Sequence[dt.date]) -> list[Window]:
    """The transfers at which something wrong may stand and be right by the next, seen by no cut-off."""
    days = [in_days(date) for date in sorted(transfer_dates)]
    found = [Window(*three) for three in zip([0, *days], days, days[1:], strict=False)]
    return [w for w in found if not any(w.after < cut < w.mended for cut in CUT_OFFS)]


@dataclass
class Engine:
    """Puts `faults` into forms; `truth` grows with every form, `idle` holds the names that found no record.

    last: the day of the last transfer. complete: a fault that finds no record is an error.
    """

    t: Trial
    seed: int
    faults: Sequence[Fault]
    windows: Sequence[Window]
    last: int
    complete: bool
    truth: list[pl.DataFrame] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    _taken: np.ndarray | None = None
    _happened: dict[str, np.ndarray] = field(default_factory=dict)

    def spoil(self, form: str, clean: pl.DataFrame) -> Spoiled:
        """The form with its faults."""
        mine = [fault for fault in self.faults if fault.form == form]
        if not mine:
            return Spoiled(clean, np.ones(clean.height, bool), None)
        about = self._about(clean)
        # Typed and lazy: a form stands in memory as text only where it is looked at.
        rows = (
            pl.concat([clean, about], how="horizontal")
            .lazy()
            .with_columns(pl.col(clean.columns).cast(pl.String))
            .join(patients(self.t).lazy(), on="_patient", how="left", maintain_order="left")
        )
        free, patient = about["_single"].to_numpy().copy(), about["_patient"].to_numpy()
        edits = _Edits(form, clean)
        fits = {id(fault): self._fits(fault, rows) for fault in mine}
        self._bind(mine, patient, fits, free)

        fewest: dict[str, int] = {}
        for fault in mine:
            count = int((fits[id(fault)] & free).sum())
            fewest[fault.name] = min(count, fewest.get(fault.name, count))

        def turn(fault: Fault) -> tuple[bool, bool, int, str]:
            """Bound to patients already; not a rate; of few records; together with those of its name."""
            rate = isinstance(fault.share, float)
            return fault.name not in self._happened, rate, fewest[fault.name], fault.name

        mine.sort(key=turn)
        for fault in mine:
            # Of a record with several versions, too, the first may be copied.
            copied = fault.name in self._happened and fault.how == "extra"
            may = about["_first"].to_numpy() if copied else free
            at = self._pick(fault, about, np.flatnonzero(fits.pop(id(fault)) & may))
            if not len(at):
                self._without(fault)
                continue
            free[at] = False
            chosen = _text(pl.concat([clean[at], about[at]], how="horizontal"), clean.columns)
            chosen = chosen.join(patients(self.t), on="_patient", how="left", maintain_order="left")
            edits.apply(fault, at, chosen, self._mended(fault, chosen))
        self.truth.append(pl.concat([pl.DataFrame(schema=TRUTH), *edits.truth]))
        return edits.result()

    def as_it_came(self, form: str, clean: pl.DataFrame) -> pl.DataFrame:
        """The clean form with the receipt of the records that came late."""
        truth = pl.concat([pl.DataFrame(schema=TRUTH), *self.truth]).filter(FORM=form, COLUMN="received_dt")
        arrival = dict(truth.select("RECORD", "WRITTEN").iter_rows())
        came = pl.col("record_id").replace_strict(arrival, default=None, return_dtype=pl.String)
        return clean.with_columns(received_dt=pl.coalesce(came.str.to_date("%Y-%m-%d"), "received_dt"))

    def _without(self, fault: Fault) -> None:
        if self.complete:
            raise NoRecordError(f"the fault {fault.name!r} finds no record of {fault.form}")
        self.idle.append(fault.name)

    def _about(self, clean: pl.DataFrame) -> pl.DataFrame:
        """Beside each row: patient (-1: none), whether it is the only or the first version, window."""
        received = clean["received_dt"].to_physical().to_numpy()
        window = np.full(len(received), -1, np.int8)
        for k, w in enumerate(self.windows):
            window[(received > w.after) & (received <= w.seen)] = k
        seen = np.array([w.seen for w in self.windows] + [NEVER])
        order = np.argsort(self.t["patient_id"])
        of_patient = pl.DataFrame(
            {"patient_id": self.t["patient_id"][order].astype(np.int64), "_patient": order.astype(np.int32)}
        )
        original = (pl.col("record_status").cast(pl.String) == "ORIGINAL") & pl.Series(received <= self.last)
        known = pl.col("_patient") >= 0
        return (
            clean.select(
                pl.col("patient_id").cast(pl.Int64),
                _window=pl.Series(window),
                _transfer=dates(seen[window]),
                _first=original,
                _single=(pl.len().over("record_id") == 1) & original,
            )
            .join(of_patient, on="patient_id", how="left", maintain_order="left")
            .with_columns(pl.col("_patient").fill_null(-1))
            .with_columns(_first=pl.col("_first") & known, _single=pl.col("_single") & known)
            .drop("patient_id")
        )

    def _fits(self, fault: Fault, rows: pl.LazyFrame) -> np.ndarray:
        """The records that the fault may happen to."""
        among = fault.among.fill_null(False)
        if fault.how in ("corrected", "extra", "late"):
            among &= pl.col("_window") >= 0
        told = rows.select("_patient", fits=among).collect(engine="in-memory")
        fits: np.ndarray = told["fits"].to_numpy().copy()
        return fits

    def _bind(
        self, faults: Sequence[Fault], patient: np.ndarray, fits: dict[int, np.ndarray], free: np.ndarray
    ) -> None:
        """Counted faults of one name in one form keep the patients who have a record for each of them."""
        by_name: dict[str, list[np.ndarray]] = {}
        for fault in faults:
            if not isinstance(fault.share, float):
                by_name.setdefault(fault.name, []).append(fits[id(fault)])
        for masks in by_name.values():
            for other in masks if len(masks) > 1 else ():
                has = np.isin(patient, patient[other & free])
                for mask in masks:
                    mask &= has

    def _pick(self, fault: Fault, about: pl.DataFrame, at: np.ndarray) -> np.ndarray:
        """Which of the records at these positions the fault happens to, in order."""
        patient, window = about["_patient"].to_numpy()[at], about["_window"].to_numpy()[at]
        together = self._happened.get(fault.name)
        if together is not None:
            same = np.flatnonzero(np.isin(patient, together))
            first: np.ndarray = at[same[_first(patient[same])]]
            return first
        if self._taken is None:
            self._taken = np.zeros((len(self.t["reg"]), max(len(self.windows), 1)), bool)
        lasting = fault.how in ("standing", "repeated")
        occupied = self._taken[patient].any(axis=1) if lasting else self._taken[patient, window]
        order = stream(self.seed, f"fault {fault.form} {fault.name}").permutation(np.flatnonzero(~occupied))
        if isinstance(fault.share, float):
            return np.sort(at[order[: round(fault.share * len(at))]])
        # Rare patients (dead, crossed over, ...) are kept for the faults that need them.
        order = order[np.argsort(_eventful(self.t)[patient[order]], kind="stable")]
        order = order[_first(patient[order])]
        randomised = int((self.t["arm"] != NONE).sum())
        order = order[: max(fault.share, round(fault.share * randomised / RANDOMISED))]
        if fault.check is not None:
            self._taken[patient[order], slice(None) if lasting else window[order]] = True
        self._happened[fault.name] = patient[order]
        return np.sort(at[order])

    def _mended(self, fault: Fault, chosen: pl.DataFrame) -> pl.Series:
        """The day on which what is right arrives, in the transfer after the one that sees the fault."""
        rng = stream(self.seed, f"mended {fault.form} {fault.name}")
        first = np.array([w.seen + 1 for w in self.windows] or [0])[chosen["_window"].to_numpy()]
        last = np.array([w.mended for w in self.windows] or [0])[chosen["_window"].to_numpy()]
        day = first + np.floor(rng.random(len(first)) * np.minimum(last - first + 1, 150)).astype(int)
        return dates(day).cast(pl.String)


def _first(values: np.ndarray) -> np.ndarray:
    """Positions at which a value stands for the first time, in order."""
    positions: np.ndarray = np.sort(np.unique(values, return_index=True)[1])
    return positions


def _text(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    return frame.with_columns(pl.col(columns).cast(pl.String))


def _eventful(t: Trial) -> np.ndarray:
    """How many rare things happened to each patient."""
    rare = [t[name] < NEVER for name in EVENTS]
    rare += [t["crossover"], t["ltfu"], np.isin(t["reason1"], ("REFUSAL", "OTHER"))]
    counts: np.ndarray = np.sum(rare, axis=0)
    return counts


def patients(t: Trial) -> pl.DataFrame:
    """What is true of each patient: the columns that a fault may ask for."""
    return pl.DataFrame(
        {
            "_patient": np.arange(len(t["reg"]), dtype=np.int32),
            **{f"_{name}": dates(t[name]) for name in ("reg", "tx", "rand", *EVENTS)},
            "_stop": dates(t["stop1"]),
            "_randomised": t["arm"] != NONE,
            "_crossover": t["crossover"],
        }
    )


@dataclass(frozen=True)
class Spoiled:
    """A form with its faults: the clean rows that stay, and text that is added (with `_faulty`)."""

    clean: pl.DataFrame
    stays: np.ndarray
    added: pl.DataFrame | None

    def received(self, after: dt.date, until: dt.date) -> pl.DataFrame:
        """What was received after the one day up to the other, as text, in order of receipt.

        Rows in which a fault with a check wrote something are marked in `_faulty`.
        """
        came = pl.col("received_dt")
        kept = self.clean.filter(pl.Series(self.stays) & (came > after) & (came <= until))
        text = as_text(kept).with_columns(_faulty=pl.lit(False))
        if self.added is None:
            return text
        added = self.added.filter(came > after.isoformat(), came <= until.isoformat())
        return pl.concat([text, added]).sort("received_dt", maintain_order=True)


@dataclass
class _Edits:
    """A form's rows that are replaced or added, and the truth about them."""

    form: str
    clean: pl.DataFrame
    gone: list[np.ndarray] = field(default_factory=list)
    added: list[pl.DataFrame] = field(default_factory=list)
    truth: list[pl.DataFrame] = field(default_factory=list)
    _numbers: int = 0

    def __post_init__(self) -> None:
        numbers = self.clean["record_id"].str.extract(r"(\d+)$").cast(pl.Int64)
        self._numbers = numbers.to_numpy().max()

    def apply(self, fault: Fault, at: np.ndarray, chosen: pl.DataFrame, mended: pl.Series) -> None:
        """Write the fault into the chosen rows (which stand at those positions of the form)."""
        columns = self.clean.columns
        right = chosen.select(columns)
        wrong = chosen.with_columns(expression.alias(name) for name, expression in fault.writes.items())
        wrong = wrong.select(pl.col(columns).cast(pl.String))
        # What a fault with a check wrote stays in standard units; a copy is written as its original.
        written = set(fault.writes) - {"record_id"}
        faulty = pl.lit(fault.check is not None and bool(written)).alias("_faulty")
        match fault.how:
            case "corrected":
                amended = {"record_version": pl.lit("2"), "record_status": pl.lit("AMENDED")}
                parts = [wrong, right.with_columns(**amended, received_dt=mended)]
            case "late":
                parts = [right.with_columns(received_dt=mended)]
            case "standing":
                parts = [wrong]
            case "extra" | "repeated":
                if "record_id" not in fault.writes:
                    wrong = wrong.with_columns(record_id=self._new_ids(len(at)))
                version = (pl.col("record_version").cast(pl.Int64) + 1).cast(pl.String)
                deleted = {"record_version": version, "record_status": pl.lit("DELETED")}
                parts = [wrong]
                if fault.how == "extra":
                    parts.append(wrong.with_columns(**deleted, received_dt=mended))
        if fault.how in ("corrected", "late", "standing"):
            self.gone.append(at)
        self.added += [part.with_columns(faulty) for part in parts]
        self._note(fault, wrong, right, mended)

    def _new_ids(self, n: int) -> pl.Series:
        numbers = pl.Series(np.arange(self._numbers + 1, self._numbers + 1 + n))
        self._numbers += n
        return PREFIX[self.form] + "-" + numbers.cast(pl.String).str.zfill(6)

    def _note(self, fault: Fault, wrong: pl.DataFrame, right: pl.DataFrame, mended: pl.Series) -> None:
        further = fault.how in ("extra", "repeated")
        ends = fault.how in ("corrected", "extra", "late")
        none = pl.lit(None, pl.String)
        about = pl.DataFrame(
            {
                "RECORD": wrong["record_id"] if further else right["record_id"],
                "VERSION": wrong["record_version"].cast(pl.Int64, strict=False),
                "PATIENT": right["patient_id"],
                "SITE": right["site_code"],
                "WRONG_RECEIVED": right["received_dt"] if fault.how == "late" else wrong["received_dt"],
                "RIGHT_RECEIVED": mended,
            }
        ).with_columns(
            FORM=pl.lit(self.form),
            CHECK=pl.lit(fault.check, pl.String),
            KIND=pl.lit(fault.name),
            HOW=pl.lit(fault.how),
            RIGHT_RECEIVED=pl.col("RIGHT_RECEIVED") if ends else none,
        )
        empty = pl.Series([None] * len(wrong), dtype=pl.String)
        cells: list[tuple[str | None, pl.Series, pl.Series]] = [(None, empty, empty)]
        if fault.how == "late":
            cells = [("received_dt", mended, right["received_dt"])]
        elif named := [name for name in fault.writes if name != "record_id"]:
            cells = [(name, wrong[name], right[name]) for name in named]
        for name, written, true in cells:
            part = about.with_columns(
                COLUMN=pl.lit(name, pl.String), WRITTEN=written, TRUE=empty if further else true
            )
            changed = pl.lit(name is None) | pl.col("WRITTEN").ne_missing(true)
            self.truth.append(part.filter(changed).select(*TRUTH))

    def result(self) -> Spoiled:
        """The form with what was done to it."""
        stays = np.ones(self.clean.height, bool)
        for at in self.gone:
            stays[at] = False
        return Spoiled(self.clean, stays, pl.concat(self.added) if self.added else None)
