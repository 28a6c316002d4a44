"""What is calibrated: the trial's plan (TOML) and the figures its twin is to have (CSV), read and checked.

docs/calibration.md explains the keys of both files. What does not belong here: how a figure is found.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class CalibrationError(ValueError):
    """The plan or a target cannot be used; the message names file, place, value and rule."""


@dataclass(frozen=True)
class Stratum:
    """A stratum of the randomisation: its factors' values, and its patients per arm."""

    name: str
    factors: Mapping[str, str]
    patients: tuple[int, ...]


@dataclass(frozen=True)
class Deal:
    """How many patients with these values (of arm, factor or earlier label) have which value of a label."""

    where: Mapping[str, str]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Label:
    """A characteristic dealt to patients; windows: value -> (event, days after entry by which it happens)."""

    name: str
    deals: tuple[Deal, ...]
    windows: Mapping[str, tuple[str, int]]


@dataclass(frozen=True)
class Event:
    """An event with a date; months: a first guess of its median per arm, counted from entry.

    after: median months from another event to this one. ends: nothing follows it (death). marks: instead of a
    guess, the patients who have it, with what it was: (values of the mark's columns, patients per arm).
    """

    name: str
    months: tuple[float, ...] = ()
    after: Mapping[str, float] = field(default_factory=dict)
    ends: bool = False
    mark_columns: tuple[str, ...] = ()
    marks: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """Time to the first of some events, from the origin or from entry; the events' order breaks ties."""

    name: str
    events: tuple[str, ...]
    from_entry: bool = False


@dataclass(frozen=True)
class CutOff:
    """A data cut-off: days before it at which patients were last seen (least, most), and the most allowed."""

    date: dt.date
    lag: tuple[int, int]
    longest_lag: int

    @property
    def id(self) -> str:
        return self.date.isoformat()


@dataclass(frozen=True)
class Crossover:
    """Patients of an arm who change treatment: event-free at a cut-off and for some days after it."""

    arm: str
    cut_off: str
    days: int
    patients: int


@dataclass(frozen=True)
class Trial:
    """A trial as its report describes it. The first arm is the experimental one, the second its control."""

    id: str
    arms: tuple[str, str]
    entry: str
    first: dt.date
    last: dt.date
    shape: tuple[float, float]
    block: int
    origin: str
    origin_days: tuple[int, int]
    origin_mean: float
    strata: tuple[Stratum, ...]
    labels: tuple[Label, ...]
    events: tuple[Event, ...]
    endpoints: tuple[Endpoint, ...]
    cut_offs: tuple[CutOff, ...]
    lost: float
    crossover: Crossover | None

    @property
    def patients(self) -> int:
        """How many are randomised."""
        return sum(sum(stratum.patients) for stratum in self.strata)


@dataclass(frozen=True)
class Target:
    """One printed number. figure: what is printed together; of: landmark month, cause, factor or mark."""

    line: int
    figure: str
    cut_off: str
    endpoint: str
    group: str
    statistic: str
    of: str
    printed: str

    def __str__(self) -> str:
        words = self.cut_off, self.endpoint, self.group, self.statistic, self.of
        return f"line {self.line}: {' '.join(word for word in words if word)} = {self.printed}"

    @property
    def interval(self) -> tuple[float, float]:
        """The values that print so, from (included) to (excluded), in the printed unit; NR: from infinity."""
        text = self.printed
        if text == NOT_REACHED:
            return math.inf, math.inf
        try:
            if text.startswith("<"):
                return -math.inf, float(text[1:])
            half = 0.5 * 10.0 ** -len(text.partition(".")[2])
            return float(text) - half, float(text) + half
        except ValueError:
            raise CalibrationError(f"{self}: {text!r} is no printed number") from None


NOT_REACHED = "NR"
TARGET_COLUMNS = ("figure", "cut_off", "endpoint", "group", "statistic", "of", "printed")

STATISTICS = {
    "events": "group",
    "event_free": "group",
    "median": "group",
    "rate": "group",
    "rate_lower": "group",
    "rate_upper": "group",
    "reverse_km": "all",
    "observed": "all",
    "hr": "comparison",
    "hr_lower": "comparison",
    "hr_upper": "comparison",
    "p": "comparison",
    "p_interaction": "comparison",
    "p_gray": "comparison",
    "marked": "event",
    "onset_median": "event",
    "onset_min": "event",
    "onset_max": "event",
    "months_to_entry": "plan",
    "crossed_over": "plan",
}
"""Each statistic and what it is of: an arm, all patients, arm against arm, an event's dates, or the plan."""


