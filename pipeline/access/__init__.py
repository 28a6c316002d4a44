"""Who may see the arms before the unblinding, and what is written down about it.

`grants`: who may, signed by an authority. `log`: who did or was refused, as a chain. `closed`: the folder of
what only a grant opens. Generic: no trial, no result. What does not belong here: what the results are, how
they are encrypted (`pipeline.warehouse`), files held against manifests (`pipeline.integrity`).
"""

from __future__ import annotations


class AccessError(Exception):
    """Access is refused or cannot be recorded; the message is one plain sentence."""
