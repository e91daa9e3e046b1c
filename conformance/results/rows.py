"""What stands in a results file, as values: targets, what rules came to there, and the evidence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from conformance.model import Disposition, Level, Outcome, Verdict

WORST: Final = (
    Outcome.FAIL,
    Outcome.IGNORED,
    Outcome.FLAKY,
    Outcome.REJECTED_BADLY,
    Outcome.REJECTED,
    Outcome.UNSUPPORTED,
    Outcome.LENIENT,
    Outcome.PASS,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.STALE,
    Outcome.NOT_APPLICABLE,
)
"""Outcomes, the one that decides first."""
BROKEN: Final = frozenset({Outcome.FAIL, Outcome.IGNORED, Outcome.FLAKY})
"""The outcomes that break a rule."""


_ADAPTED: Final = re.compile(r"([\w.-]+):(?!\d+(?:/|$))")
"""An adapter before the provider behind it; a host before its port is none."""


def adapter_of(provider: str) -> str:
    """The adapter in the name of a provider or target behind one, nothing in any other name."""
    found = _ADAPTED.match(provider)
    return found[1] if found else ""


def is_news(provider: str, level: Level, known: str | None) -> bool:
    """Whether a failure is news: nobody knew of it, on a level where that counts.

    A baseline has what an adapter breaks on every level, so whatever is not in it is new.
    """
    counts = (Level.MUST, Level.SHOULD) if adapter_of(provider) else (Level.MUST,)
    return known is None and level in counts


@dataclass(frozen=True, slots=True)
class Passage:
    """A body, or a part of it, as text. ``mark`` is the span of the place at fault, in characters.

    ``whole`` is False where something was left out.
    """

    text: str
    mark: tuple[int, int] | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Side:
    """What an adapter sent on, and what it got."""

    method: str
    url: str
    request: Passage
    status: int | None
    response: Passage


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange as far as it is evidence: keys masked, bodies shortened, the place marked."""

    exchange: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    request: Passage
    status: int | None
    response_headers: tuple[tuple[str, str], ...]
    response: Passage
    beyond: tuple[Side, ...] = ()


@dataclass(slots=True)
class Result:
    """What one check came to at one target, as far as it is about one capability."""

    check: str
    level: Level
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    """How often each came."""
    broken: list[Verdict] = field(default_factory=list)
    """The verdicts with findings, the lenient and rejected ones included."""
    reason: str | None = None
    """Why there is no verdict, where there is none."""
    example: Verdict | None = None
    """The first verdict."""
    evidence: Shown | None = None
    """The exchange of the first of ``broken`` whose exchange is in the file."""

    @property
    def outcome(self) -> Outcome:
        """The outcome that decides."""
        return next((one for one in WORST if self.outcomes[one]), Outcome.NOT_APPLICABLE)

    @property
    def is_broken(self) -> bool:
        """Whether the rule was broken at least once."""
        return self.outcome in BROKEN

    @property
    def known(self) -> str | None:
        """Why it is known to fail, if each time was known."""
        reasons = [v.known for v in self.broken if v.outcome in BROKEN]
        return reasons[0] if reasons and all(reasons) else None

    @property
    def times(self) -> tuple[int, int]:
        """How often the rule was broken, of how often it could be told."""
        broken = sum(self.outcomes[one] for one in BROKEN)
        return broken, broken + self.outcomes[Outcome.PASS]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What became of one parameter; ``documented`` and ``declared`` are None where nobody says."""

    name: str
    disposition: Disposition
    evidence: str
    documented: bool | None = None
    declared: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """How many probes of one capability were answered, of how many; why the first was not."""

    answered: int
    asked: int
    refusal: str


Decided = tuple[str, Level, Outcome]
"""A check, its level, and the outcome that decides."""


@dataclass(slots=True)
class Row:
    """One target in one run."""

    target: str
    """``provider/model``, behind an adapter ``adapter:provider/model``."""
    provider: str = ""
    model: str = ""
    title: str = ""
    """What the provider calls itself."""
    source: str = ""
    """Who made its replies: live, local, recording, documented or reference."""
    software: str = ""
    recorded: tuple[str, str] = ("", "")
    """When the oldest and the newest of its replies came, as ISO texts."""
    base_url: str = ""
    key: str = ""
    """The environment variable that holds the key."""
    claims: frozenset[str] | None = None
    """The capabilities that it claims; None where nobody says."""
    results: dict[tuple[str, str], Result] = field(default_factory=dict)
    """By capability and check."""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    dropping: dict[str, Parameter] = field(default_factory=dict)
    """The same where an adapter is told to drop what is not taken."""
    absent: dict[str, str] = field(default_factory=dict)
    """Probe -> why it was not asked: its area was refused."""
    asked: dict[str, Asked] = field(default_factory=dict)
    """By capability, what became of the probes about it."""
    _outcomes: tuple[Decided, ...] | None = None
    """What is left of the results of a row that is history only."""

    @property
    def adapter(self) -> str:
        """The adapter it was reached through, or nothing."""
        return adapter_of(self.provider)

    @property
    def is_empty(self) -> bool:
        """Whether nothing came of it: nobody asked, or nobody recorded."""
        told = self.results or self._outcomes or self.parameters or self.dropping or self.absent
        return not told

    def outcomes(self) -> tuple[Decided, ...]:
        """Every check with its level and the outcome that decides, by check."""
        if self._outcomes is None:
            return tuple((check, result.level, outcome) for check, outcome, result in self.checks())
        return self._outcomes

    def forget(self) -> None:
        """Keep nothing but the outcomes: of a hundred runs, all but the last are history."""
        self._outcomes = self.outcomes()
        self.results, self.parameters, self.dropping, self.absent = {}, {}, {}, {}

    def checks(self) -> Iterator[tuple[str, Outcome, Result]]:
        """Every check with the outcome that decides over all capabilities, and whose it is."""
        worst: dict[str, Result] = {}
        for (_, check), result in self.results.items():
            before = worst.get(check)
            if before is None or _weight(result) < _weight(before):
                worst[check] = result
        for check, result in sorted(worst.items()):
            yield check, result.outcome, result


def _weight(result: Result) -> tuple[int, bool]:
    """The worst first; of what is as bad, what nobody knew of."""
    return WORST.index(result.outcome), result.known is not None
