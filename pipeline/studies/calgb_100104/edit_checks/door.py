"""Edit checks: structure, cells and any form (EC001 to EC024, EC060, EC061, EC141 to EC144).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`).
"""

from __future__ import annotations

from pipeline.study import EditCheck

DOOR: tuple[EditCheck, ...] = ()
