"""The commands that ask a target the same again."""

from __future__ import annotations

import shlex
from typing import Final

from conformance.report.curl import curl
from conformance.results.reading import Row, Shown

LONGEST: Final = 300
"""Characters of a word; a longer one is no name that anybody would type."""

LARGEST: Final = 20_000
"""Characters of a request that a page shows whole."""


def request(row: Row, shown: Shown) -> str | None:
    """The request for a shell, unless it is too large to be read."""
    command = curl(row, shown)
    return command if command and len(command) <= LARGEST else None


def again(row: Row, mode: str, check: str = "") -> str | None:
    """A line for a shell; None for a stranger's recordings, and where a name is none to type.

    Where the API's address is known, it needs no file about the provider.
    """
    only = ["--only", check] if check else []
    if mode == "audit":
        return None
    if row.adapter:
        behind = row.target.partition(":")[2]
        return _line("--adapter", row.adapter, behind, *only)
    if row.base_url.startswith(("https://", "http://")):
        key = ["--api-key-env", row.key] if row.key else []
        return _line("--live", "--base-url", row.base_url, "--model", row.model, *key, *only)
    return _line(row.target, *only)


def _line(*words: str) -> str | None:
    if any(not word.isprintable() or len(word) > LONGEST for word in words):
        return None
    return shlex.join(["conformance", "run", *words])
