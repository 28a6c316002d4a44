"""What the conformance rules say about a cut-off's datasets: each rule's outcome, and what each found.

What does not belong here: any rule.
"""

from __future__ import annotations

import datetime as dt

from schemas.base import Table, column

SEVERITY = ["error", "warning", "note"]


class RuleOutcomes(Table):
    """Conformance rules and whether the tabulation and analysis datasets hold to them"""

    CUTOFF: dt.date = column("Data Cut-off")
    RULE: str = column("Rule")
    SEVERITY: str = column("Severity", codelist=SEVERITY)
    APPLIES: str = column("Datasets It Is For", comment="classes, or names of datasets or domains")
    CITES: str = column("Published Rule Numbers", required=False, comment="blank where none is known")
    SOURCE: str = column("Source of the Numbers", required=False)
    SAYS: str = column("What Must Hold")
    FIX: str = column("What to Do")
    ASKED: int = column("Datasets Asked", ge=0)
    FOUND: int = column("Rows Found", ge=0, comment="a dataset that breaks a rule as a whole is one row")
    WAIVED: int = column("Rows Waived", ge=0)
    OUTCOME: str = column(
        "Outcome",
        codelist=["holds", "found", "waived", "not asked"],
        comment="waived: all that was found; not asked: no dataset is of its class, or arms are blinded",
    )

    class Config:
        unique = ["CUTOFF", "RULE"]


class RuleFindings(Table):
    """What the conformance rules found: at most 100 rows of each rule, dataset and variable"""

    CUTOFF: dt.date = column("Data Cut-off")
    RULE: str = column("Rule")
    SEVERITY: str = column("Severity", codelist=SEVERITY)
    DATASET: str = column("Dataset", comment="FOLDER: all datasets together")
    VARIABLE: str = column("Variable", required=False, comment="blank: the dataset as a whole")
    ROW: int = column("Row of the Dataset", required=False, ge=1, comment="blank: the dataset as a whole")
    ROWKEY: str = column("Key of the Row", required=False)
    VALUE: str = column("Value Found", required=False)
    MESSAGE: str = column("What Must Hold and What to Do")
    WAIVER: str = column("Reason Waived", required=False, comment="blank: not waived")
