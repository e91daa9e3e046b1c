"""Conformance as pytest items: one for each probe of each target.

``roster`` says which items there are, ``through`` what is known of the adapter they go through;
``bench`` asks and judges one, ``items`` makes pytest's outcome of it. ``judging`` does so in every
process that runs items, ``gathering`` and ``summing`` put together what they found in the one that
was started, where ``fetching`` asks live.
"""

from __future__ import annotations

import pytest

from conformance.pytest_plugin.judging import Judging
from conformance.pytest_plugin.roster import roster
from conformance.pytest_plugin.summing import Summing


def start(config: pytest.Config) -> None:
    """Take part in this run. Raises UsageError."""
    chosen = roster(config)
    worker = getattr(config, "workerinput", None)
    if worker is None:
        summing = Summing(config, chosen)
        config.pluginmanager.register(summing, "conformance-summing")
        places = summing.places
    else:
        places = worker.get("conformance")
    config.pluginmanager.register(Judging(chosen, places), "conformance-judging")
