"""What stands above the news: the result in a sentence, how much was compared, and of what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.compare.changes import Change, Changes
from conformance.compare.kinds import Kind
from conformance.model import Level
from conformance.report.changes.parts import Parts, Quoted
from conformance.report.counting import count
from conformance.results.reading import Run


def verdict(changes: Changes) -> str:
    """The result in one sentence."""
    if not changes.is_comparison:
        return "Nothing was compared."
    if changes.is_nothing:
        end = "" if changes.new.complete else " as far as NEW goes, which is incomplete"
        return f"Nothing changed{end}."
    counts = [
        *_failures(changes),
        _some(len(changes.of(Kind.FIXED)), "fixed"),
        _some(len(changes.of(Kind.FLAKY)), "became flaky"),
        _some(len(changes.of(Kind.DISAPPEARED)), "no longer told"),
        _some(len(changes.turns), "parameters changed", "parameter changed"),
    ]
    return f"{', '.join(filter(None, counts))}."


def _failures(changes: Changes) -> Iterator[str]:
    """New failures by level, those of rules that were not told before by themselves."""
    found = changes.failures(Level.MAY)
    covered = [change for change in found if change.kind is Kind.COVERED_BROKEN]
    new = [change for change in found if change.kind is not Kind.COVERED_BROKEN]
    yield from _levels(new, "new {} failure", "") or ["no new failure"]
    yield from _levels(covered, "{} rule", " newly covered and broken")


def _levels(found: Sequence[Change], what: str, tail: str) -> list[str]:
    by_level = [(level, [c for c in found if c.level is level]) for level in Level]
    return [
        f"{count(len(these), what.format(level.upper()))}{tail}{_known(these)}"
        for level, these in by_level
        if these
    ]


def _known(found: Sequence[Change]) -> str:
    known = sum(change.known is not None for change in found)
    return f" ({known:,} known)" if known else ""


def extent(changes: Changes) -> str:
    """How much was compared, and what stays."""
    rules, targets = count(changes.compared, "rule"), count(changes.targets, "target")
    parameters = f" and {count(changes.parameters, 'parameter')}" if changes.parameters else ""
    known = f" ({changes.staying_known:,} known)" if changes.staying_known else ""
    stay = f"unchanged failures: {changes.staying:,}{known}"
    return f"{rules}{parameters} at {targets} compared; {stay}."


def remarks(changes: Changes) -> Iterator[Parts]:
    """What may explain changes, or keeps them from being told."""
    old, new = changes.old, changes.new
    for what, was, now in (
        ("tool", old.tool, new.tool),
        ("revision of the API", old.revision, new.revision),
        ("mode", old.mode, new.mode),
    ):
        if was != now:
            yield (f"Another {what}, which may explain changes: ", Quoted(was), " → ", Quoted(now))
    if new.started < old.started:
        yield ("OLD began after NEW: ", Quoted(old.started), ", ", Quoted(new.started))
    for name, run in ("OLD", old), ("NEW", new):
        if not run.complete:
            yield (f"{name} is incomplete: what is not in it was perhaps only not come to.",)
    if new.problems:
        problems = count(len(new.problems), "problem")
        yield (
            f"NEW had {problems}, which may keep rules from being told: ",
            Quoted(new.problems[0]),
        )
    if changes.unsure:
        yield (f"Told in one run only, and not counted: {count(changes.unsure, 'rule')}.",)


def side(run: Run) -> Parts:
    """A run in one line."""
    about = f", {count(len(run.rows), 'target')}"
    return Quoted(run.path), ": ", Quoted(run.mode), " of ", Quoted(run.started), about


def _some(number: int, many: str, one: str = "") -> str:
    return f"{number:,} {one if one and number == 1 else many}" if number else ""
