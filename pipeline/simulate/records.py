"""Records of a form: the header block, when they were completed and received, amended and deleted versions.

What does not belong here: what any particular form says, writing of files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from pipeline.simulate.patients import AE_CUT, CUT1, CUT2, NEVER, NONE, Rng, Trial, day
from schemas.base import names
from schemas.codelists import RECORD_STATUS
from schemas.crf.calgb_100104 import FORM_CODE, FORMS

STUDY = "CALGB-100104"
PREFIX = {
    "registration": "REG", "eligibility": "ELIG", "on_study": "ONS", "induction": "IND", "labs": "LAB",
    "transplant": "TXP", "disease_assessment": "DA", "plasmacytoma": "PLS", "randomization": "RND",
    "treatment_dose": "DOSE", "adverse_events": "AE", "new_primary_cancer": "SPM",
    "spm_questionnaire": "SPMQ", "off_treatment": "OFF", "follow_up": "FU", "subsequent_therapy": "RX",
    "death": "DTH", "crossover": "XO", "unblinding": "UNB", "deviations": "DEV",
}  # fmt: skip

AMENDED, DELETED = 0.04, 0.005

READ_AT = (day("2009-06-30"), CUT1, day("2010-12-31"), CUT2)
"""Days at which somebody may look at the data: no mistaken record is alive on one of them."""
ENTERED_ONCE = ("registration", "randomization")
"""Forms of the central office: no patient is registered twice by mistake."""

STATES = (
    "NC", "MA", "NY", "OH", "IL", "MD", "DC", "VT", "NH", "ME",
    "CA", "MO", "IA", "MN", "VA", "PA", "DE", "NJ", "RI",
)  # fmt: skip

SITE_CODES = tuple(f"{STATES[k % len(STATES)]}{(7 * k) % 90 + 3:03d}" for k in range(47))


def dates(days: np.ndarray) -> pl.Series:
    """Days since 1970 as dates; NEVER is blank."""
    known = pl.Series(np.asarray(days).astype(np.int32))
    return pl.select(pl.when(known < NEVER).then(known)).to_series().cast(pl.Date)


def coded(codes: np.ndarray, words: Sequence[str]) -> pl.Series:
    """The words of the codes; -1 and the empty word are blank."""
    index = pl.Series(np.where(np.asarray(codes) < 0, len(words), codes).astype(np.uint32))
    return pl.Series([w or None for w in (*words, "")], dtype=pl.String).gather(index)


def flag(values: np.ndarray) -> pl.Series:
    """Y or N."""
    return coded(np.where(values, 0, 1), ("Y", "N"))


def decimals(values: np.ndarray, places: int) -> pl.Series:
    """Numbers as text with no more than so many decimals; nan is blank."""
    rounded = pl.Series(np.round(np.asarray(values, float), places))
    text = rounded.cast(pl.Int64, strict=False).cast(pl.String) if places == 0 else rounded.cast(pl.String)
    return pl.select(pl.when(rounded.is_finite()).then(text)).to_series()


def constant(value: str | None, n: int) -> pl.Series:
    """The same text n times."""
    return pl.repeat(value, n, dtype=pl.String, eager=True)


def numbered(letter: str, values: np.ndarray, digits: int) -> pl.Series:
    """Numbers with a letter before them and zeros filled in."""
    return letter + pl.Series(values).cast(pl.String).str.zfill(digits)


def place_of(i: np.ndarray, days: np.ndarray) -> np.ndarray:
    """One number that orders by patient, then by day."""
    out: np.ndarray = i.astype(np.int64) * (NEVER + 1) + days
    return out


def randomised(t: Trial) -> np.ndarray:
    """Positions in order of randomisation."""
    at = np.flatnonzero(t["arm"] != NONE)
    return at[np.argsort(t["seq"][at], kind="stable")]


def due(t: Trial, i: np.ndarray, by: np.ndarray | int) -> np.ndarray:
    """The latest receipt of what a calibrated cut-off must know; no limit in a free trial."""
    out: np.ndarray = np.where(t["seen1"][i] < NEVER, by, NEVER)
    return out


def received(
    rng: Rng,
    t: Trial,
    i: np.ndarray,
    days: np.ndarray,
    *,
    by: np.ndarray | int = NEVER,
    after: np.ndarray | int = 0,
    median: float = 45,
) -> np.ndarray:
    """When a record of what happened on `days` arrives: a long-tailed lag, within (after, by].

    Nothing that happened after a patient's last contact known at a cut-off arrives by that cut-off.
    """
    n = len(i)
    by = np.broadcast_to(by, n)
    out = days + np.clip(np.round(median * np.exp(0.75 * rng.standard_normal(n))), 1, 420).astype(int)
    u = rng.random((2, n))
    out = np.where(out > by, by - np.floor(u[0] * np.minimum(np.maximum(by - days, 0) + 1, 25)), out).astype(
        int
    )
    floor = np.select([days > t["seen2"][i], days > t["seen1"][i]], [CUT2, CUT1], 0)
    floor = np.maximum(floor, after)
    out = np.where(out <= floor, floor + 1 + np.floor(u[1] * np.where(floor == CUT2, 100, 45)), out)
    arrival: np.ndarray = out.astype(int)
    return arrival


def early(rng: Rng, t: Trial, i: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Receipt of the forms of entry: nobody is randomised without them."""
    return received(rng, t, i, days, by=np.where(t["arm"][i] != NONE, t["rand"][i], NEVER))


