"""The shapes of what the analysis makes: long tables of numbers, unrounded.

What does not belong here: any number, any rounding, any text made from numbers.
"""

from __future__ import annotations

import datetime as dt

from schemas.base import Table, column


class Results(Table):
    """Every computed number, one row each, at full precision"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    ANALYSIS: str = column("Analysis Identifier", comment="name of the Analysis value that made the row")
    OUTPUT: str = column("Table or Figure Shown In", required=False)
    POPULATION: str = column("Analysis Population")
    ENDPOINT: str = column("Endpoint", comment="PARAMCD, or the dataset for a count")
    GROUP: str = column(
        "Treatment Group", comment="code of an arm, TOTAL, or the codes of two arms for a comparison"
    )
    LEVEL: str = column("Level", comment="subgroup level, landmark (months), cause, or empty", codelist=None)
    STATISTIC: str = column("Statistic")
    VALUE: float = column(
        "Value",
        required=False,
        comment="times in days; proportions from 0 to 1; null: not reached or not estimable",
    )
    METHOD: str = column("Method")

    class Config:
        unique = ["STUDYID", "CUTOFF", "ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]


class Subjects(Table):
    """The subjects behind each number, as SQL over this warehouse"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    ANALYSIS: str = column("Analysis Identifier")
    GROUP: str = column("Treatment Group")
    LEVEL: str = column("Level", codelist=None)
    STATISTIC: str = column("Statistic")
    SQL: str = column(
        "SQL That Finds the Subjects",
        required=False,
        comment="gives USUBJID; null: the number is planned or fixed by the protocol",
    )
    COUNTED: bool = column(
        "The Number Is How Many They Are", comment="else they are those whose data it is computed from"
    )

    class Config:
        unique = ["STUDYID", "CUTOFF", "ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]


class Curves(Table):
    """Step functions behind the figures: survival and cumulative incidence"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    ANALYSIS: str = column("Analysis Identifier")
    ENDPOINT: str = column("Endpoint")
    GROUP: str = column("Treatment Group")
    CAUSE: str = column("Cause of Failure", comment="empty for survival curves")
    TIME: int = column("Time From Origin (Days)", ge=0)
    NRISK: int = column("Number at Risk Just Before", ge=0)
    NEVENT: int = column("Number of Events", ge=0)
    NCENSOR: int = column("Number Censored", ge=0)
    ESTIMATE: float = column("Estimate", ge=0, le=1)
    LOWER: float = column("Lower Confidence Limit", required=False, ge=0, le=1)
    UPPER: float = column("Upper Confidence Limit", required=False, ge=0, le=1)

    class Config:
        unique = ["STUDYID", "CUTOFF", "ANALYSIS", "GROUP", "CAUSE", "TIME"]


class Published(Table):
    """Each number the paper prints beside the number computed, with a verdict"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    ID: str = column("Identifier of the Printed Number")
    LOCATION: str = column("Where the Paper Prints It")
    QUANTITY: str = column("Quantity")
    ENDPOINT: str = column("Endpoint")
    GROUP: str = column("Treatment Group", required=False)
    FIGURE: str = column(
        "Survival Figure It Belongs To",
        required=False,
        comment="numbers printed together, such as a ratio and its interval",
    )
    PRINTED: str = column("As Printed in the Paper")
    COMPUTED: float = column("As Computed", required=False)
    SHOWN: str = column("Computed, as It Would Print")
    VERDICT: str = column("Verdict", codelist=["match", "mismatch", "conflict", "rule conflict", "design"])
    NOTE: str = column("Note", required=False)
    ANALYSIS: str = column("Analysis Identifier")
    LEVEL: str = column("Level")
    STATISTIC: str = column("Statistic")

    class Config:
        unique = ["STUDYID", "ID"]
