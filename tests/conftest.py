"""What the tests share: the corpus of genuine recordings, which lives beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["pytester", "plugin_project", "chromium"]

settings.register_profile("offline", deadline=None, derandomize=True, database=None)
settings.load_profile("offline")

ROOT = Path(__file__).parent.parent


def _beside(variable: str, folder: str) -> Path:
    """A folder of reference data: named by ``variable``, else beside the repository.

    Without it a test is skipped, unless CONFORMANCE_REQUIRE_SHARED says that a skip is a failure.
    """
    path = Path(os.environ.get(variable) or ROOT.parent / "shared" / folder)
    if path.is_dir():
        return path
    reason = f"no {folder} at {path} (set {variable})"
    if os.environ.get("CONFORMANCE_REQUIRE_SHARED"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of genuine recorded exchanges."""
    return _beside("CONFORMANCE_CORPUS", "corpus")


@pytest.fixture(scope="session")
def rulebook() -> Path:
    """The folder of researched rules."""
    return _beside("CONFORMANCE_RULEBOOK", "rulebook")


@pytest.fixture(scope="session")
def seeds() -> Path:
    """The folder of the documents that name the first providers, their models and parameters."""
    return _beside("CONFORMANCE_SEEDS", "seeds")
