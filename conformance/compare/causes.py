"""Failures grouped by what causes them, so that one cause is one line, however many it breaks.

Two failures have one cause in two cases:

1. The same owner answered on the same level at the same place, where the same was wanted, with the
   same kind of value. Indices in places and numbers in phrases do not count: ``choices[*].index``
   is one place. A value's kind is its JSON type, and whether it is empty; of a status 500 and above
   that it is a server's error. What a rule wants differently of each answer, such as an id, is the
   same where the rule is. Many faults have a status for their place: there it is the same rule.
2. The same owner had the same kind of value in the very same exchanges at members of the same
   object, or as their status: of a body that is not the object at all each member is missing.

The owner is who would have to put it right: the provider, or the adapter it was reached through,
unless the provider is to blame.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.model import Level, Verdict, show
from conformance.results.rows import BROKEN, Row, adapter_of, is_news
from conformance.results.writing import show_place, wanted

INDEX: Final = re.compile(r"\[\d+\]")
NUMBER: Final = re.compile(r"\d+")
STATUS: Final = "status"
HTTP: Final = (STATUS, "body", "headers", "request", "upstream", "events")
"""First words of places that are no members of a body."""
OF_JSON: Final = {
    "missing": "missing",
    "null": "null",
    "true": "a boolean",
    "false": "a boolean",
    '""': "an empty string",
    "[]": "an empty array",
    "{}": "an empty object",
}
OF_FIRST: Final = {'"': "a string", "[": "an array", "{": "an object"}
"""How a value that is not empty begins -> what it is."""
NAMED: Final = 6
"""How many members of an object are named."""

Symptom = tuple[str, str, str]
"""The place, what was wanted there, and the kind of what came."""
Group = tuple[str, Level, Symptom]


@dataclass(frozen=True, slots=True)
class Failure:
    """One rule that one target broke, by a verdict that stands for all the times it did.

    ``exchanges`` are all in which it was broken; without any, that of the verdict.
    """

    target: str
    check: str
    level: Level
    verdict: Verdict
    exchanges: frozenset[str] = frozenset()

    @property
    def owner(self) -> str:
        """Who would have to put it right."""
        provider = self.verdict.provider
        adapter = adapter_of(provider)
        return adapter if adapter and self.verdict.blame != "provider" else provider

    @property
    def is_news(self) -> bool:
        """Whether nobody knew of it, on a level where that counts."""
        return is_news(self.verdict.provider, self.level, self.verdict.known)

    @property
    def seen(self) -> frozenset[tuple[str, str]]:
        """The exchanges, each with its target."""
        return frozenset((self.target, e) for e in self.exchanges or {str(self.verdict.exchange)})


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures with one cause; levels differ only where it is an object or a status as a whole."""

    owner: str
    level: Level
    """The highest of theirs."""
    place: str
    """Without indices."""
    want: str
    got: str
    """The value itself in the example."""
    failures: tuple[Failure, ...]
    """By check and target; never empty."""

    @property
    def example(self) -> Failure:
        """One that stands for all."""
        return self.failures[0]

    @property
    def checks(self) -> list[str]:
        """The rules it breaks."""
        return sorted({failure.check for failure in self.failures})

    @property
    def targets(self) -> list[str]:
        """Where it was seen."""
        return sorted({failure.target for failure in self.failures})

    @property
    def known(self) -> str | None:
        """Why it is known, if each of its failures is."""
        reasons = [failure.verdict.known for failure in self.failures]
        return reasons[0] if all(reasons) else None


def causes(failures: Iterable[Failure]) -> list[Cause]:
    """What these failures come from: MUST first, and on each level what breaks most."""
    return sorted(map(_cause, _joined(_alike(list(failures)))), key=_weight)


def failures_of(row: Row) -> Iterator[Failure]:
    """Every rule that a target broke, by the verdict whose symptom is the most frequent.

    Where some of its verdicts were known and some not, one of those that were not.
    """
    broken: dict[str, dict[int, Verdict]] = defaultdict(dict)  # of several capabilities: once
    for result in row.results.values():
        broken[result.check] |= {id(v): v for v in result.broken if v.outcome in BROKEN}
    for check, outcome, result in row.checks():
        verdicts = list(broken[check].values())
        if not verdicts and result.example:  # nobody says where
            verdicts.append(result.example)
        if outcome in BROKEN and verdicts:
            yield _failure(row.target, verdicts)


