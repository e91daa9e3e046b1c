"""Conformance as pytest items: one for each probe of each target.

``roster`` says which items there are, ``bench`` replays and judges one, ``items`` makes pytest's
outcome of it, ``gathering`` puts together what all processes found, ``fetching`` asks live.
"""

from __future__ import annotations

import pytest

from conformance.pytest_plugin.hooks import Hooks


def start(config: pytest.Config) -> None:
    """Take part in this run. Raises UsageError."""
    config.pluginmanager.register(Hooks(config), "conformance-hooks")
