"""What changed between two runs: rules newly broken, fixed, flaky, told or no longer told.

The outcome that decides for a rule at a target is compared, over all its exchanges. Each change is
of one kind, and the kinds come in pairs: what is one from the old run to the new is the other from
the new to the old.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from conformance.compare.causes import Failure, failures_of, rank
from conformance.compare.kinds import UNTOLD, Kind, kind_of
from conformance.model import Disposition, Level, Outcome
from conformance.results.reading import Run
from conformance.results.rows import BROKEN, Result, Row, is_news

NOTHING: Final = frozenset({Disposition.DEAD, Disposition.UNKNOWN})
"""The dispositions that tell nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One rule at one target that does not come to what it came to."""

    kind: Kind
    target: str
    check: str
    level: Level
    before: Outcome | None
    """None where nobody asked, as in ``after``."""
    after: Outcome | None
    times: tuple[int, int] = (0, 0)
    """How often it is broken now, of how often it could be told."""
    known: str | None = None
    """Why it is, or was, known to fail."""
    reason: str = ""
    """Why nothing is told any more, where the new run says why."""
    failure: Failure | None = None
    """What is broken now; where nothing is, what was."""

    @property
    def is_failure(self) -> bool:
        """Whether the rule is broken, and was not known to be by the old run."""
        return self.after in BROKEN and self.before not in BROKEN

    @property
    def was_broken(self) -> bool:
        """Whether the rule was broken in the old run."""
        return self.before in BROKEN


@dataclass(frozen=True, slots=True)
class Turn:
    """A parameter that something else becomes of."""

    target: str
    name: str
    before: Disposition
    after: Disposition
    evidence: str
    dropping: bool = False
    """Whether the adapter was told to drop what is not taken."""


@dataclass(slots=True)
class Changes:
    """The news between two runs, and how much was compared."""

    old: Run
    new: Run
    found: list[Change] = field(default_factory=list)
    """By kind, level, target and check."""
    turns: list[Turn] = field(default_factory=list)
    targets: int = 0
    """Those that are in both."""
    compared: int = 0
    """Rules that were told at the same target in both, a rule at two targets twice."""
    parameters: int = 0
    """Parameters of which something was told in both, counted alike."""
    staying: int = 0
    """Failures that stay, flaky ones that stay flaky included."""
    staying_known: int = 0
    """How many of them are known."""
    unsure: int = 0
    """Rules that are told in one run only, while the other is incomplete."""

    @property
    def added(self) -> list[str]:
        """Targets that are in the new run only."""
        return sorted(self.new.rows.keys() - self.old.rows.keys())

    @property
    def gone(self) -> list[str]:
        """Targets that are in the old run only; of an incomplete run nothing is gone."""
        lost = self.old.rows.keys() - self.new.rows.keys()
        return sorted(lost) if self.new.complete else []

    @property
    def is_comparison(self) -> bool:
        """Whether anything was told in both runs."""
        return bool(self.compared or self.parameters)

    @property
    def is_nothing(self) -> bool:
        """Whether all that is in both came to the same, and nothing more is in either."""
        return not (self.found or self.turns or self.added or self.gone or self.unsure)

    def of(self, *kinds: Kind) -> list[Change]:
        """The changes of these kinds."""
        return [change for change in self.found if change.kind in kinds]

    def failures(self, lowest: Level) -> list[Change]:
        """Rules broken now that were not seen broken before, down to a level, known or not."""
        broken = [change for change in self.found if change.is_failure]
        return [change for change in broken if rank(change.level) <= rank(lowest)]

    def news(self) -> list[Change]:
        """Those of them that nobody knew of, on a level where that counts."""
        broken = [change for change in self.found if change.is_failure]
        return [change for change in broken if is_news(change.target, change.level, change.known)]


def changes(old: Run, new: Run) -> Changes:
    """What changed from one run to another at the targets that are in both."""
    made = Changes(old, new)
    for target in sorted(old.rows.keys() & new.rows.keys()):
        made.targets += 1
        _rules(made, old.rows[target], new.rows[target])
        _parameters(made, old.rows[target], new.rows[target])
    made.found.sort(key=_order)
    return made


def _rules(made: Changes, old: Row, new: Row) -> None:
    """Count the rules of one target, and note those that changed."""
    was, now = _results(old), _results(new)
    broken = {f.check: f for f in chain(failures_of(old), failures_of(new))}
    for check in sorted(was.keys() | now.keys()):
        before, after = was.get(check), now.get(check)
        kind = kind_of(_outcome(before), _outcome(after))
        made.compared += _is_told(before) and _is_told(after)
        if after and after.is_broken and not kind:
            made.staying += 1
            made.staying_known += after.known is not None
        if _is_unsure(made, kind):
            made.unsure += 1
        elif kind:
            made.found.append(_change(kind, new.target, before, after, broken.get(check)))


def _results(row: Row) -> dict[str, Result]:
    return {check: result for check, _, result in row.checks()}


def _outcome(result: Result | None) -> Outcome | None:
    return result.outcome if result else None


def _is_told(result: Result | None) -> bool:
    return result is not None and result.outcome not in UNTOLD


def _is_unsure(made: Changes, kind: Kind | None) -> bool:
    """Whether a change may only be due to what an incomplete run did not come to."""
    if kind is Kind.DISAPPEARED:
        return _tells_less(made.new, made.old)
    return kind in (Kind.COVERED, Kind.COVERED_BROKEN) and _tells_less(made.old, made.new)


def _tells_less(run: Run, other: Run) -> bool:
    """Whether a rule may be missing in a run though nothing changed."""
    return not run.complete or (other.whole and not run.whole)


def _change(
    kind: Kind,
    target: str,
    before: Result | None,
    after: Result | None,
    failure: Failure | None,
) -> Change:
    told = after or before
    assert told  # noqa: S101  # there is no change of nothing to nothing
    broken = after if after and after.is_broken else before
    return Change(
        kind=kind,
        target=target,
        check=told.check,
        level=told.level,
        before=_outcome(before),
        after=_outcome(after),
        times=after.times if after else (0, 0),
        known=broken.known if broken else None,
        reason=(after.reason or "") if after else "",
        failure=failure,
    )


def _parameters(made: Changes, old: Row, new: Row) -> None:
    """Count the parameters of one target, and note those that something else becomes of."""
    for dropping, was, now in (
        (False, old.parameters, new.parameters),
        (True, old.dropping, new.dropping),
    ):
        for name in sorted(was.keys() & now.keys()):
            before, after = was[name].disposition, now[name].disposition
            made.parameters += not {before, after} & NOTHING
            if before is not after:
                turn = Turn(new.target, name, before, after, now[name].evidence, dropping)
                made.turns.append(turn)


def _order(change: Change) -> tuple[int, int, str, str]:
    kind = list(Kind).index(change.kind)
    return kind, rank(change.level), change.target, change.check
