"""What the tests of real adapters share: what to do where one isn't there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    """Skip for want of something, unless CONFORMANCE_REQUIRE_ADAPTERS says it must be there."""
    if os.environ.get("CONFORMANCE_REQUIRE_ADAPTERS"):
        pytest.fail(what)
    pytest.skip(what)
