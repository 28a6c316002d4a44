"""Edit checks: disease assessments, plasmacytomas and laboratory (EC065 to EC091).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`).
"""

from __future__ import annotations

from pipeline.study import EditCheck

FINDINGS: tuple[EditCheck, ...] = ()
