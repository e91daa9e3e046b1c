"""What a run came to, target by target: the numbers behind a matrix, and what is news.

A board says the same whether it was fed by a run or by its results file, and in any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from conformance.compare.cells import Tally
from conformance.model import Finding, Level, Outcome, Provenance, Source, Verdict
from conformance.report.summary import HARMLESS, ORDER
from conformance.report.terminal import Written
from conformance.results import rows as told_rows


@dataclass(slots=True)
class Area:
    """One target's verdicts of one suite, by check. A check that broke a rule once is broken."""

    passed: dict[str, Level] = field(default_factory=dict)
    broken: dict[str, Verdict] = field(default_factory=dict)
    """Check -> the verdict that weighs most: what isn't known before what is."""

    @property
    def told(self) -> set[str]:
        """The checks that had their say."""
        return self.passed.keys() | self.broken.keys()

    @property
    def held(self) -> list[Level]:
        """The level of each rule that was never broken."""
        return [level for check, level in self.passed.items() if check not in self.broken]

    def failures(self, level: Level, *, known: bool = False) -> list[Verdict]:
        """What was broken on this level: the news, or what was known."""
        return [
            verdict
            for verdict in self.broken.values()
            if verdict.level is level
            and verdict.outcome not in HARMLESS
            and (verdict.known is not None) is known
        ]

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        if verdict.outcome is Outcome.PASS:
            self.passed[verdict.check] = verdict.level
        elif verdict.findings:
            before = self.broken.get(verdict.check)
            if before is None or _weight(verdict) < _weight(before):
                self.broken[verdict.check] = verdict


def _weight(verdict: Verdict) -> tuple[bool, bool, int, str]:
    """What weighs most comes first; of the same weight one exchange, whichever was judged first."""
    name = verdict.exchange or ""
    harmless, known = verdict.outcome in HARMLESS, verdict.known is not None
    return harmless, known, len(name), name


@dataclass(slots=True)
class Row:
    """One target: its areas by suite, and where its replies come from."""

    areas: dict[str, Area] = field(default_factory=lambda: defaultdict(Area))
    provenance: Provenance | None = None
    """The oldest there is: a row is as old as what it rests on."""
    skipped: dict[str, str] = field(default_factory=dict)
    """The probe that opens an area -> why it was refused."""

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.areas[verdict.check.partition(".")[0]].add(verdict)
        made = verdict.provenance
        dated = made and (made.recorded_at or "9")
        if dated and (self.provenance is None or dated < (self.provenance.recorded_at or "9")):
            self.provenance = made

    @property
    def is_told(self) -> bool:
        """Whether any check had its say."""
        return any(area.told for area in self.areas.values())

    def failures(self, level: Level, *, known: bool = False) -> list[Verdict]:
        """As in :meth:`Area.failures`, over all areas."""
        found = [v for area in self.areas.values() for v in area.failures(level, known=known)]
        return sorted(found, key=lambda v: v.check)

    def tally(self, level: Level) -> Tally:
        """How many of this level's rules held, of how many that could be told."""
        held = sum(one is level for area in self.areas.values() for one in area.held)
        return Tally(held, held + len(self.failures(level)) + len(self.failures(level, known=True)))


@dataclass(slots=True)
class Board:
    """Every target of a run by name; feed it each verdict with :meth:`add`."""

    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))

    def add(self, verdict: Verdict) -> None:
        """Count a verdict."""
        self.rows[verdict.target].add(verdict)

    def news(self, lowest: Level) -> Iterator[Verdict]:
        """Failures that nobody knew of, down to this level."""
        for row in self.rows.values():
            for level in ORDER:
                if ORDER[level] <= ORDER[lowest]:
                    yield from row.failures(level)

    def count(self, level: Level, *, known: bool) -> int:
        """How many (target, check) are broken on this level."""
        return sum(len(row.failures(level, known=known)) for row in self.rows.values())


def read(rows: Iterable[told_rows.Row]) -> Board:
    """The board of what results files say."""
    board = Board()
    for row in rows:
        made = board.rows[row.target]
        for result in row.results.values():
            for verdict in _verdicts(result):
                made.add(verdict)
        made.provenance = _provenance(row) or made.provenance
    return board


def _verdicts(result: told_rows.Result) -> Iterator[Verdict]:
    """What a check came to: whether it ever passed, and each time that it was broken."""
    if result.example:
        outcome = Outcome.PASS if result.outcomes[Outcome.PASS] else Outcome.INCONCLUSIVE
        yield replace(result.example, outcome=outcome, findings=())
    for verdict in result.broken:
        found = (Finding(f.at, f.want, Written(f.got)) for f in verdict.findings)
        yield replace(verdict, findings=tuple(found))


def _provenance(row: told_rows.Row) -> Provenance | None:
    """Where a row's replies come from; None in a file of another make."""
    if row.source not in list(Source):
        return None
    software = row.software or None
    return Provenance(Source(row.source), recorded_at=row.recorded[0] or None, software=software)
