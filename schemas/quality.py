"""What is known about the quality of the data: at the door, at a cut-off, by edit checks; and how much of it.

What does not belong here: any column of a form.
"""

from __future__ import annotations

import datetime as dt

from schemas.base import Table, column


class Transfers(Table):
    """Transfers received, one row each, with the reason where one was refused"""

    FOLDER: str = column("Folder", comment="as found under the study's raw folder")
    TRANSFER: dt.date = column("Transfer Date", required=False, comment="blank when the folder has no date")
    STATUS: str = column("Status", codelist=["accepted", "refused"])
    FILES: int = column("Number of Form Files", ge=0, comment="as its manifest lists them")
    ROWS: int = column("Number of Data Rows", ge=0, comment="as its manifest lists them")
    REASON: str = column("Reason Refused", required=False)

    class Config:
        unique = ["FOLDER"]


class Findings(Table):
    """What was wrong with a row or a file received, one row per fault"""

    TRANSFER: dt.date = column("Transfer Date")
    FILE: str = column("File", comment="transfer/form.csv")
    LINE: int = column("Line", ge=1, comment="physical line where the record starts; the header is line 1")
    FORM: str = column("Form", comment="stem of the file's name")
    RECORD: str = column("Record", required=False, comment="the key as received, parts joined by /")
    VERSION: int = column("Record Version", required=False, comment="blank where it cannot be read")
    PATIENT: str = column("Patient Identifier", required=False, comment="blank where it cannot be read")
    SITE: str = column("Institution Code", required=False, comment="blank where it cannot be read")
    COLUMN: str = column("Column", required=False)
    RULE: str = column("Rule")
    VALUE: str = column("Value", required=False, comment="as received, but for what may be shown to nobody")
    OUTCOME: str = column(
        "Outcome",
        codelist=["quarantined", "kept"],
        comment="quarantined: the row, or all of the file, is kept out; kept: accepted without the cell",
    )
    MESSAGE: str = column("Message")


class Quarantine(Table):
    """Rows that were not accepted, as received"""

    TRANSFER: dt.date = column("Transfer Date")
    FILE: str = column("File", comment="transfer/form.csv")
    LINE: int = column("Line", ge=1, comment="physical line where the record starts; the header is line 1")
    FORM: str = column("Form", comment="stem of the file's name")
    RECORD: str = column("Record", required=False, comment="the key as received, parts joined by /")
    TEXT: str = column(
        "Text as Received",
        comment="bytes that are not UTF-8 are shown as U+FFFD; withheld where it may name a drug or a person",
    )

    class Config:
        unique = ["FILE", "LINE"]


class Receipt(Table):
    """Rows received, accepted and quarantined, per file"""

    FORM: str = column("Form", comment="stem of the file's name")
    TRANSFER: dt.date = column("Transfer Date")
    FILE: str = column("File", comment="transfer/form.csv")
    RECEIVED: int = column("Rows Received", ge=0)
    ACCEPTED: int = column("Rows Accepted", ge=0)
    QUARANTINED: int = column("Rows Quarantined", ge=0)

    class Config:
        unique = ["FILE"]


class SetAside(Table):
    """Accepted records that a cut-off does not use, and why"""

    CUTOFF: dt.date = column("Data Cut-off")
    FORM: str = column("Form", comment="stem of the file's name")
    FILE: str = column("File", comment="transfer/form.csv")
    LINE: int = column("Line", ge=1, comment="physical line where the record starts; the header is line 1")
    RECORD: str = column("Record")
    VERSION: int = column("Record Version", ge=1)
    RECEIVED: dt.date = column("Date Received")
    REASON: str = column(
        "Reason",
        codelist=["received after the cut-off", "superseded", "deleted", "rejected by an edit check"],
    )
    DETAIL: str = column("Reason in Words")

    class Config:
        unique = ["CUTOFF", "FILE", "LINE"]


