"""The trial's own rule of progression, one patient at a time (see ORIGIN.md).

What does not belong here: anything of the pipeline; a change of logic.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

Row = dict[str, Any]
KEYS = {"SERUM": ("s",), "URINE": ("u",), "FLC": ("d",), "CR_LOSS": ("s", "u", "sife", "uife")}


def rounded(x: float) -> float:
    """Four decimals, so that 1.3 - 0.8 is 0.5."""
    return round(x + 0.0, 4)


def pd_date(
    rows: list[Row],
    criteria: str = "EBMT",
    cr0: bool = False,
    measurable_sm: bool = True,
    death_mm: bool = False,
) -> tuple[dt.date | None, str | None, bool | None]:
    """(date, basis, True), (None, basis, False) for a rise with nothing after it, or (None, None, None).

    rows: date and any of s, u, sife, uife, k, l, bm, bone, plasma, ca, ca_other, oligo.
    """
    rows = sorted((dict(r) for r in rows), key=lambda r: r["date"])
    cr, neg_since, unconf = cr0, None, None
    for r in rows:
        r["d"] = None if r.get("k") is None or r.get("l") is None else abs(r["k"] - r["l"])

    def nadir(key: str, i: int) -> float | None:
        known = [r[key] for r in rows[:i] if r.get(key) is not None]
        return min(known) if known else None

    def up(v: float, n: float) -> bool:
        return v > rounded(1.25 * n) if criteria == "EBMT" else v >= rounded(1.25 * n)

    def bio(i: int, j: int) -> list[str]:
        """Does row j meet a biochemical rule against the nadir before row i?"""
        r, out = rows[j], []
        n = nadir("s", i)
        if r.get("s") is not None and n is not None:
            rise = rounded(r["s"] - n)
            if (up(r["s"], n) and rise >= 0.5) or (criteria == "IMWG" and n >= 5 and rise >= 1.0):
                out.append("SERUM")
        n = nadir("u", i)
        if r.get("u") is not None and n is not None and up(r["u"], n) and rounded(r["u"] - n) >= 200:
            out.append("URINE")
        n = nadir("d", i)
        light_chains = criteria == "IMWG" and not measurable_sm and r["d"] is not None and n is not None
        if light_chains and up(r["d"], n) and rounded(r["d"] - n) > 10:
            out.append("FLC")
        if criteria == "EBMT" and in_cr and not r.get("oligo"):
            immunofixed = r.get("sife") == "POS" or r.get("uife") == "POS"
            if immunofixed or (r.get("s") or 0) > 0 or (r.get("u") or 0) > 0:
                out.append("CR_LOSS")
        return out

    def hard(i: int) -> list[str]:
        r, out, n = rows[i], [], nadir("bm", i)
        if r.get("bm") is not None:
            in_remission = criteria == "EBMT" and in_cr and r["bm"] >= 5
            ebmt = n is not None and criteria == "EBMT" and r["bm"] > 1.25 * n and r["bm"] - n >= 10
            imwg = n is not None and criteria == "IMWG" and r["bm"] >= 1.25 * n and r["bm"] >= 10
            if in_remission or ebmt or imwg:
                out.append("MARROW")
        if r.get("bone") in ("NEW", "INCREASED"):
            out.append("BONE")
        if r.get("plasma") in ("NEW", "INCREASED"):
            out.append("PLASMACYTOMA")
        if r.get("ca") is not None and r["ca"] > 11.5 and not r.get("ca_other"):
            out.append("CALCIUM")
        return out

    for i in range(1, len(rows)):
        in_cr = cr
        if h := hard(i):
            return rows[i]["date"], h[0], True
        if b := bio(i, i):
            keys = KEYS[b[0]]
            later = range(i + 1, len(rows))
            nxt = next((j for j in later if any(rows[j].get(k) is not None for k in keys) or hard(j)), None)
            if nxt is None:
                if death_mm:
                    return rows[i]["date"], b[0], True
                unconf = unconf or b[0]
            elif b[0] in bio(i, nxt) or hard(nxt):
                return rows[i]["date"], b[0], True
        r = rows[i]
        marrow_clear = r.get("bm") is None or r["bm"] < 5
        neg = r.get("sife") == "NEG" and r.get("uife") in ("NEG", None) and marrow_clear
        if r.get("sife") is not None:
            if neg:
                neg_since = neg_since or r["date"]
                cr = cr or (r["date"] - neg_since).days >= 42
            else:
                neg_since = None
    return None, unconf, (False if unconf else None)
