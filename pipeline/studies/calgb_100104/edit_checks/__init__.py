"""The trial's 144 edit checks as values, grouped by where they need to look.

`door`: structure, cells and any form; `entry`: registration to randomisation, the code list, unblinding;
`findings`: disease assessments and laboratory; `adverse`, `treatment`, `follow_up`, `second_cancer`: what
comes after randomisation. What does not belong here: how checks are run (`pipeline.edit_checks`), rules of
one cell (`schemas/crf`).
"""

from __future__ import annotations

from pipeline.studies.calgb_100104.edit_checks.adverse import ADVERSE
from pipeline.studies.calgb_100104.edit_checks.door import DOOR
from pipeline.studies.calgb_100104.edit_checks.entry import ENTRY
from pipeline.studies.calgb_100104.edit_checks.findings import FINDINGS
from pipeline.studies.calgb_100104.edit_checks.follow_up import FOLLOW_UP
from pipeline.studies.calgb_100104.edit_checks.second_cancer import SECOND_CANCER
from pipeline.studies.calgb_100104.edit_checks.treatment import TREATMENT

AFTER_RANDOMISATION = (*ADVERSE, *TREATMENT, *FOLLOW_UP, *SECOND_CANCER)
EDIT_CHECKS = tuple(sorted((*DOOR, *ENTRY, *FINDINGS, *AFTER_RANDOMISATION), key=lambda check: check.id))
