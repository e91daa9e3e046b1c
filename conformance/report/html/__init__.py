"""The matrix as one page of HTML that needs nothing else: no server, no network, no other file.

Its table is there without its script, which adds evidence, filters and keys. Whatever a results
file holds comes out as text: the template escapes it, the script never makes markup of it, and the
page's own policy lets nothing run but the script whose hash it names, and nothing be loaded.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from conformance.compare.grid import Grid
from conformance.report.html import view
from conformance.report.html.data import island
from conformance.report.html.states import LOOKS, letters

SCRIPTS: Final = ("table.js", "evidence.js", "keys.js", "matrix.js")
"""In the order in which they need each other."""


def page(grid: Grid) -> str:
    """The whole page; the same runs make the same page, to the byte."""
    headings = view.headings(grid.columns)
    capabilities = [heading for heading in headings if not heading.is_parameter]
    groups = list(view.groups(grid))
    has_trend = any(target.trend.marks for group in groups for target in group.targets)
    style = _style(len(capabilities), len(headings) - len(capabilities), int(has_trend))
    told = [told.disposition for line in grid.lines for told in line.row.parameters.values()]
    return _template("matrix.html.j2").render(
        style=Markup(style),  # noqa: S704  # our own file
        script=Markup(_script()),  # noqa: S704  # our own files
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(_script())}",
        island=island(grid),
        groups=groups,
        headings=headings,
        capabilities=len(capabilities),
        totals=view.totals(grid),
        runs=view.made_from(grid),
        older=max(0, len(grid.runs) - view.RUNS),
        messages=view.messages(grid),
        looks=LOOKS,
        letters=letters(told),
        has_trend=has_trend,
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _file(name: str) -> str:
    return (files(__name__) / "templates" / name).read_text("utf-8")


@cache
def _script() -> str:
    return "\n".join(_file(name) for name in SCRIPTS)


def _style(capabilities: int, parameters: int, trend: int) -> str:
    """The style, with what depends on how many columns there are of each kind."""
    first = 3 + trend + capabilities + 1
    cell = "#matrix tr:not(.top, .group) > :nth-child"
    counts = {"capabilities": capabilities, "parameters": parameters, "trend": trend}
    told = " ".join(f"--{what}: {count};" for what, count in counts.items())
    letters = f"{cell}(n + {first}) {{ width: var(--letter); }}"
    border = f"{cell}({first}) {{ border-left: 1px solid var(--line); }}" if capabilities else ""
    ours = (_file("palette.css"), _file("matrix.css"))
    return "\n".join((*ours, f"#matrix {{ {told} }}", letters, border))


def _hash(text: str) -> str:
    """What a content security policy calls an inline script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
