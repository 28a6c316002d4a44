"""All faults of the made-up trial, in the order in which they choose their records.

What does not belong here: any fault of its own.
"""

from __future__ import annotations

from pipeline.simulate.faults import Fault
from pipeline.simulate.faults.cells import CELL_FAULTS
from pipeline.simulate.faults.door import DOOR_FAULTS

FAULTS: tuple[Fault, ...] = (*DOOR_FAULTS, *CELL_FAULTS)
