"""The page about a provider as one HTML file, which loads nothing and runs nothing."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.report.counting import count
from conformance.report.inert import excerpt, lines, name, short
from conformance.report.naming import target_name
from conformance.report.provider import words
from conformance.report.provider.facts import Facts
from conformance.report.provider.limits import FULL, LINES, ROWS, RULES, SIDES


def page(facts: Facts) -> str:
    """The whole page."""
    return _environment().get_template("provider.html.j2").render(facts=facts)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("conformance.report", "html/templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "show": short,
        "name": name,
        "target": target_name,
        "lines": lines,
        "excerpt": excerpt,
    }
    made.globals |= {"words": words, "at": words.at, "show": short, "count": count}
    made.globals |= {"full": FULL, "most": LINES, "rows": ROWS, "rules": RULES, "sides": SIDES}
    return made
