"""Changes as Markdown: short, the news first, fit for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.compare.changes import Changes
from conformance.report.changes.head import extent, remarks, side, verdict
from conformance.report.changes.parts import Entry, Parts, Quoted, Section
from conformance.report.changes.sections import sections
from conformance.report.inert import code

LISTED: Final = 20
"""How many entries of a section are written."""
SPACE: Final = 50_000
"""Characters after which no more entries are written: a comment on GitHub has room for 65,536."""


def markdown(changes: Changes) -> str:
    """The news, never longer than a comment may be, in which a stranger's text is only text."""
    lines = [f"**{verdict(changes)}** {extent(changes)}", ""]
    notes = [f"- {_text(remark)}" for remark in remarks(changes)]
    lines += [*notes, ""] if notes else []
    size = len("\n".join(lines))
    for section in sections(changes):
        written = list(_section(section, SPACE - size))
        size += sum(map(len, written)) + len(written)
        lines += written
    lines += [f"From {_text(side(changes.old))}  ", f"to {_text(side(changes.new))}"]
    return "\n".join(lines) + "\n"


def _section(section: Section, space: int) -> Iterator[str]:
    """The lines of a section: as many entries as there is room for, and how many are left out."""
    yield from (f"### {section.title}", "")
    written = 0
    for entry in section.entries[:LISTED]:
        line = _entry(entry)
        space -= len(line)
        if space < 0:
            break
        written += 1
        yield line
    left = len(section.entries) - written
    if left:
        yield f"- and {left:,} more: see the JSON file"
    yield ""


def _entry(entry: Entry) -> str:
    level = f"**{entry.level.upper()}** " if entry.level else ""
    where = f"<br>{_text(entry.where)}" if entry.where else ""
    return f"- {level}{_text(entry.what)}{where}"


def _text(parts: Parts) -> str:
    return "".join(code(part) if isinstance(part, Quoted) else part for part in parts)
