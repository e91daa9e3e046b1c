"""The commands that ask a target the same again."""

from __future__ import annotations

import shlex
from typing import Final

from conformance.model import Level, Verdict
from conformance.probe import probes
from conformance.registry import checks
from conformance.replies.base import NO_MODEL
from conformance.results.rows import Row

LONGEST: Final = 300
"""Characters of a word; a longer one is no name that anybody would type."""


def again(row: Row, mode: str, verdict: Verdict | None = None) -> str | None:
    """A line for a shell that asks all of it, or only what a verdict rests on.

    Where the API's address is known, it needs no file about the provider. None for a stranger's
    recordings, where a name is none to type, and for a check that this version does not have.
    """
    target = row.target.partition(":")[2] if row.adapter else row.target
    is_none = row.model == NO_MODEL or target.startswith("-")  # that would be an option
    if mode == "audit" or is_none or (verdict and verdict.check not in checks()):
        return None
    only = _only(verdict) if verdict else []
    if row.adapter:
        return _line("--adapter", row.adapter, target, *only)
    if row.base_url.startswith(("https://", "http://")):
        key = ["--api-key-env", row.key] if row.key else []
        return _line("--live", "--base-url", row.base_url, "--model", row.model, *key, *only)
    return _line(target, *only)


def _only(verdict: Verdict) -> list[str]:
    """What to judge; and what to ask, without which all probes would be asked."""
    probe = verdict.probe or ""
    asked = ["--only", probe] if probe in probes() else []
    level = ["--level", verdict.level] if verdict.level is Level.MAY else []
    return ["--only", verdict.check, *asked, *level]


def _line(*words: str) -> str | None:
    odd = any(not word.isprintable() or len(word) > LONGEST for word in words)
    return None if odd else shlex.join(["conformance", "run", *words])