class Queries(Table):
    """Questions to the sites, one row per record and check, carried from transfer to transfer"""

    QUERY: str = column("Query Identifier", comment="check, record and column, so that it stays the same")
    CHECK_ID: str = column("Edit Check")
    SEVERITY: str = column("Severity", codelist=["reject", "query"])
    SITE: str = column("Institution Code", required=False)
    PATIENT: str = column("Patient Identifier", required=False)
    FORM: str = column("Form", comment="stem of the file's name")
    RECORD: str = column("Record", required=False, comment="blank where a record is missing")
    VERSION: int = column("Record Version", required=False, ge=1, comment="in which it was last seen")
    COLUMN: str = column("Column", required=False)
    FOUND: str = column("What Was Found")
    ASKED: str = column("What the Site Is Asked")
    FIRST_SEEN: dt.date = column("Transfer of First Sight")
    LAST_SEEN: dt.date = column("Transfer of Last Sight")
    STATE: str = column("State", codelist=["open", "answered", "closed"], comment="answered: by a version")
    AGE: int = column("Age in Days", ge=0, comment="to the transfer that ended it, or to the last transfer")

    class Config:
        unique = ["QUERY"]


class CheckCounts(Table):
    """How many records each edit check found at each transfer, warnings too"""

    TRANSFER: dt.date = column("Transfer Date")
    CHECK_ID: str = column("Edit Check")
    SEVERITY: str = column("Severity", codelist=["reject", "query", "warn"])
    RULE: str = column("What Must Hold")
    FOUND: int = column("Records Found", ge=0)
    NEW: int = column("Found for the First Time", ge=0)

    class Config:
        unique = ["TRANSFER", "CHECK_ID"]


class ArmFindings(Table):
    """What the edit checks find that need to know the arms, at each cut-off from the unblinding on"""

    CUTOFF: dt.date = column("Data Cut-off")
    QUERY: str = column("Query Identifier", comment="check, record and column")
    CHECK_ID: str = column("Edit Check")
    SEVERITY: str = column("Severity", codelist=["reject", "query", "warn"])
    SITE: str = column("Institution Code", required=False)
    PATIENT: str = column("Patient Identifier", required=False)
    FORM: str = column("Form", comment="stem of the file's name")
    RECORD: str = column("Record", required=False, comment="blank where a record is missing")
    COLUMN: str = column("Column", required=False)
    FOUND: str = column("What Was Found", comment="never an arm")
    ASKED: str = column("What Is Asked")

    class Config:
        unique = ["CUTOFF", "QUERY"]


class _Institution(Table):
    SITE: str = column("Institution Code", comment="UNKNOWN where it cannot be read")


class _Form(Table):
    FORM: str = column("Form", comment="stem of the file's name")


class _Recruited(Table):
    REGISTERED: int = column("Patients Registered", ge=0)
    RANDOMISED: int = column("Patients Randomised", ge=0)


class _Came(Table):
    RECEIVED: int = column("Rows Received", ge=0)
    ACCEPTED: int = column("Rows Accepted", ge=0)
    QUARANTINED: int = column("Rows Quarantined", ge=0)
    OVERDUE: int = column("Forms Overdue", ge=0, comment="due more than 60 days ago and not received")
    LATE: int = column("Forms Late", ge=0, comment="received more than 180 days after they were due")
    DAYS_MEDIAN: float = column("Days to Receipt, Median", required=False, comment="since completion")
    DAYS_P90: float = column("Days to Receipt, 90th Percentile", required=False, comment="since completion")


class _Asked(Table):
    OPEN: int = column("Open Queries", ge=0)
    OPEN_0_30: int = column("Open up to 30 Days", ge=0)
    OPEN_31_90: int = column("Open 31 to 90 Days", ge=0)
    OPEN_91: int = column("Open More than 90 Days", ge=0)
    ANSWERED: int = column("Answered Queries", ge=0, comment="by a version of the record")
    CLOSED: int = column("Closed Queries", ge=0, comment="gone without a version of the record")


# A table's columns stand in the order of its bases, the last base first.
class BySiteForm(_Asked, _Came, _Form, _Institution):
    """What each institution sent of each form, what is due and what is asked, at the last transfer"""

    class Config:
        unique = ["SITE", "FORM"]


class BySite(_Asked, _Came, _Recruited, _Institution):
    """What each institution sent, what is due and what is asked, at the last transfer"""

    class Config:
        unique = ["SITE"]


class ByForm(_Asked, _Came, _Form):
    """What came of each form, what is due and what is asked, at the last transfer"""

    class Config:
        unique = ["FORM"]


class _Check(Table):
    CHECK_ID: str = column("Edit Check")
    SEVERITY: str = column("Severity", codelist=["reject", "query", "warn"])
    RULE: str = column("What Must Hold")
    FOUND: int = column("Records Found", ge=0)


class ByCheck(_Asked, _Check):
    """What each edit check finds at the last transfer, and how its queries stand"""

    class Config:
        unique = ["CHECK_ID"]
