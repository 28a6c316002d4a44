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

    def spoil(self, form: str, clean: pl.DataFrame) -> pl.DataFrame:
        """The form as text with its faults, a `_faulty` column beside; sorted by receipt."""
        text = as_text(clean)
        mine = [fault for fault in self.faults if fault.form == form]
        if not mine:
            return text.with_columns(_faulty=pl.lit(False))
        about = self._about(text)
        rows = pl.concat([text, about], how="horizontal")
        free = about["_single"].to_numpy().copy()
        edits = _Edits(form, text)
        fits = {id(fault): self._fits(fault, rows) for fault in mine}
        self._bind(mine, rows["_patient"].to_numpy(), fits, free)

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
            may = rows["_first"].to_numpy() if copied else free
            at = self._pick(fault, rows, np.flatnonzero(fits.pop(id(fault)) & may))
            if not len(at):
                self._without(fault)
                continue
            free[at] = False
            edits.apply(fault, at, rows[at], self._mended(fault, rows[at]))
        self.truth.append(pl.concat([pl.DataFrame(schema=TRUTH), *edits.truth]))
        return edits.result()

    def as_it_came(self, form: str, clean: pl.DataFrame) -> pl.DataFrame:
        """The clean form with the receipt of the records that came late."""
        truth = pl.concat([pl.DataFrame(schema=TRUTH), *self.truth]).filter(FORM=form, HOW="late")
        arrival = dict(truth.select("RECORD", "RIGHT_RECEIVED").iter_rows())
        came = pl.col("record_id").replace_strict(arrival, default=None, return_dtype=pl.String)
        return clean.with_columns(received_dt=pl.coalesce(came.str.to_date("%Y-%m-%d"), "received_dt"))

    def _without(self, fault: Fault) -> None:
        if self.complete:
            raise NoRecordError(f"the fault {fault.name!r} finds no record of {fault.form}")
        self.idle.append(fault.name)

    def _about(self, text: pl.DataFrame) -> pl.DataFrame:
        """Beside each row: the patient's truth, whether it is the only version, its window."""
        received = text["received_dt"].str.to_date("%Y-%m-%d").cast(pl.Int32).to_numpy()
        window = np.full(len(received), -1, np.int8)
        for k, w in enumerate(self.windows):
            window[(received > w.after) & (received <= w.seen)] = k
        seen = np.array([w.seen for w in self.windows] + [NONE])
        original = (pl.col("record_status") == "ORIGINAL") & pl.Series(received <= self.last)
        single = (pl.len().over("record_id") == 1) & original
        return (
            text.select("patient_id", _single=single, _first=original)
            .with_columns(_window=pl.Series(window), _transfer=pl.Series(seen[window].astype(np.int32)))
            .with_columns(_transfer=pl.when(pl.col("_window") >= 0).then("_transfer").cast(pl.Date))
            .join(patients(self.t), on="patient_id", how="left", maintain_order="left")
            .with_columns(_single=pl.col("_single") & pl.col("_patient").is_not_null())
            .drop("patient_id")
        )

    def _fits(self, fault: Fault, rows: pl.DataFrame) -> np.ndarray:
        """The records that the fault may happen to."""
        among = fault.among.fill_null(False)
        if fault.how in ("corrected", "extra", "late"):
            among &= pl.col("_window") >= 0
        fits: np.ndarray = rows.select("_patient", fits=among)["fits"].to_numpy().copy()
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

    def _pick(self, fault: Fault, rows: pl.DataFrame, at: np.ndarray) -> np.ndarray:
        """Which of the records at these positions the fault happens to, in order."""
        chosen = rows[at].select("_patient", "_window", "_eventful")
        patient, window = chosen["_patient"].to_numpy(), chosen["_window"].to_numpy()
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
        order = order[np.argsort(chosen["_eventful"].to_numpy()[order], kind="stable")]
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


def patients(t: Trial) -> pl.DataFrame:
    """What is true of each patient: the columns that a fault may ask for."""
    events = ("pd", "next", "death", "spm")
    rare = [t[name] < NEVER for name in events]
    rare += [t["crossover"], t["ltfu"], np.isin(t["reason1"], ("REFUSAL", "OTHER"))]
    return pl.DataFrame(
        {
            "patient_id": pl.Series(t["patient_id"]).cast(pl.String),
            "_patient": np.arange(len(t["reg"]), dtype=np.int32),
            "_eventful": np.sum(rare, axis=0),
            **{f"_{name}": dates(t[name]) for name in ("reg", "tx", "rand", *events)},
            "_stop": dates(t["stop1"]),
            "_randomised": t["arm"] != NONE,
            "_crossover": t["crossover"],
        }
    )


@dataclass
class _Edits:
    """A form's rows that are replaced or added, and the truth about them."""

    form: str
    text: pl.DataFrame
    gone: list[np.ndarray] = field(default_factory=list)
    added: list[pl.DataFrame] = field(default_factory=list)
    truth: list[pl.DataFrame] = field(default_factory=list)
    _numbers: int = 0

    def __post_init__(self) -> None:
        self._numbers = self.text["record_id"].str.extract(r"(\d+)$").cast(pl.Int64).max() or 0  # type: ignore[assignment]

    def apply(self, fault: Fault, at: np.ndarray, chosen: pl.DataFrame, mended: pl.Series) -> None:
        """Write the fault into the chosen rows (which stand at those positions of the form)."""
        columns = self.text.columns
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

    def result(self) -> pl.DataFrame:
        """The form with its faults, in order of receipt."""
        kept = self.text
        if self.gone:
            stays = np.ones(kept.height, bool)
            stays[np.concatenate(self.gone)] = False
            kept = kept.filter(pl.Series(stays))
        every = pl.concat([kept.with_columns(_faulty=pl.lit(False)), *self.added])
        return every.sort("received_dt", maintain_order=True)