def records(
    rng: Rng,
    t: Trial,
    form: str,
    i: np.ndarray,
    days: np.ndarray,
    columns: Mapping[str, pl.Series],
    arrival: np.ndarray,
    alterable: Sequence[str] = (),
    peers: np.ndarray | None = None,
    omitted: Sequence[str] = (),
    revised: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """All versions of a form's records, sorted by receipt.

    i, days: patient and last date of each record. columns: the form's own columns. arrival: day of
    receipt. alterable: columns in which 4% of the records were wrong at first and were corrected later;
    the wrong value is that of another record of the same group in `peers` (-1: never altered), or nothing
    for the columns in `omitted`. revised: rows with `row` (position of the record), `arrival` (day of receipt
    of the first version) and columns that replace those of the first version.
    """
    n = len(i)
    completed = days + np.floor(rng.random(n) * (arrival - days + 1)).astype(int)
    final = pl.DataFrame(
        {
            **columns,
            "_i": i.astype(np.int32),
            "_record": np.arange(n, dtype=np.int32),
            "_version": np.ones(n, np.int8),
            "_status": np.zeros(n, np.int8),
            "_completed": completed.astype(np.int32),
            "_received": arrival.astype(np.int32),
        }
    )
    parts = [final]
    if revised is not None and revised.height:
        parts = list(_revised(final, revised))
    if alterable or omitted:
        untouched = parts[0].with_row_index("_at").filter(pl.col("_version") == 1)["_at"].to_numpy()
        if revised is not None and revised.height:
            untouched = untouched[
                ~np.isin(parts[0]["_record"].to_numpy()[untouched], revised["row"].to_numpy())
            ]
        peers = np.zeros(n, int) if peers is None else peers
        untouched = untouched[peers[untouched] >= 0]
        parts = [*_altered(rng, parts[0], untouched, alterable, omitted, peers), *parts[1:]]
    if n >= 100 and form not in ENTERED_ONCE:
        parts.append(_deleted(rng, final, n))
    return _with_header(pl.concat(parts), t, form)


def _revised(final: pl.DataFrame, revised: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """First versions that said something else, and the corrected second versions."""
    at = revised["row"].to_numpy()
    second = pl.Series(np.isin(np.arange(final.height), at))
    first = final[at].with_columns(
        *(revised[name] for name in revised.columns if name not in ("row", "arrival")),
        pl.lit(revised["arrival"]).cast(pl.Int32).alias("_received"),
        pl.min_horizontal("_completed", pl.lit(revised["arrival"]).cast(pl.Int32)).alias("_completed"),
    )
    status = pl.when(second).then(1).otherwise(0).cast(pl.Int8)
    final = final.with_columns(_version=(status + 1).cast(pl.Int8), _status=status)
    return final, first


def _altered(
    rng: Rng,
    final: pl.DataFrame,
    untouched: np.ndarray,
    alterable: Sequence[str],
    omitted: Sequence[str],
    peers: np.ndarray,
) -> list[pl.DataFrame]:
    """The final content with, for a few records, earlier versions that hold another record's value."""
    count = round(AMENDED * len(untouched))
    chosen = rng.permutation(untouched)[:count]
    chosen = chosen[np.argsort(peers[chosen], kind="stable")]
    if len(chosen) < 2:
        return [final]
    wait = rng.integers(20, 240, len(chosen))
    last = final["_received"].to_numpy()[chosen] + wait
    arrives = last <= AE_CUT
    chosen, last, wait = chosen[arrives], last[arrives], wait[arrives]
    thrice = (rng.random(len(chosen)) < 0.12) & (wait > 60)

    def earlier(at: np.ndarray, version: int, day: np.ndarray) -> pl.DataFrame:
        other = np.roll(at, 1)
        wrong = final[np.where(peers[other] == peers[at], other, at)]
        return final[at].with_columns(
            *(wrong[name] for name in alterable),
            *(pl.lit(None, final.schema[name]).alias(name) for name in omitted),
            _version=pl.lit(version, pl.Int8),
            _status=pl.lit(min(version - 1, 1), pl.Int8),
            _received=pl.Series(day.astype(np.int32)),
            _completed=pl.min_horizontal("_completed", pl.Series(day.astype(np.int32))),
        )

    first = final["_received"].to_numpy()[chosen]
    parts = [earlier(chosen, 1, first)]
    if thrice.any():
        parts.append(earlier(chosen[thrice], 2, (first + wait // 2)[thrice]))
    version = np.ones(final.height, np.int8)
    version[chosen] = np.where(thrice, 3, 2)
    day = final["_received"].to_numpy().copy()
    day[chosen] = last
    status = np.zeros(final.height, np.int8)
    status[chosen] = 1
    untouched_frame = final.with_columns(
        _version=pl.when(pl.Series(version) > 1).then(pl.Series(version)).otherwise("_version"),
        _status=pl.when(pl.Series(version) > 1).then(pl.Series(status)).otherwise("_status"),
        _received=pl.Series(day),
    )
    return [untouched_frame, *parts]


def _deleted(rng: Rng, final: pl.DataFrame, n: int) -> pl.DataFrame:
    """Records entered twice by mistake and deleted again, before anybody looked."""
    at = np.sort(rng.permutation(n)[: max(round(DELETED * n), 1)])
    entered = final["_received"].to_numpy()[at] + rng.integers(0, 30, len(at))
    gone = entered + rng.integers(4, 50, len(at))
    for cut in READ_AT:
        across = (entered <= cut) & (gone > cut)
        shift = np.where(across, cut + 1 - entered, 0)
        entered, gone = entered + shift, gone + shift
    keep = gone <= AE_CUT
    at, entered, gone = at[keep], entered[keep], gone[keep]
    record = np.arange(n, n + len(at)).astype(np.int32)
    pair = [
        final[at].with_columns(
            _record=pl.Series(record),
            _version=pl.lit(version, pl.Int8),
            _status=pl.lit(2 * (version - 1), pl.Int8),
            _received=pl.Series(day.astype(np.int32)),
        )
        for version, day in ((1, entered), (2, gone))
    ]
    return pl.concat(pair)


def _with_header(frame: pl.DataFrame, t: Trial, form: str) -> pl.DataFrame:
    """The form's columns in their order, record numbers in order of first receipt."""
    first = frame.group_by("_record", maintain_order=True).agg(pl.col("_received").min())
    first = first.sort("_received", "_record").with_row_index("_number", offset=1)
    frame = frame.join(first.select("_record", "_number"), on="_record", how="left", maintain_order="left")
    frame = frame.sort("_received", "_number", "_version")
    i = frame["_i"].to_numpy()
    digits = frame["_number"].cast(pl.String).str.zfill(6)
    site, status = pl.Series(t["site"][i]), frame["_status"]
    header = {
        # Enumerations and numbers print as the text they stand for, in a fraction of its memory.
        "study_id": pl.repeat(STUDY, len(i), dtype=pl.Enum([STUDY]), eager=True),
        "patient_id": pl.Series(t["patient_id"][i].astype(np.int32)),
        "site_code": pl.Series(SITE_CODES, dtype=pl.Enum(SITE_CODES)).gather(site),
        "form_code": pl.repeat(FORM_CODE[form], len(i), dtype=pl.Enum([FORM_CODE[form]]), eager=True),
        "record_id": PREFIX[form] + "-" + digits,
        "record_version": frame["_version"],
        "record_status": pl.Series(RECORD_STATUS, dtype=pl.Enum(RECORD_STATUS)).gather(status),
        "completed_dt": frame["_completed"].cast(pl.Date),
        "received_dt": frame["_received"].cast(pl.Date),
    }
    return frame.with_columns(**header).select(names(FORMS[form]))
