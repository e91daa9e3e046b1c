"""Targets that refused all they were asked: live, the mistake is ours more likely than theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from conformance.targets import Target

EVERYTHING: Final = "refused every endpoint, which says nothing of any"
UNKNOWN: Final = ("status 401", "status 403")
"""How refusals begin that ask who is there (RFC 9110, sections 15.5.2 and 15.5.4)."""
NOWHERE: Final = "status 404"


def told(target: Target, refusals: Sequence[str]) -> str:
    """What to say of a target that answered each area's first request with these refusals."""
    asking = [refusal for refusal in refusals if refusal.startswith(UNKNOWN)]
    reason = (asking or refusals)[0]
    return f"{target.name} {EVERYTHING}; {_advice(target, refusals)} {reason}"


def _advice(target: Target, refusals: Sequence[str]) -> str:
    url = target.reached.base_url
    if target.key is None and any(refusal.startswith(UNKNOWN) for refusal in refusals):
        how = "name its variable in the provider's file" if target.claimed else "--api-key-env VAR"
        return f"look at {url}, it wants a key ({how}):"
    if not urlsplit(url).path.strip("/") and all(one.startswith(NOWHERE) for one in refusals):
        return f"look at {url}, is /v1 missing?"
    return f"look at {url}, the key and the model:"


def silent(problems: Iterable[str]) -> set[str]:
    """The names of the targets of which these problems say so."""
    return {
        name for problem in problems if (name := problem.partition(f" {EVERYTHING}")[0]) != problem
    }
