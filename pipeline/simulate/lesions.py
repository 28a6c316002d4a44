"""Plasmacytomas: which patients have them, how large they are at each assessment, what the site calls that.

What does not belong here: progression itself (`disease`), the form, receipt.
"""

from __future__ import annotations

import numpy as np

from pipeline.simulate.disease import AT_PD, MR, PR, REG, UNKNOWN
from pipeline.simulate.patients import Rows, Trial, mask, stream

NOTHING, STABLE, NEW, INCREASED, NOT_DONE, DECREASED = range(6)
CALLS = ("NONE", "STABLE", "NEW", "INCREASED", "ND", "DECREASED")

LOCATIONS = (
    "left chest wall", "right humerus, soft tissue", "paravertebral T8", "sacrum", "sternum",
    "left iliac crest", "nasopharynx", "right clavicle", "skull, left parietal", "retroperitoneum",
)  # fmt: skip
METHODS = ("CT", "MRI", "PET-CT", "PHYSICAL")


def add_plasmacytomas(t: Trial, v: Rows, m: Rows, at_entry: np.ndarray, seed: int) -> Rows:
    """Lesions as measured, by visit: visit (position in v), number, diam1 and diam2 (cm), place, method.

    at_entry: the patients who had a plasmacytoma at entry. They keep it until complete remission; a
    progression on this basis is its growth, or a new lesion in whoever has none. Where a lesion was looked
    for and is there, the site's call in `m["plasma"]` becomes how it changed; NEW stays as it is.
    """
    rng = stream(seed, "plasmacytomas")
    n, i, kind = len(t["reg"]), v["i"], v["kind"]
    ever_clear = np.bincount(i, m["cr"], n) > 0
    bears = at_entry[i] & ~m["cr"] & ~((kind >= AT_PD) & ever_clear[i])
    by_lesion = m["plasma"] == NEW
    grows = by_lesion & bears
    appears = np.bincount(i, by_lesion & ~bears, n) > 0
    bears_new = appears[i] & (kind >= AT_PD)
    looked_for = (m["plasma"] >= 0) | (at_entry[i] & (kind == REG))
    seen = looked_for & (bears | bears_new)

    responds = np.isin(t["response"], (PR, MR, UNKNOWN))[i] & bears & (kind < AT_PD)
    later = np.flatnonzero(seen & responds & (kind != REG))
    first = later[np.unique(i[later], return_index=True)[1]]
    call = np.where(seen, STABLE, m["plasma"])
    call[first] = DECREASED
    call = np.where(grows, INCREASED, call)
    m["plasma"] = np.where(by_lesion & ~grows, NEW, call)

    # Product of the diameters against entry: by response to transplantation, then growth by more than half.
    area = np.where(mask(n, i[first]), np.where(t["response"] == MR, 0.65, 0.35), 1.0)
    grown = np.bincount(i, grows, n) > 0
    factor = np.where(kind == REG, 1.0, area[i]) * np.where(grown[i] & (kind >= AT_PD), 1.7, 1.0)
    number = np.where(at_entry, 1 + (rng.random(n) < 0.3), 0)
    # Large enough that two readings in tenths of a centimetre never differ by a quarter of the product.
    longest = np.clip(rng.lognormal(1.5, 0.3, (3, n)), 3.5, 10.0)
    ratio = 0.65 + 0.3 * rng.random((3, n))
    place = rng.integers(0, len(LOCATIONS), n)
    method = rng.choice(len(METHODS), n, p=(0.4, 0.3, 0.2, 0.1))
    noise = 0.9925 + 0.015 * rng.random((3, len(i)))

    parts = []
    for k, there in enumerate((bears & (number[i] >= 1), bears & (number[i] >= 2), bears_new)):
        at = np.flatnonzero(looked_for & there)
        of, size = i[at], 1.0 if k == 2 else np.sqrt(factor[at])
        diam1 = np.round(longest[k, of] * size * noise[k, at], 1)
        parts.append(
            {
                "visit": at,
                "number": number[of] + 1 if k == 2 else np.full(len(at), k + 1),
                "diam1": diam1,
                "diam2": np.minimum(np.round(diam1 * ratio[k, of], 1), diam1),
                "place": (place[of] + 3 * k) % len(LOCATIONS),
                "method": method[of],
            }
        )
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((rows["number"], rows["visit"]))
    return {name: values[order] for name, values in rows.items()}
