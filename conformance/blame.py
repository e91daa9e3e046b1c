"""Whose fault it is that a reply from behind an adapter breaks a rule.

The same check judges what the provider itself answered, as if it had been asked directly: that is
the last exchange on the far side. What it finds there too came from the provider.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from conformance.model import STRANGER, Exchange, Finding, Outcome, Source, show
from conformance.recognise import recognise
from conformance.registry import Check, Judgement
from conformance.replies import Reply

ADAPTER: Final = "adapter"
PROVIDER: Final = "provider"
STAGED: Final = "the stand-in for the provider does so itself"
"""Why nothing can be told where no real provider was asked."""
BOTH: Final = "both"
_INDEX: Final = re.compile(r"\[\d+\]")


def beyond(exchange: Exchange) -> Reply | None:
    """The provider's own reply, as one to the probe that was asked; None in another API."""
    answers = [one for one in exchange.upstream if one.provider != STRANGER]
    if not answers:
        return None
    last = replace(
        answers[-1],
        id=exchange.id,
        provider=exchange.provider,
        model=exchange.model,
        probe=exchange.probe,
        session=exchange.session,
    )
    return recognise(last)


def blamed(check: Check, exchange: Exchange, findings: Sequence[Finding]) -> str | None:
    """``adapter``, ``provider`` or ``both``; None where there is no adapter, or no telling.

    In another API a stand-in makes no mistakes: what came of its answers is the adapter's doing.
    """
    if not (exchange.behind_adapter and findings):
        return None
    theirs = beyond(exchange)
    if theirs is None:
        return ADAPTER if is_stood_in(exchange) else None
    found = check.judge(theirs).findings if isinstance(theirs, check.judges) else ()
    if not found:
        return ADAPTER
    return PROVIDER if _places(findings) <= _places(found) else BOTH


def fair(judgement: Judgement, exchange: Exchange) -> Judgement:
    """``judgement``, unless it holds against an adapter what only a stand-in does."""
    staged = exchange.upstream and is_stood_in(exchange)
    if staged and blamed(judgement.check, exchange, judgement.findings) == PROVIDER:
        return Judgement(judgement.check, Outcome.INCONCLUSIVE, (), STAGED)
    return judgement


def is_stood_in(exchange: Exchange) -> bool:
    """Whether no answer on the far side is a real provider's."""
    return all(one.provenance.source is Source.REFERENCE for one in exchange.upstream)


def _places(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    """What was found where; chunks and choices may be counted otherwise on the two sides."""
    return {(_INDEX.sub("[*]", found.at), show(found.got)) for found in findings}
