"""Edit checks: registration to randomisation, the code list and unblinding (EC025 to EC064).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`).
"""

from __future__ import annotations

from pipeline.study import EditCheck

ENTRY: tuple[EditCheck, ...] = ()
