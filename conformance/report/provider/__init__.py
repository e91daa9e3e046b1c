"""The page about a provider: what works, what does not, what to avoid; ready to be sent to it."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.compare.grid import Grid, Line
from conformance.report.provider import html, markdown
from conformance.report.provider.facts import facts


def page_md(lines: Sequence[Line], grid: Grid) -> str:
    """The page about these rows, one target or several of one provider, as Markdown."""
    return markdown.page(facts(lines, grid))


def page_html(lines: Sequence[Line], grid: Grid) -> str:
    """The same as one self-contained HTML file."""
    return html.page(facts(lines, grid))
