"""``conformance checks`` and ``conformance explain``: what is checked, and how."""

from __future__ import annotations

import json
from pathlib import Path

import click

from conformance.cli.common import PLACE, choose_checks, stop, suggestions, write
from conformance.model import Level
from conformance.registry import checks
from conformance.report import terminal


@click.command(name="checks")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.option("--md", type=PLACE, help="Write the page with examples.")
@click.option("--only", multiple=True, metavar="GLOB", help="List these checks only.")
def list_checks(*, as_json: bool, md: Path | None, only: tuple[str, ...]) -> None:
    """List every check: id, level and rule."""
    from conformance.report import catalogue  # noqa: PLC0415  # only this needs the reference

    chosen = choose_checks(only, (), Level.MAY)
    if as_json:
        click.echo(json.dumps([catalogue.entry(check) for check in chosen], indent=1))
    elif md:
        write(md, catalogue.page(chosen))
    else:
        table = terminal.table("check", "level", "rule")
        for check in chosen:
            table.add_row(check.id, check.level, check.rule)
        terminal.console().print(table)


@click.command()
@click.argument("check_id", metavar="ID")
def explain(check_id: str) -> None:
    """Explain one check: its rule, its source, why a client cares, and a failing example."""
    from conformance.report import catalogue  # noqa: PLC0415  # only this needs the reference

    known = checks()
    if check_id not in known:
        stop(f"no check is called {check_id}{suggestions(check_id, known, 'conformance checks')}")
    click.echo(catalogue.explained(known[check_id]))
