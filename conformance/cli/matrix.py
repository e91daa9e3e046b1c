"""``conformance matrix``: results files as a matrix, in any form."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from conformance.cli.common import PLACE, stop
from conformance.cli.common import write as write_text
from conformance.cli.reporting import files, found, refuse_same, report_options, runs_of, write
from conformance.compare.grid import Grid, grid
from conformance.probe import probes
from conformance.report import board, matrix_json, terminal
from conformance.report import matrix as terminal_matrix


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@report_options
@click.option("--json", "json_file", type=PLACE, help="Write the matrix as one JSON document.")
def matrix(results: tuple[Path, ...], json_file: Path | None, **given: Any) -> None:
    """Make a matrix of results files.

    RESULTS are files that --json wrote, gzipped or not, or folders of them. Of each target the
    newest run is its row; the older ones are its history, and tell since when a rule is broken.

    \b
    conformance matrix results.jsonl --html matrix.html
    conformance matrix history/ tonight.jsonl --html matrix.html --md summary.md --badge badge.svg
    conformance matrix results.jsonl --json matrix.json   its schema: schemas/report/matrix-1.json

    Exit codes: 0 written, 2 usage, or nothing in it.
    """  # noqa: D301  # click wants the backspace, not its spelling
    places = files(given)
    refuse_same([*places.values(), json_file], found(results))
    runs = runs_of(results)
    of = grid(runs)
    if not of.told.lines:
        stop("no target was judged in any of these files")
    for run in runs:
        if not run.complete:
            click.echo(f"conformance: {run.path} has no end: that run was interrupted", err=True)
    if not places and not json_file:
        _print(of)
    write(of, places)
    if json_file:
        write_text(json_file, json.dumps(matrix_json.document(of), indent=1) + "\n")


def _print(of: Grid) -> None:
    """What the runs printed that told of each target last."""
    lines = of.told.lines
    made = board.read(line.row for line in lines)
    for line in lines:
        made.rows[line.row.target].skipped.update(_openers(line.row.absent))
    runs = {id(line.run): line.run for line in lines}.values()
    news = [message for run in runs for message in run.news]
    problems = [message for run in runs for message in run.problems]
    absent = Counter(line.row.provider for line in of.untold)
    console = terminal.console()
    terminal_matrix.run(console, made, news, problems, absent)
    terminal_matrix.verdict(console, made, problems)


def _openers(absent: Mapping[str, str]) -> dict[str, str]:
    """Why areas are not there, by the probe that opens each, of all that were not asked for it."""
    opening = [probe for probe in probes().values() if probe.opens]
    opening.sort(key=lambda probe: len(probe.needs))
    made: dict[str, str] = {}
    for name, reason in absent.items():
        probe = probes().get(name)
        opener = next((one.id for one in opening if probe and probe.belongs_to(one)), name)
        if probe or reason not in made.values():  # one drawn by lot belongs to chat
            made.setdefault(opener, reason)
    return made