def read_trial(path: Path) -> Trial:
    """The plan of a trial from a TOML file; CalibrationError names the key at fault."""
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CalibrationError(f"{path}: there is no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: {error}") from None
    try:
        trial = _trial(plan)
        _check(trial)
    except KeyError as error:
        raise CalibrationError(f"{path}: the key {error} is missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise CalibrationError(f"{path}: {error}") from None
    return trial


def _trial(plan: Mapping[str, Any]) -> Trial:
    arms = tuple(plan["arms"])
    entry, origin, crossover = plan["entry"], plan.get("origin"), plan.get("crossover")
    return Trial(
        id=plan["id"],
        arms=(arms[0], arms[1]) if len(arms) == 2 else _wrong(f"arms {arms}: there must be two"),
        entry=entry["name"],
        first=entry["first"],
        last=entry["last"],
        shape=tuple(entry.get("shape", (1, 1))),
        block=entry["block"],
        origin=origin["name"] if origin else "",
        origin_days=tuple(origin["days_before"]) if origin else (0, 0),
        origin_mean=float(origin["mean"]) if origin else 0.0,
        strata=tuple(
            Stratum(
                one["name"],
                {k: v for k, v in one.items() if k not in ("name", *arms)},
                tuple(one[arm] for arm in arms),
            )
            for one in plan["strata"]
        ),
        labels=tuple(
            Label(
                one["name"],
                tuple(
                    Deal(d.get("where", {}), {k: v for k, v in d.items() if k != "where"})
                    for d in one["deals"]
                ),
                {w["value"]: (w["event"], w["days"]) for w in one.get("windows", ())},
            )
            for one in plan.get("labels", ())
        ),
        events=tuple(_event(one, arms) for one in plan["events"]),
        endpoints=tuple(
            Endpoint(one["name"], tuple(one["events"]), one.get("from_entry", False))
            for one in plan["endpoints"]
        ),
        cut_offs=tuple(
            CutOff(one["date"], tuple(one["lag"]), one["longest_lag"]) for one in plan["cut_offs"]
        ),
        lost=plan.get("lost", 0.0),
        crossover=Crossover(
            crossover["arm"], crossover["cut_off"].isoformat(), crossover["days"], crossover["patients"]
        )
        if crossover
        else None,
    )


def _event(one: Mapping[str, Any], arms: tuple[str, ...]) -> Event:
    marks = one.get("marks", ())
    columns = tuple(k for k in marks[0] if k not in arms) if marks else ()
    return Event(
        one["name"],
        tuple(float(one["months"][arm]) for arm in arms) if not marks else (),
        one.get("after", {}),
        one.get("ends", False),
        columns,
        tuple((tuple(m[c] for c in columns), tuple(m.get(arm, 0) for arm in arms)) for m in marks),
    )


def _wrong(message: str) -> Any:
    raise ValueError(message)


def _check(trial: Trial) -> None:
    for stratum in trial.strata:
        a, b = stratum.patients
        half = trial.block // 2
        blocks = (a + b) // trial.block
        if not (0 <= a - half * blocks <= half and 0 <= b - half * blocks <= half):
            _wrong(f"stratum {stratum.name}: {a} and {b} patients cannot come of blocks of {trial.block}")
    ending = [event.name for event in trial.events if event.ends]
    if len(ending) != 1:
        _wrong(f"one event must end a history (ends = true), not {ending}")
    known = {event.name for event in trial.events}
    for endpoint in trial.endpoints:
        if unknown := set(endpoint.events) - known:
            _wrong(f"endpoint {endpoint.name}: there is no event {', '.join(sorted(unknown))}")
    if trial.last >= trial.cut_offs[0].date or trial.first > trial.last:
        _wrong("entry must end before the first cut-off")


def read_targets(path: Path, trial: Trial) -> tuple[Target, ...]:
    """The figures a twin is to have, from a CSV file; CalibrationError names the line and the rule."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: {error}") from None
    if not rows or set(TARGET_COLUMNS) - set(rows[0]):
        raise CalibrationError(f"{path}: wanted are lines with the columns {', '.join(TARGET_COLUMNS)}")
    targets = tuple(
        Target(line, **{c: (row[c] or "").strip() for c in TARGET_COLUMNS})
        for line, row in enumerate(rows, start=2)
    )
    for target in targets:
        try:
            check_target(target, trial)
        except CalibrationError as error:
            raise CalibrationError(f"{path}, {error}") from None
    return targets


def check_target(target: Target, trial: Trial) -> None:
    """Raise CalibrationError unless the target speaks of this trial."""
    low, _ = target.interval

    def one_of(what: str, value: str, known: object) -> None:
        if value not in list(known):  # type: ignore[call-overload]
            raise CalibrationError(f"{target}: {what} is {value!r}, not one of {', '.join(known)}")  # type: ignore[arg-type]

    one_of("statistic", target.statistic, STATISTICS)
    kind = STATISTICS[target.statistic]
    if kind in ("group", "all", "comparison"):
        one_of("endpoint", target.endpoint, [endpoint.name for endpoint in trial.endpoints])
        one_of("cut_off", target.cut_off, [cut_off.id for cut_off in trial.cut_offs])
    comparison = ":".join(trial.arms)
    one_of("group", target.group, {"all": ("TOTAL",), "comparison": (comparison,)}.get(kind, trial.arms))
    if low == math.inf and target.statistic != "median":
        raise CalibrationError(f"{target}: only a median can be {NOT_REACHED}")
    if target.statistic.startswith("rate") and not target.of.isdigit():
        raise CalibrationError(f"{target}: of must be a month, not {target.of!r}")
    if target.statistic == "p_gray":
        one_of("of", target.of, [event.name for event in trial.events])
    if kind == "event":
        one_of("endpoint", target.endpoint, [event.name for event in trial.events if event.marks])
        event = next(event for event in trial.events if event.name == target.endpoint)
        one_of("of", target.of, ["", *sorted({value for values, _ in event.marks for value in values})])
    if target.statistic == "p_interaction":
        name, _, value = target.of.partition("=")
        one_of("of", name, [*trial.strata[0].factors, *(label.name for label in trial.labels)])
        if not value:
            raise CalibrationError(f"{target}: of must be factor=value, not {target.of!r}")
