"""``@check``, and everything that is derived from one decorated function.

A check is a generator over one argument: the reply it judges. The argument's annotation says which
replies those are, the docstring's first line is the rule, the rest of it says why a client cares,
and ``broken_by`` holds the edits of a good exchange that prove the check works.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from types import MappingProxyType, UnionType
from typing import Any, Final, Generic, TypeVar, get_args, get_type_hints

from conformance.model import (
    Evidence,
    Finding,
    Findings,
    Inconclusive,
    Level,
    NotApplicable,
    Outcome,
)
from conformance.mutate import Mutant

MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY

MOST: Final = 1000
"""How many findings a check makes at most; a server may break a rule a million times."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """What a set check keeps of one exchange: a small value instead of the exchange itself."""

    exchange: str
    value: T


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one check said: its outcome, the violated places, and why it could not tell."""

    check: Check
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """One rule and its proof. ``over`` is set for a check that compares several exchanges."""

    id: str
    level: Level
    rule: str
    why: str
    spec: str
    judges: tuple[type, ...]
    function: Callable[[Any], Findings]
    broken_by: tuple[Mutant, ...]
    covers: tuple[str, ...]
    needs: frozenset[Evidence]
    breach: Outcome
    over: Callable[[Any], Any] | None
    control: str | None = None

    @property
    def suite(self) -> str:
        """The part of the id before the first dot."""
        return self.id.partition(".")[0]

    def judge(self, reply: Any) -> Judgement:
        """What this check says of one reply it applies to."""
        judgement = self._run(reply, self._lost(reply))
        if judgement.outcome is Outcome.IGNORED and reply.exchange.dropping:
            dropped = "the adapter was told to drop what is not taken"
            return Judgement(self, Outcome.NOT_APPLICABLE, (), dropped)
        return judgement

    def fact(self, reply: Any) -> Any:
        """What a set check keeps of ``reply``; None when it has no use for it."""
        if self.over is None or self._lost(reply):
            return None
        try:
            return self.over(reply)
        except NotApplicable:
            return None

    def compare(self, facts: Sequence[Fact[Any]]) -> Judgement:
        """What a set check says of the facts kept of one session."""
        return self._run(facts, frozenset())

    def _lost(self, reply: Any) -> frozenset[Evidence]:
        lacks: frozenset[Evidence] = reply.exchange.provenance.lacks
        return self.needs & lacks

    def _run(self, subject: Any, lost: frozenset[Evidence]) -> Judgement:
        if lost:
            reason = f"the recording did not keep: {', '.join(sorted(lost))}"
            return Judgement(self, Outcome.NOT_APPLICABLE, (), reason)
        findings: list[Finding] = []
        outcome, reason = Outcome.PASS, ""
        try:
            findings.extend(islice(self.function(subject), MOST))
        except NotApplicable as unmet:
            outcome, reason = Outcome.NOT_APPLICABLE, str(unmet)
        except Inconclusive as unsure:
            outcome, reason = Outcome.INCONCLUSIVE, str(unsure)
        except Exception as error:  # noqa: BLE001  # a check that fails must not end the run
            outcome, reason = Outcome.ERROR, f"the check failed: {type(error).__name__}: {error}"
        if findings and outcome is not Outcome.ERROR:
            outcome, reason = self.breach, ""
        return Judgement(self, outcome, tuple(findings), reason[:300] or None)


def only_if(condition: object, otherwise: str) -> None:
    """End a check as not applicable unless ``condition`` holds."""
    if not condition:
        raise NotApplicable(otherwise)


def inconclusive_if(condition: object, because: str) -> None:
    """End a check as inconclusive when ``condition`` holds."""
    if condition:
        raise Inconclusive(because)


_checks: dict[str, Check] = {}


def check(  # noqa: PLR0913  # all of them are a check's own
    level: Level,
    *,
    spec: str,
    broken_by: Iterable[Mutant],
    covers: Iterable[str] = (),
    needs: Iterable[Evidence] = (),
    breach: Outcome = Outcome.FAIL,
    over: Callable[[Any], Any] | None = None,
    control: str | None = None,
) -> Callable[[Callable[[Any], Findings]], Check]:
    """Make a check of a function; its id is ``<suite>.<function name>``.

    ``covers`` names further rules the check decides; ``needs`` the evidence without which it is not
    applicable; ``breach`` the outcome of a violation: IGNORED where an accepted parameter showed no
    effect. With ``over``, the function gets the facts that ``over`` kept of each exchange of a
    session, and ``over``'s annotation says which replies those are. ``control`` names the check
    that must have passed on a target for this one's pass to mean anything there.

    Raises TypeError for a check without docstring, counterexample or annotation, and for an id
    that is taken.
    """

    def register(function: Callable[[Any], Findings]) -> Check:
        name = f"{_suite(function.__module__)}.{function.__name__}"
        rule, _, why = (inspect.getdoc(function) or "").partition("\n")
        made = Check(
            id=name,
            level=level,
            rule=rule.strip(),
            why=why.strip(),
            spec=spec,
            judges=_judged(over or function),
            function=function,
            broken_by=tuple(broken_by),
            covers=tuple(covers),
            needs=frozenset(needs),
            breach=breach,
            over=over,
            control=control,
        )
        _refuse_incomplete(made)
        _checks[name] = made
        return made

    return register


def _refuse_incomplete(made: Check) -> None:
    if not made.rule:
        raise TypeError(f"{made.id} needs a docstring: its first line is the rule")
    if not made.broken_by:
        raise TypeError(f"{made.id} needs a counterexample in broken_by")
    if made.id in _checks:
        raise TypeError(f"two checks are called {made.id}")


def _suite(module: str) -> str:
    parts = module.split(".")
    return parts[parts.index("suites") + 1] if "suites" in parts else parts[-1]


def _judged(function: Callable[[Any], Any]) -> tuple[type, ...]:
    """The reply types that the first argument is annotated with."""
    hints = get_type_hints(function)
    first = next(iter(inspect.signature(function).parameters), None)
    if first not in hints:
        raise TypeError(f"{function.__name__} must annotate what it judges")
    hint = hints[first]
    return get_args(hint) if isinstance(hint, UnionType) else (hint,)


@cache
def checks() -> Mapping[str, Check]:
    """Every check by id, in the order of their ids."""
    import conformance.suites  # noqa: PLC0415  # suites import this module

    for module in pkgutil.walk_packages(conformance.suites.__path__, "conformance.suites."):
        importlib.import_module(module.name)
    return MappingProxyType(dict(sorted(_checks.items())))
