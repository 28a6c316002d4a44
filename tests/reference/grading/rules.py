"""The trial's own rules of stages and grades, one patient at a time (see ORIGIN.md).

What does not belong here: anything of the pipeline; a change of logic.
"""

from __future__ import annotations

from collections.abc import Callable

Value = float | None
BANDS = {
    "NEUT": (1.5, 1.0, 0.5),
    "PLAT": (75.0, 50.0, 25.0),
    "LYM": (0.8, 0.5, 0.2),
    "WBC": (3.0, 2.0, 1.0),
    "HGB": (10.0, 8.0, 6.5),
}


def iss(b2m: Value, alb: Value) -> str | None:
    """mg/L, g/dL."""
    if b2m is None:
        return None
    if b2m >= 5.5:
        return "III"
    if b2m >= 3.5:
        return "II"
    if alb is None:
        return None
    return "I" if alb >= 3.5 else "II"


def durie_salmon(hb: Value, ca: Value, lytic: Value, igg: Value, iga: Value, ulc_g: Value) -> str | None:
    """g/dL, mg/dL, scale 0-3, g/dL, g/dL, g/24h."""

    def hit(value: Value, rule: Callable[[float], bool]) -> bool:
        return value is not None and rule(value)

    if any(
        [
            hit(hb, lambda v: v < 8.5),
            hit(ca, lambda v: v > 12),
            hit(lytic, lambda v: v >= 3),
            hit(igg, lambda v: v > 7),
            hit(iga, lambda v: v > 5),
            hit(ulc_g, lambda v: v > 12),
        ]
    ):
        return "III"
    if hb is None or ca is None or lytic is None:
        return None
    ok_m = not any([hit(igg, lambda v: v >= 5), hit(iga, lambda v: v >= 3), hit(ulc_g, lambda v: v >= 4)])
    if hb > 10 and ca <= 12 and lytic <= 1 and ok_m:
        return "I" if (igg, iga, ulc_g) != (None, None, None) else None
    return "II"


def ctcae3(test: str, value: float, lln: float) -> int:
    """10^9/L, g/dL; the lower bound of a band belongs to the band."""
    a, b, c = BANDS[test]
    return 4 if value < c else 3 if value < b else 2 if value < a else 1 if value < lln else 0
