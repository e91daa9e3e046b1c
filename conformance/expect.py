"""Known failures: what of a result is news.

That a check fails, and that it was expected to, are two things: the outcome stays what it is, and
the verdict says beside it that the failure is known. A known failure that no longer fails is news.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from conformance.model import Outcome, Verdict
from conformance.targets import Known, Target

TOLD = (Outcome.PASS, Outcome.FAIL, Outcome.IGNORED, Outcome.REJECTED, Outcome.REJECTED_BADLY)


@dataclass(slots=True)
class Expectations:
    """The known failures of some targets; give it every verdict with :meth:`mark`."""

    targets: Sequence[Target]
    _seen: set[tuple[str, Known]] = field(default_factory=set)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def mark(self, verdict: Verdict) -> Verdict:
        """The verdict, with the reason why it was to be expected if it was."""
        if verdict.outcome in TOLD:
            self._told.add((verdict.target, verdict.check))
        if not verdict.findings:
            return verdict
        for known in self._of(verdict.target):
            if covers(known, verdict):
                self._seen.add((verdict.target, known))
                verdict = replace(verdict, known=verdict.known or known.reason)
        return verdict

    def fixed(self) -> Iterator[tuple[str, Known]]:
        """The (target, known failure) that no longer fail although the check had its say.

        That one which comes and goes was not seen this time proves nothing.
        """
        for target in self.targets:
            for known in self._of(target.name):
                told = (target.name, known.check) in self._told
                lasting = known.outcome != Outcome.FLAKY
                if told and lasting and (target.name, known) not in self._seen:
                    yield target.name, known

    def _of(self, name: str) -> Iterator[Known]:
        return (
            known
            for target in self.targets
            if target.name == name
            for known in target.known
            if any(fnmatchcase(target.model, pattern) for pattern in known.models)
        )


def covers(known: Known, verdict: Verdict) -> bool:
    """Whether this failure was to be expected of a model that ``known`` is about.

    What fails only at times may do so in either form.
    """
    outcomes = (known.outcome, verdict.outcome)
    same = known.outcome == verdict.outcome or Outcome.FLAKY in outcomes
    return known.check == verdict.check and same and bool(verdict.findings)


def pointless(targets: Iterable[Target], checks: Iterable[str]) -> Iterator[str]:
    """What is wrong with the known failures themselves: no such check, or no such model."""
    existing = set(checks)
    for known in dict.fromkeys(known for target in targets for known in target.known):
        if known.check not in existing:
            yield f"{known.where}: a known failure names no check: {known.check}"
        for pattern in known.strangers:
            yield f"{known.where}: a known failure names no model: {pattern}"
