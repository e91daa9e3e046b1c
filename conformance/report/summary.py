"""What an audit found, added up for people: grouped by provider and by broken check."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from conformance.engine import UNTOLD
from conformance.model import Level, Outcome, Verdict
from conformance.replies import NO_MODEL

HARMLESS = (Outcome.LENIENT, Outcome.REJECTED, Outcome.REJECTED_BADLY)
"""Being more generous than OpenAI, and refusing an optional parameter; how it was refused is what
the checks of errors are about."""
LISTED = 20
"""How many problems are kept."""
ORDER = {Level.MUST: 0, Level.SHOULD: 1, Level.MAY: 2}


@dataclass(slots=True)
class Broken:
    """One check broken by one provider: how often, out of how many replies, and an example."""

    check: str
    level: Level
    example: Verdict
    count: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)


@dataclass(slots=True)
class Summary:
    """Counts of verdicts; feed it each one with :meth:`add`."""

    broken: dict[str, dict[str, Broken]] = field(default_factory=lambda: defaultdict(dict))
    ran: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(provider, check): how often the check could tell."""
    failures: Counter[Level] = field(default_factory=Counter)
    """Verdicts with findings by level, the harmless ones left out."""
    unreadable: int = 0
    """Files and entries that could not be read."""
    foreign: int = 0
    """Files that are something else than a recording."""
    problems: list[str] = field(default_factory=list)
    """What is wrong with the first of them, with file and line."""

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        if verdict.outcome not in UNTOLD:
            self.ran[verdict.provider, verdict.check] += verdict.repeat[0]
        if not verdict.findings:
            return
        checks = self.broken[verdict.provider]
        if verdict.check not in checks:
            checks[verdict.check] = Broken(verdict.check, verdict.level, verdict)
        entry = checks[verdict.check]
        entry.count += 1
        entry.outcomes[verdict.outcome] += 1
        if verdict.outcome not in HARMLESS:
            self.failures[verdict.level] += 1

    def add_unreadable(self, problem: str) -> None:
        """Count a file or an entry that could not be read."""
        self.unreadable += 1
        if len(self.problems) < LISTED:
            self.problems.append(problem)

    def of(self, provider: str) -> Iterator[Broken]:
        """The checks a provider broke: the worst level first, then the most frequent."""
        entries = self.broken.get(provider, {}).values()
        yield from sorted(entries, key=lambda b: (ORDER[b.level], -b.count, b.check))


def by_provider(targets: Mapping[tuple[str, str], int]) -> dict[str, tuple[int, int]]:
    """Provider -> (replies judged, models), the provider with the most replies first."""
    replies: Counter[str] = Counter()
    models: Counter[str] = Counter()
    for (provider, model), count in targets.items():
        replies[provider] += count
        models[provider] += model != NO_MODEL
    return {provider: (count, models[provider]) for provider, count in replies.most_common()}
