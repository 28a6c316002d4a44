"""Edit checks: adverse events to crossover (EC092 to EC140).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`).
"""

from __future__ import annotations

from pipeline.study import EditCheck

TREATMENT: tuple[EditCheck, ...] = ()
