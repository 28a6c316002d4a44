"""How a number is printed: the one place where results are rounded and become words.

Rounding is half up on the shortest decimal that names the float (0.115 prints as 12%, as the journal's
own percentages do), never on its binary value and never half to even. What does not belong here: any
statistic, any layout.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import ROUND_HALF_UP, Decimal

from pipeline.study import DAYS_PER_MONTH

P_FLOOR = 0.001
NOT_REACHED = "not reached"
NOT_ESTIMABLE = "not estimable"


def format_p(p: float | None) -> str:
    """A P value as the journal prints it: "<0.001", "0.008", "0.05", "0.38".

    One significant digit from 0.001 on, but two decimals from 0.1 on. Null: "not estimable".
    """
    if p is None:
        return NOT_ESTIMABLE
    if p < P_FLOOR:
        return f"<{P_FLOOR}"
    fine = _half_up(_decimal(p), 3)
    return str(fine if fine < Decimal("0.01") else _half_up(_decimal(p), 2))


def format_rate(proportion: float | None, places: int = 0) -> str:
    """A proportion (0 to 1) in percent, without the sign: "66", "0.4".

    A proportion above 0 never prints as 0 but as "<1" ("<0.1" with one decimal). Null: "not estimable".
    """
    if proportion is None:
        return NOT_ESTIMABLE
    percent = 100 * _decimal(proportion)
    shown = _half_up(percent, places)
    return f"<{Decimal(1).scaleb(-places)}" if percent > 0 and shown == 0 else str(shown)


def format_months(days: float | None, places: int = 0) -> str:
    """A time in days, in months of 30.4375 days: "46". Null: "not reached"."""
    return NOT_REACHED if days is None else str(_half_up(_decimal(days) / _decimal(DAYS_PER_MONTH), places))


def format_years(days: float) -> str:
    """A time in days, in whole years of 12 months: "3"."""
    return str(_half_up(_decimal(days) / _decimal(12 * DAYS_PER_MONTH), 0))


def format_ratio(ratio: float | None) -> str:
    """A hazard or odds ratio with two decimals: "0.48". Null: "not estimable"."""
    return NOT_ESTIMABLE if ratio is None else str(_half_up(_decimal(ratio), 2))


def format_number(value: float, places: int = 0) -> str:
    """A number with a fixed number of decimals: "9.1"."""
    return str(_half_up(_decimal(value), places))


def format_date(days: float, parts: int = 3) -> str:
    """A date given as days since 1970-01-01: "2009-12-17", with two parts "2009-12"."""
    date = dt.date(1970, 1, 1) + dt.timedelta(days=int(days))
    return "-".join(date.isoformat().split("-")[:parts])


def format_version(value: float) -> str:
    """A version given as one number, two digits a part after the first: 21401 is "2.14.1"."""
    whole = int(value)
    return f"{whole // 10_000}.{whole // 100 % 100}.{whole % 100}"


def format_count(count: float | None) -> str:
    """A number of patients; null, or a count that is not whole, is a `ValueError`, never rounded."""
    if count is None or not float(count).is_integer():
        raise ValueError(f"not a count: {count!r}")
    return str(int(count))


def _decimal(value: float) -> Decimal:
    """The shortest decimal that reads back as the float; NaN and infinity are a `ValueError`."""
    if not math.isfinite(value):
        raise ValueError(f"not a number to print: {value!r}")
    return Decimal(repr(float(value)))


def _half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
