"""What is said of changes, in which order, whatever it is written on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from conformance.compare.causes import Cause, causes
from conformance.compare.changes import Change, Changes, Turn
from conformance.compare.kinds import Kind
from conformance.model import Outcome
from conformance.report.changes.parts import Entry, Parts, Quoted, Section
from conformance.report.counting import count
from conformance.results.rows import BROKEN, Row

TITLES: Final = {
    Kind.NEW: "New failures",
    Kind.COVERED_BROKEN: "Newly covered, and broken",
    Kind.FLAKY: "Became flaky",
    Kind.FIXED: "Fixed",
    Kind.STEADY: "No longer flaky",
    Kind.WORSE: "Otherwise worse",
    Kind.BETTER: "Otherwise better",
    Kind.COVERED: "Newly covered",
    Kind.DISAPPEARED: "No longer told",
}
GROUPED: Final = (Kind.NEW, Kind.COVERED_BROKEN, Kind.FLAKY, Kind.FIXED, Kind.STEADY)
"""The kinds whose changes are told by cause."""
REASONS: Final = 2
"""How many reasons are named why rules of a target are no longer told."""


def sections(changes: Changes) -> Iterator[Section]:
    """All news, the worst first."""
    for kind, title in TITLES.items():
        found = changes.of(kind)
        if found:
            told = _by_cause(found) if kind in GROUPED else _plain(kind, found)
            entries = list(told)
            yield Section(f"{title}: {_size(found, entries, kind)}", entries)
    if changes.turns:
        title = f"Parameters that something else becomes of: {len(changes.turns):,}"
        yield Section(title, list(map(_turn, changes.turns)))
    if changes.gone:
        entries = [Entry((Quoted(target),)) for target in changes.gone]
        yield Section(f"Targets that are gone: {len(entries):,}", entries)
    if changes.added:
        entries = [_added(changes.new.rows[target]) for target in changes.added]
        yield Section(f"Targets that are new, with nothing to compare: {len(entries):,}", entries)


def grouped(found: Iterable[Change]) -> list[Cause]:
    """The causes of what is, or was, broken: those that nobody knew of first."""
    made = causes(change.failure for change in found if change.failure)
    return sorted(made, key=lambda cause: cause.known is not None)


def _size(found: Sequence[Change], entries: Sequence[Entry], kind: Kind) -> str:
    if kind in GROUPED:
        return f"{count(len(found), 'rule')}, {count(len(entries), 'cause')}"
    return count(len(found), "rule")


def _by_cause(found: Sequence[Change]) -> Iterator[Entry]:
    changed = {(change.target, change.check): change for change in found}
    for cause in grouped(found):
        members = [changed[failure.target, failure.check] for failure in cause.failures]
        yield Entry(_symptom(cause), (*_places(cause), *_history(members)), cause.level)


def _symptom(cause: Cause) -> Parts:
    if not cause.place:
        return Quoted(cause.owner), " broke a rule, and its results file does not say where"
    place = Quoted(cause.owner), " ", Quoted(cause.place)
    return *place, ": wanted ", Quoted(cause.want), ", got ", Quoted(cause.got)


def _places(cause: Cause) -> Parts:
    verdict = cause.example.verdict
    seen = Quoted(verdict.probe or verdict.exchange or "no exchange")
    rules, targets = _first(cause.checks, "rule"), _first(cause.targets, "target")
    return *rules, " at ", *targets, " (", seen, ")"


def _first(names: Sequence[str], what: str) -> Parts:
    more = f" and {count(len(names) - 1, f'more {what}')}" if len(names) > 1 else ""
    return Quoted(names[0]), more


def _history(members: Sequence[Change]) -> Parts:
    """What it came to before and what now, and whether it is known."""
    before = _outcomes(change.before for change in members)
    after = _outcomes(change.after for change in members)
    some = f" ({members[0].times[0]:,} of {members[0].times[1]:,})" if _is_some(members) else ""
    known = [change.known for change in members if change.known]
    often = (
        f"{len(known):,} of {len(members):,} known: " if len(known) < len(members) else "known: "
    )
    return f"; {before} → {after}{some}", *(("; ", often, Quoted(known[0])) if known else ())


def _is_some(members: Sequence[Change]) -> bool:
    """Whether the only one is broken at times."""
    return len(members) == 1 and 0 < members[0].times[0] < members[0].times[1]


def _outcomes(outcomes: Iterable[Outcome | None]) -> str:
    return ", ".join(
        sorted({outcome.replace("_", " ") if outcome else "not asked" for outcome in outcomes})
    )


def _plain(kind: Kind, found: Sequence[Change]) -> Iterator[Entry]:
    if kind in (Kind.WORSE, Kind.BETTER):
        yield from map(_shift, found)
        return
    by_target: dict[str, list[Change]] = defaultdict(list)
    for change in found:
        by_target[change.target].append(change)
    for target, changes in sorted(by_target.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        yield Entry((Quoted(target), f": {count(len(changes), 'rule')}", *_details(kind, changes)))


def _shift(change: Change) -> Entry:
    turned = f": {_outcomes([change.before])} → {_outcomes([change.after])}"
    return Entry((Quoted(change.check), " at ", Quoted(change.target), turned), (), change.level)


def _details(kind: Kind, changes: Sequence[Change]) -> Iterator[str]:
    """Of rules no longer told, how many were broken, and why; of others one as an example."""
    if kind is Kind.COVERED:
        yield from (", such as ", Quoted(changes[0].check))
        return
    broken = sum(change.was_broken for change in changes)
    if broken:
        yield f", {broken:,} of them broken before"
    reasons = Counter(change.reason or _outcomes([change.after]) for change in changes)
    for reason, times in reasons.most_common(REASONS):
        yield from (f"; {times:,}: ", Quoted(reason))


def _turn(turn: Turn) -> Entry:
    told = f": {turn.before.replace('_', ' ')} → {turn.after.replace('_', ' ')}"
    dropping = ", told to drop" if turn.dropping else ""
    return Entry(
        (Quoted(turn.name), " at ", Quoted(turn.target), f"{dropping}{told}"),
        (Quoted(turn.evidence),),
    )


def _added(row: Row) -> Entry:
    outcomes = [outcome for _, outcome, _ in row.checks()]
    broken = sum(outcome in BROKEN for outcome in outcomes)
    told = broken + sum(outcome is Outcome.PASS for outcome in outcomes)
    return Entry((Quoted(row.target), f": {broken:,} of {count(told, 'rule')} broken"))
