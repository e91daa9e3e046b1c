"""Changes in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from conformance.compare.changes import Changes
from conformance.report.changes.head import extent, remarks, side, verdict
from conformance.report.changes.parts import Entry, Parts, Quoted
from conformance.report.changes.sections import sections
from conformance.report.inert import short
from conformance.report.terminal import STYLES

LISTED = 40
"""How many entries of a section are printed; the JSON file has them all."""


def show(console: Console, changes: Changes) -> None:
    """Print what changed, and how much was compared."""
    for name, run in ("old", changes.old), ("new", changes.new):
        console.print(Text(f"{name}  ", "dim").append(_text(side(run))), soft_wrap=True)
    for remark in remarks(changes):
        console.print(_text(remark, "magenta"), soft_wrap=True)
    console.print()
    for section in sections(changes):
        console.print(Text(section.title, "bold"), soft_wrap=True)
        for entry in section.entries[:LISTED]:
            _entry(console, entry)
        if len(section.entries) > LISTED:
            more = f"  and {len(section.entries) - LISTED:,} more: see --json"
            console.print(Text(more, "dim"))
        console.print()
    is_sure = changes.is_comparison and changes.new.complete
    style = "bold red" if changes.news() else "green" if is_sure else "yellow"
    console.print(
        Text(verdict(changes), style).append(f" {extent(changes)}", "none"), soft_wrap=True
    )


def _entry(console: Console, entry: Entry) -> None:
    line = Text("  ")
    if entry.level:
        line.append(f"{entry.level.upper():<7}", STYLES[entry.level])
    console.print(line.append(_text(entry.what)), soft_wrap=True)
    if entry.where:
        console.print(Text("         ").append(_text(entry.where, "dim")), soft_wrap=True)


def _text(parts: Parts, style: str = "") -> Text:
    return Text("".join(short(p) if isinstance(p, Quoted) else p for p in parts), style)
