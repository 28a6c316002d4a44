"""All faults of the made-up trial; those of few records choose theirs first (`engine`).

What does not belong here: any fault of its own.
"""

from __future__ import annotations

from pipeline.simulate.faults import Fault
from pipeline.simulate.faults.cells import CELL_FAULTS
from pipeline.simulate.faults.door import DOOR_FAULTS
from pipeline.simulate.faults.entry import ENTRY_FAULTS
from pipeline.simulate.faults.findings import FINDINGS_FAULTS
from pipeline.simulate.faults.treatment import TREATMENT_FAULTS

FAULTS: tuple[Fault, ...] = (*ENTRY_FAULTS, *FINDINGS_FAULTS, *TREATMENT_FAULTS, *DOOR_FAULTS, *CELL_FAULTS)
