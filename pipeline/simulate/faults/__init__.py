"""Faults: what is wrong with the forms of a made-up trial, and the list of it.

A fault is a value; the engine picks the records, writes the wrong text and notes the truth. No cut-off ever
sees a corrected fault: the wrong version is current only at a transfer that is no cut-off's. What does not
belong here: reading or checking of forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

How = Literal["corrected", "extra", "late", "standing", "repeated"]


@dataclass(frozen=True)
class Fault:
    """One way in which records of a form are wrong.

    check: the edit check that should find it; None where the text is unusual and must be read as meant.
    among: the records it may happen to: an expression over the form's columns as clean text (ISO dates,
    standard units), the patient's truth (`_reg`, `_tx`, `_rand`, `_stop` (of the blinded capsules), `_pd`,
    `_next`, `_death`, `_spm` as dates or null, `_randomised`, `_crossover` as booleans) and `_transfer`, the
    transfer at which the fault can be seen. Another form may arrive up to 420 days after what it tells: a
    contradiction of it leaves so much time before `_transfer`. writes: the wrong text by column, row by row,
    expressions over the same.

    share: a count at 460 patients, which grows with the trial and takes at most one record of a patient at a
    transfer, so that it is clear what a finding means; or a rate of the records in `among` (float), which
    leaves such patients alone.

    how: `corrected`: version 1 is wrong, version 2 (next transfer) is right; `extra`: a further record under
    a new id is wrong, and deleted in the next transfer; `late`: the record itself is right and comes a
    transfer later than the records that need it; `standing`: stays as it is, only for what no result
    depends on; `repeated`: a further record under a new id, which stays, only for what no result depends on.
    Faults of one name in several forms happen to the same patients.
    """

    name: str
    form: str
    check: str | None
    writes: Mapping[str, pl.Expr]
    among: pl.Expr
    share: int | float = 1
    how: How = "corrected"
