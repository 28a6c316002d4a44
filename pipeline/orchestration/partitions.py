"""A partition is a data cut-off.

What does not belong here: the cut-offs themselves (`pipeline/studies/*/protocol.py`).
"""

from __future__ import annotations

import dagster as dg

from pipeline.study import Study


def cut_off_partitions(study: Study) -> dg.StaticPartitionsDefinition:
    """One partition per look and cut-off of the study, in the order the study lists them."""
    return dg.StaticPartitionsDefinition([cut_off.id for cut_off in study.all_cut_offs])
