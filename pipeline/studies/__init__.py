"""The studies the pipeline can run, by folder name. Another study is one more line here."""

from __future__ import annotations

from pipeline.studies.calgb_100104.protocol import STUDY as CALGB_100104
from pipeline.studies.cdisc_pilot.protocol import STUDY as CDISC_PILOT
from pipeline.study import Study

STUDIES: dict[str, Study] = {study.name: study for study in (CALGB_100104, CDISC_PILOT)}
