"""What is known of an adapter: its failures, each with a reason, and what becomes of parameters.

It is a TOML file that is committed. A run through the adapter is compared with it, and only what
changed is news; so is an entry that no longer holds, one past its last day, and one about nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from conformance.learn import entry, string
from conformance.model import Outcome, Verdict
from conformance.targets import Known, Target
from conformance.toml_file import TomlFile

FOLDER: Final = Path("baselines")
"""Where baselines are looked for, under the current folder."""
Cells = Mapping[str, Mapping[str, str]]
"""Target, without its adapter -> parameter -> what becomes of it, with dropping off and on."""
WELL: Final = "answered well"
"""How a probe ended that is in no list of those refused."""
_BARE: Final = re.compile(r"\w+")
_MEMBERS: Final = "adapter software fingerprint written known parameters refused"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was known of an adapter when ``software`` was its version."""

    path: Path
    adapter: str
    software: str
    fingerprint: str | None = None
    """The digest of the file its behaviour rests on."""
    written: str = ""
    known: tuple[Known, ...] = ()
    parameters: Cells | None = None
    """None where nobody said, so that nothing of it is news."""
    refused: Cells = field(default_factory=dict)
    """Target -> probe -> how it ended, for those that were not answered well."""

    def expecting(self, targets: Sequence[Target], today: date) -> list[Target]:
        """The targets, each with the failures that are still excused."""
        lasting = [one for one in self.known if not _is_over(one, today)]
        return [
            replace(
                target,
                known=tuple(replace(one, models=("*",)) for one in lasting if _about(one, target)),
            )
            for target in targets
        ]

    def overdue(self, today: date) -> Iterator[str]:
        """The entries past their last day."""
        for one in self.known:
            if _is_over(one, today):
                yield f"{one.where}: {one.check} was excused until {one.until}: {one.reason}"

    def strangers(self, targets: Sequence[Target]) -> Iterator[str]:
        """The patterns, and the rows of parameters, that are about none of ``targets``."""
        names = {behind(target) for target in targets}
        for one in self.known:
            for pattern in one.models:
                if not any(fnmatchcase(name, pattern) for name in names):
                    yield f"{one.where}: a known failure names no target: {pattern}"
        for name in self.parameters or {}:
            if name not in names:
                yield f"{self.path}: its parameters are of no target: {name}"

    def changes(self, measured: Cells, answers: Cells) -> Iterator[str]:
        """Where what becomes of a parameter, or of a probe that was asked, is not what it was."""
        for name, cells in measured.items():
            before = (self.parameters or {}).get(name, {})
            yield from _changed(name, before, cells, before.keys() | cells.keys(), "not measured")
        for name, hows in answers.items():
            yield from _changed(name, self.refused.get(name, {}), hows, hows, WELL)


def _changed(
    name: str, before: Mapping[str, str], now: Mapping[str, str], about: Iterable[str], rest: str
) -> Iterator[str]:
    """The cells that differ; ``rest`` is what becomes of those that are not there."""
    for cell in sorted(about):
        was, is_ = before.get(cell, rest), now.get(cell, rest)
        if was != is_:
            yield f"{name}, {cell}: was {was}; is {is_}"


def read(path: Path) -> Baseline:
    """A baseline's file. Raises BadProvider, naming file, line and the way to mend it."""
    file, table = _File.opened(path)
    return file.baseline(table)


def write(baseline: Baseline) -> None:
    """Write it where it stands. Raises OSError."""
    lines = [
        "# Compared with every run through this adapter. Reasons and `until` are yours to edit;",
        f"# the rest is written by: conformance baseline update {baseline.adapter}",
        f"adapter = {string(baseline.adapter)}",
        f"software = {string(baseline.software)}",
        *([f"fingerprint = {string(baseline.fingerprint)}"] if baseline.fingerprint else []),
        f"written = {baseline.written}",
    ]
    text = "\n".join(lines) + "\n" + "".join(entry(one, "targets") for one in baseline.known)
    for table, rows in (("parameters", baseline.parameters or {}), ("refused", baseline.refused)):
        for name, cells in rows.items():
            lines = [f"{_key(cell)} = {string(how)}\n" for cell, how in cells.items()]
            text += f"\n[{table}.{string(name)}]\n" + "".join(lines)
    baseline.path.parent.mkdir(parents=True, exist_ok=True)
    baseline.path.write_text(text, "utf-8")


def _key(name: str) -> str:
    """A TOML key; that of a probe has a dot in it, and so needs quotation marks."""
    return name if _BARE.fullmatch(name) else string(name)


def behind(one: Target | Verdict) -> str:
    """A target's name without its adapter: ``anthropic/claude-haiku-4-5``."""
    name = one.name if isinstance(one, Target) else one.target
    return name.partition(":")[2]


def _about(known: Known, target: Target) -> bool:
    return any(fnmatchcase(behind(target), pattern) for pattern in known.models)


def _is_over(known: Known, today: date) -> bool:
    return bool(known.until) and known.until < today.isoformat()


class _File(TomlFile):
    """Reads the tables of one baseline's file."""

    def baseline(self, table: dict[str, Any]) -> Baseline:
        self.only(table, _MEMBERS)
        rows, refused = self.table(table, "parameters"), self.table(table, "refused")
        return Baseline(
            path=self.path,
            adapter=self.text_of(table, "adapter") or self.path.stem,
            software=self.text_of(table, "software") or "",
            fingerprint=self.text_of(table, "fingerprint"),
            written=self.day(table, "written"),
            known=tuple(self.known(table.get("known", []))),
            parameters={name: self.cells(rows, name) for name in rows},
            refused={name: self.cells(refused, name) for name in refused},
        )

    def known(self, entries: Any) -> Iterator[Known]:
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise self.bad("known", "make each one a table: [[known]]")
        for number, given in enumerate(entries):
            here = self.under(r"\[\s*known\s*\]", number)
            here.only(given, "check targets outcome reason since until")
            for name in ("check", "reason"):
                if not here.text_of(given, name):
                    raise here.bad(name, f"a known failure needs {name} = …")
            outcome = given.get("outcome", Outcome.FAIL)
            if outcome not in list(Outcome):
                raise here.bad("outcome", f"choose from {', '.join(Outcome)}")
            yield Known(
                check=given["check"],
                reason=given["reason"],
                models=tuple(here.strings(given, "targets")) or ("*",),
                outcome=outcome,
                since=here.day(given, "since"),
                until=here.day(given, "until"),
                where=here.place(here.start),
            )

    def cells(self, rows: dict[str, Any], name: str) -> dict[str, str]:
        cells = self.table(rows, name)
        for parameter, cell in cells.items():
            if not isinstance(cell, str):
                raise self.bad(parameter, "make it a string")
        return cells

    def day(self, table: dict[str, Any], name: str) -> str:
        """A date in ``table``, in ISO form; empty where it is not given."""
        value = table.get(name)
        if value is not None and not isinstance(value, date):
            raise self.bad(name, f"make it a date: {name} = 2026-01-31")
        return str(value or "")
