"""The shape of what a release tells about itself: what each of its cut-offs was made from, and when.

What does not belong here: tables and columns of the warehouse (`meta.py`).
"""

from __future__ import annotations

import datetime as dt

from schemas.base import Table, column


class Releases(Table):
    """The cut-offs in this release and what each was made from"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    TITLE: str = column("Title of the Cut-off")
    STARTED: str = column("Start of Its Run", comment="ISO 8601, UTC")
    FINISHED: str = column("End of Its Run", comment="ISO 8601, UTC")
    CODE: str = column("Version of the Code")
    SOURCE: str = column("SHA-256 of the Source Files")
    INPUTS: str = column("SHA-256 of the Manifest's Inputs")
    MANIFEST: str = column("Manifest", comment="JSON: input files, packages, tables with rows and SHA-256")

    class Config:
        unique = ["STUDYID", "CUTOFF"]
