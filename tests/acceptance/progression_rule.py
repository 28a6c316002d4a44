"""The EBMT progression rule, written down on its own to check raw data with: nothing of the pipeline is used.

Values: serum M-protein g/dL, urine M-protein mg/24h, marrow %, corrected calcium mg/dL; None is "not done".
Source: the trial's clinical rules 2.1 and 2.2 (EBMT, Blade 1998).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any


def rounded(x: float) -> float:
    """Four decimals, so that 1.3 - 0.8 is 0.5."""
    return round(x + 0.0, 4)


def progression(rows: Sequence[dict[str, Any]], in_cr_at_day_100: bool) -> tuple[dt.date | None, str | None]:
    """Date and basis of progression; (None, basis) for a rise that nothing confirms.

    rows: in order of date, the first is the day-100 restaging; keys date, s, u, sife, uife, bm, bone, plasma,
    ca, ca_other.
    """
    cr, negative_since, unconfirmed = in_cr_at_day_100, None, None

    def lowest(key: str, i: int) -> float | None:
        known = [r[key] for r in rows[:i] if r[key] is not None]
        return min(known) if known else None

    def markers(i: int, j: int) -> list[str]:
        found, row = [], rows[j]
        for key, step, basis in (("s", 0.5, "SERUM"), ("u", 200, "URINE")):
            low = lowest(key, i)
            if (
                row[key] is not None
                and low is not None
                and row[key] > rounded(1.25 * low)
                and rounded(row[key] - low) >= step
            ):
                found.append(basis)
        if cr and row["sife"] != "OLIGO":
            back = row["sife"] == "POS" or row["uife"] == "POS" or (row["s"] or 0) > 0 or (row["u"] or 0) > 0
            found += ["CR_LOSS"] if back else []
        return found

    def findings(i: int) -> list[str]:
        found, row, low = [], rows[i], lowest("bm", i)
        if row["bm"] is not None:
            relapse = cr and row["bm"] >= 5
            growth = not cr and low is not None and row["bm"] > 1.25 * low and row["bm"] - low >= 10
            found += ["MARROW"] if relapse or growth else []
        found += ["BONE"] if row["bone"] in ("NEW", "INCREASED") else []
        found += ["PLASMACYTOMA"] if row["plasma"] in ("NEW", "INCREASED") else []
        found += ["CALCIUM"] if row["ca"] is not None and row["ca"] > 11.5 and not row["ca_other"] else []
        return found

    measured = {"SERUM": ("s",), "URINE": ("u",), "CR_LOSS": ("s", "u", "sife", "uife")}
    for i in range(1, len(rows)):
        if hard := findings(i):
            return rows[i]["date"], hard[0]
        if rise := markers(i, i):
            after = [
                j
                for j in range(i + 1, len(rows))
                if any(rows[j][k] is not None for k in measured[rise[0]]) or findings(j)
            ]
            if not after:
                unconfirmed = unconfirmed or rise[0]
            elif rise[0] in markers(i, after[0]) or findings(after[0]):
                return rows[i]["date"], rise[0]
        row = rows[i]
        if row["sife"] is not None:
            clear = (
                row["sife"] == "NEG" and row["uife"] in ("NEG", None) and (row["bm"] is None or row["bm"] < 5)
            )
            negative_since = (negative_since or row["date"]) if clear else None
            cr = cr or (clear and (row["date"] - negative_since).days >= 42)
    return None, unconfirmed


def _number(text: str) -> float | None:
    if text in ("", "ND"):
        return None
    return 0.0 if text in ("NEG", "TSTQ") or text.startswith("<") else float(text)


def assessment(row: Mapping[str, str]) -> dict[str, Any]:
    """What the rule reads of a row of disease_assessment.csv; blank and ND are "not done"."""
    ca, alb = _number(row["ca_result"]), _number(row["alb_result"])
    return {
        "date": dt.date.fromisoformat(row["assess_dt"]),
        "s": _number(row["spep_result"]),
        "u": _number(row["upep_result"]),
        "sife": None if row["sife"] in ("", "ND") else row["sife"],
        "uife": None if row["uife"] in ("", "ND") else row["uife"],
        "bm": _number(row["bm_pc_pct"]),
        "bone": row["bone_lesions"],
        "plasma": row["plasmacytoma"],
        "ca": None if ca is None or alb is None else round(ca + 0.8 * (4.0 - alb), 4),
        "ca_other": row["ca_other_cause"] == "Y",
    }
