"""A badge: one number with its denominator, as an SVG of its own. It loads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from conformance.compare.cells import Tally
from conformance.compare.grid import Grid
from conformance.report.terminal import printable

LABEL: Final = "OpenAI API"
LONGEST: Final = 60
"""Characters of a date that are shown."""
NARROW: Final = frozenset("fijlrtI.,:;'|!()[] ")
GREEN, AMBER, RED, GREY = "#1a7f37", "#8a5a00", "#b3261e", "#5f6368"
"""White text on each has a contrast of more than 5 to 1. The text says it too."""
GOOD: Final = 90
"""Per cent from which it is not red."""


def badge(grid: Grid) -> str:
    """How many of the MUST rules held that could be told, over all rows; known failures broke.

    The number is rounded down, so that it is 100% only where all of them held. Each rule counts
    once at each target. Where nothing could be told, it says so.
    """
    tally = sum((row.must for row in grid.lines), Tally())
    said = value(tally)
    title = f"{LABEL}: {said}"
    if tally.told:
        title += f"; {', '.join(_details(grid, tally))}"
    return _drawn(said, _colour(tally), title)


def value(tally: Tally) -> str:
    """The text on the right: a share and of how many it is."""
    if not tally.told:
        return "nothing tested"
    return f"{_share(tally)}% of {tally.told:,} MUST"


def _share(tally: Tally) -> int:
    return 100 * tally.held // tally.told


def _colour(tally: Tally) -> str:
    if not tally.told:
        return GREY
    if tally.held == tally.told:
        return GREEN
    return AMBER if _share(tally) >= GOOD else RED


def _details(grid: Grid, tally: Tally) -> Iterator[str]:
    yield f"{tally.held:,} held"
    told = sum(row.must.told > 0 for row in grid.lines)
    yield f"{told:,} {'target' if told == 1 else 'targets'}"
    yield f"newest run {_cut(max(row.run.started for row in grid.lines)[:10])}"


def _cut(text: str) -> str:
    shown = printable(text[:LONGEST])
    return shown if len(text) <= LONGEST and len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def _width(text: str) -> int:
    """Pixels that a text gets; the drawing makes any font fit into them."""
    return round(sum(4.2 if character in NARROW else 7.2 for character in text)) + 12


def _drawn(said: str, colour: str, title: str) -> str:
    left, right = _width(LABEL), _width(said)
    whole = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" '
        f'viewBox="0 0 {whole} 20" role="img" aria-label={quoteattr(title)}>\n'
        f"<title>{escape(title)}</title>\n"
        f'<clipPath id="edge"><rect width="{whole}" height="20" rx="3"/></clipPath>\n'
        f'<g clip-path="url(#edge)">'
        f'<rect width="{left}" height="20" fill="#24292f"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>\n'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">\n'
        f"{_text(LABEL, 0, left)}\n{_text(said, left, right)}\n</g>\n</svg>\n"
    )


def _text(text: str, start: int, width: int) -> str:
    room = width - 12
    return (
        f'<text x="{start + 6}" y="14" textLength="{room}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text>"
    )
