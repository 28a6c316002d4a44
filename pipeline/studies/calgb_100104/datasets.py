"""The trial's analysis datasets, as values: what each is derived from and by which function.

What does not belong here: the derivations (`pipeline.derive`), the shapes (`schemas.adam`).
"""

from __future__ import annotations

from pipeline.derive.adae import derive_adae
from pipeline.derive.adce import derive_adce
from pipeline.derive.adex import derive_adex
from pipeline.derive.adrs import derive_adrs
from pipeline.derive.adsl import derive_adsl
from pipeline.derive.adtte import derive_adtte
from pipeline.studies.calgb_100104.endpoints import ENDPOINTS
from pipeline.studies.calgb_100104.mapping import SDTM
from pipeline.study import Dataset
from schemas.adam import ADAE, ADCE, ADEX, ADRS, ADSL, ADTTE

DATASETS = (
    Dataset("adsl", ADSL, derive_adsl, tuple(domain.name for domain in SDTM), large=True),
    Dataset("adrs", ADRS, derive_adrs, ("rs", "lb", "ds"), large=True),
    Dataset("adce", ADCE, derive_adce, ("ce", "mh")),
    Dataset(
        "adtte",
        ADTTE,
        derive_adtte,
        tuple(dict.fromkeys(source.dataset for endpoint in ENDPOINTS for source in endpoint.sources)),
        large=True,
    ),
    Dataset("adae", ADAE, derive_adae, ("ae",)),
    Dataset("adex", ADEX, derive_adex, ("ex",)),
)
