"""``conformance matrix``: results files as a matrix, in any form."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from conformance.cli.common import FILE, opened, stop
from conformance.cli.reporting import files, refuse_same, report_options, runs_of, write
from conformance.compare.grid import Grid, grid
from conformance.report import matrix as terminal_matrix
from conformance.report import matrix_json, terminal
from conformance.report.board import Board


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@report_options
@click.option("--json", "json_file", type=FILE, help="Write the matrix as one JSON document.")
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
    refuse_same([*places.values(), json_file])
    runs = runs_of(results)
    of = grid(runs)
    if not of.told.lines:
        stop("no target was judged in any of these files")
    for run in runs:
        if not run.complete:
            click.echo(f"conformance: {run.path} has no end: that run was interrupted", err=True)
    write(of, places)
    if json_file:
        with opened(json_file) as file:
            json.dump(matrix_json.document(of), file, indent=1)
            file.write("\n")
    if not places and not json_file:
        _print(of)


def _print(of: Grid) -> None:
    """The matrix of the terminal: the newest run of each target."""
    board = Board()
    for row in (line.row for line in of.told.lines):
        for result in row.results.values():
            for verdict in (result.example, *result.broken):
                if verdict:
                    board.add(verdict)
        board.rows[row.target].skipped.update(row.absent)
    absent = Counter(line.row.provider for line in of.untold)
    terminal_matrix.run(terminal.console(), board, [], [], absent)