def _failure(target: str, verdicts: Sequence[Verdict]) -> Failure:
    news = [verdict for verdict in verdicts if not verdict.known] or verdicts
    times = Counter(map(symptom, news))
    usual = max(news, key=lambda verdict: times[symptom(verdict)])
    exchanges = frozenset(str(verdict.exchange) for verdict in verdicts)
    return Failure(target, usual.check, usual.level, usual, exchanges)


def symptom(verdict: Verdict) -> Symptom:
    """What the first finding comes to when neither indices, numbers nor values count."""
    at, want, got = _first(verdict)
    place = INDEX.sub("[*]", at)
    words = want if place == STATUS else NUMBER.sub("#", want)
    return place, words, _kind(place, got)


def _first(verdict: Verdict) -> tuple[str, str, str]:
    """Its first finding as texts, whether it was read from a file or just made."""
    if not verdict.findings:
        return "", "", ""
    first = verdict.findings[0]
    got = first.got if isinstance(first.got, str) else show(first.got)
    return show_place(str(first.at)), wanted(first.want), got


def _kind(place: str, got: str) -> str:
    if place == STATUS and got.isdecimal():
        return "a server error" if got.startswith("5") else got
    return OF_JSON.get(got) or OF_FIRST.get(got[:1], "a number")


def _alike(failures: Sequence[Failure]) -> dict[Group, list[Failure]]:
    """The groups of the first case."""
    wants: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for failure in failures:
        place, want, kind = symptom(failure.verdict)
        wants[failure.owner, failure.check, place, kind].add(want)
    groups: dict[Group, list[Failure]] = defaultdict(list)
    for failure in failures:
        place, want, kind = symptom(failure.verdict)
        if place == STATUS:
            want = f"{want}, as {failure.check} wants"
        elif len(wants[failure.owner, failure.check, place, kind]) > 1:
            want = f"as {failure.check} wants"
        groups[failure.owner, failure.level, (place, want, kind)].append(failure)
    return groups


def _joined(alike: Mapping[Group, Sequence[Failure]]) -> Iterator[list[Failure]]:
    """The groups, with those put together that are about one whole in the same exchanges."""
    together: dict[tuple[object, ...], list[Failure]] = defaultdict(list)
    for group, failures in alike.items():
        owner, _, (place, _, kind) = group
        whole = STATUS if place == STATUS else _object(place)
        seen = frozenset(pair for failure in failures for pair in failure.seen)
        together[group if whole is None else (owner, whole, kind, seen)] += failures
    yield from together.values()


def _object(place: str) -> str | None:
    """The object whose member a place is, empty for the whole body; None where it is no member."""
    parent, _, _ = place.rpartition(".")
    first = re.split(r"[.\[]", place, maxsplit=1)[0]
    return None if first in HTTP and not parent.startswith("events[*]") else parent


def _cause(failures: Sequence[Failure]) -> Cause:
    ordered = sorted(failures, key=lambda f: (rank(f.level), f.check, f.target))
    first = ordered[0]
    place, want, got = _first(first.verdict)
    place = INDEX.sub("[*]", place)
    members = sorted({symptom(failure.verdict)[0] for failure in ordered})
    if len(members) > 1:
        place = _object(place) or "body"
        want, got = _named(members), _kind(place, got)
    return Cause(first.owner, first.level, place, want, got, tuple(ordered))


def _named(members: Sequence[str]) -> str:
    names = [member.rpartition(".")[2] for member in members]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"the members {', '.join(names[:NAMED])}{more}"


def _weight(cause: Cause) -> tuple[int, int, str, str, str, str]:
    """No two weigh the same: a rule at a target has one cause."""
    first = cause.example
    many = -len(cause.failures)
    return rank(cause.level), many, cause.owner, cause.place, first.check, first.target


def rank(level: Level) -> int:
    """0 for the highest level."""
    return list(Level).index(level)
